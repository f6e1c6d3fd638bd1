import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { isBelow } from "../../src/snmp/oid.ts";
import { MIB_OBJECTS, MIB_SUBTREES } from "../../src/snmp/tree/mibTree.ts";
import { FakeInstance } from "./support.ts";

const SPECIFIED = fileURLToPath(new URL("../../../../../shared/spec/snmp-oids.tsv", import.meta.url));
const hasSpecification = existsSync(SPECIFIED);

const INDEXES: Readonly<Record<string, string>> = {
  system: "[sysMin]",
  global: "[globalMin]",
  "vhosts minutes": "[vhostMin]",
  "views minutes": "[viewMin]",
  "disks minutes": "[diskMin]",
  configurations: "[confIndex]",
  disks: "[diskIndex]",
  vhosts: "[vhostIndex]",
  views: "[viewIndex]",
};

const indexesOf = ({ minutes, rows }: (typeof MIB_OBJECTS)[number]): string =>
  [
    ...(minutes === undefined ? [] : [INDEXES[minutes] ?? INDEXES[`${minutes} minutes`]]),
    ...(rows === undefined ? [] : [INDEXES[rows]]),
  ].join(".");

const minutesOfRows = ({ minutes }: (typeof MIB_OBJECTS)[number]): string | undefined =>
  minutes === "vhosts" || minutes === "views" || minutes === "disks" ? INDEXES[`${minutes} minutes`] : undefined;

const indexWords = (object: (typeof MIB_OBJECTS)[number]): string => {
  const own = minutesOfRows(object);
  if (own === undefined) return indexesOf(object);
  return object.rows === undefined ? own : `${own}.${INDEXES[object.rows]}`;
};

describe("the tree of objects", () => {
  it.skipIf(!hasSpecification)(
    "SNMP-48 to SNMP-384: has every row of snmp-oids.tsv with its OID, name, type, indexes and unit, and no other (skipped where that file is absent)",
    () => {
      const specified = readFileSync(SPECIFIED, "utf8")
        .trim()
        .split("\n")
        .slice(1)
        .map((line) => line.split("\t").slice(0, 5).join(" | "));
      const own = [
        ...MIB_SUBTREES.map(({ suffix, name }) => [suffix.join("."), name, "OID", "", ""].join(" | ")),
        ...MIB_OBJECTS.map((object) =>
          [
            object.suffix.join("."),
            object.name,
            object.type === "string" ? "String" : "Integer",
            indexWords(object),
            object.unit,
          ].join(" | "),
        ),
      ];
      expect(own.toSorted()).toEqual(specified.toSorted());
    },
  );

  it("SNMP-36 REG-286 signed are the byte hit ratios, and they alone", () => {
    for (const { name, type, unit } of MIB_OBJECTS) {
      expect([name, type === "integer"]).toEqual([name, /bytes?HitRatio/.test(name)]);
      expect([name, type === "integer"]).toEqual([name, unit.endsWith("(signed)")]);
    }
  });

  it("every object has a source, and a value where there is something to read", () => {
    const instance = new FakeInstance("a.com");
    instance.views = [{ name: "all", row: 1, members: new Set(["a.com"]) }];
    instance.configurations = [
      { id: 4, atSeconds: 5, kind: "modified", sizeBytes: 6, hash: "AB", path: "/x", productVersion: "1" },
    ];
    instance.sample = { ...instance.sample, disks: instance.sample.disks };
    instance.endSeconds(60);
    const source = instance.source();
    for (const object of MIB_OBJECTS) {
      expect([object.name, object.source === ""]).toEqual([object.name, false]);
      const value = object.read(
        { ...wrapped(source), diskActivity: () => [DISK_FACTS] },
        { minutes: object.minutes === undefined ? 0 : 1, row: object.rows === undefined ? 0 : 1 },
      );
      expect([object.name, typeof value]).toEqual([object.name, object.type === "string" ? "string" : "number"]);
    }
  });

  it("SNMP-06 none is about folders of a virtual host", () => {
    const about = MIB_OBJECTS.filter(({ name }) => /folder|directory|path|[^a-z]dir/i.test(name)).map(
      ({ name }) => name,
    );
    expect(about.filter((name) => !name.endsWith(".getattr.dircount")).toSorted()).toEqual([
      "meta.conf.Path",
      "system.diskInfo.diskInfoPath",
    ]);
  });

  it("no object lies below another one", () => {
    MIB_OBJECTS.forEach(({ suffix, name }, index) => {
      const next = MIB_OBJECTS[index + 1];
      expect([name, next !== undefined && isBelow(next.suffix, suffix)]).toEqual([name, false]);
    });
  });
});

const NOTHING_DONE = {
  ...{ reads: 0, readsMerged: 0, readSectors: 0, readMs: 0, writes: 0, writesMerged: 0, writeSectors: 0, writeMs: 0 },
  ...{ inProgress: 0, busyMs: 0, weightedMs: 0, path: "/cache1", device: "sda" },
};

const DISK_FACTS = { path: "/cache1", status: "Normal", now: NOTHING_DONE, before: NOTHING_DONE };

const wrapped = (source: ReturnType<FakeInstance["source"]>) => ({
  settings: source.settings,
  version: source.version,
  hostName: source.hostName,
  admin: source.admin,
  uptimeMs: source.uptimeMs,
  configurations: source.configurations,
  disks: source.disks,
  rowsOf: source.rowsOf.bind(source),
  countSizes: () => {},
  host: source.host.bind(source),
  figures: source.figures.bind(source),
  facts: source.facts.bind(source),
});
