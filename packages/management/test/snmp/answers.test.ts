import type { SnmpSettings } from "@basalt/config";
import { VHOST_SLOT } from "@basalt/telemetry";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerRequest } from "../../src/snmp/answerRequest.ts";
import { SNMP_LIMITS } from "../../src/snmp/limits.ts";
import { decodeMessage } from "../../src/snmp/message.ts";
import { MibView } from "../../src/snmp/mibView.ts";
import { compareOids, type Oid } from "../../src/snmp/oid.ts";
import { OidSet } from "../../src/snmp/oidSet.ts";
import { MIB_OBJECTS } from "../../src/snmp/tree/mibTree.ts";
import { type AskedRequest, below, FakeInstance, ROOT, readAnswer, requestBytes, suffixOf, TAG } from "./support.ts";

/** A manager of this instance. */
const managerOf = (
  instance: FakeInstance,
  settings: Partial<SnmpSettings> = {},
  rows: Readonly<Record<string, number>> = {},
  visible: OidSet = OidSet.everything,
) => {
  const view = new MibView(instance.source(settings, rows));
  const send = (asked: AskedRequest) => {
    const decoded = decodeMessage(requestBytes(asked));
    if (decoded.kind !== "request") throw new Error(decoded.kind);
    const answered = answerRequest(decoded.request, view, visible);
    return { ...answered, bytes: answered.datagram?.length ?? 0 };
  };
  const ask = (asked: AskedRequest) => {
    const { datagram } = send(asked);
    if (datagram === undefined) throw new Error("no answer");
    return readAnswer(datagram);
  };
  const get = (...suffixes: readonly string[]) => ask({ oids: suffixes.map(below) }).variables;
  /** Names and values of a walk below a suffix, by GETNEXT or GETBULK. */
  const walk = (suffix: string, kind: "getNext" | "getBulk" = "getNext") => {
    const found: (readonly [string, number | string])[] = [];
    let at: Oid = below(suffix);
    for (;;) {
      const { variables } = ask(kind === "getNext" ? { kind, oids: [at] } : { kind, second: 20, oids: [at] });
      for (const { oid, tag, value } of variables) {
        const isBeyond = tag === TAG.endOfMibView || !below(suffix).every((number, index) => oid[index] === number);
        if (isBeyond) return found;
        if (compareOids(oid, at) <= 0) throw new Error("the walk goes back");
        found.push([suffixOf(oid), value]);
        at = oid;
      }
    }
  };
  return { view, send, ask, get, walk };
};

const three = () => new FakeInstance("kim.com", "lee.com", "park.com");

describe("tables and walks", () => {
  it("SNMP-10 SNMP-A2: VHostCount decides how many rows there are", () => {
    expect(managerOf(three(), { vhostCount: 5 }).walk("4.3.1.2")).toEqual([
      ["4.3.1.2.1", "kim.com"],
      ["4.3.1.2.2", "lee.com"],
      ["4.3.1.2.3", "park.com"],
      ["4.3.1.2.4", ""],
      ["4.3.1.2.5", ""],
    ]);
    expect(
      managerOf(three())
        .walk("4.3.1.2")
        .map(([name]) => name),
    ).toEqual(["4.3.1.2.1", "4.3.1.2.2", "4.3.1.2.3"]);
    expect(managerOf(three(), { vhostCount: 5 }).get("4.3.1.11.11.10.9.5.4")[0]).toMatchObject({
      tag: TAG.gauge,
      value: 0,
    });
  });

  it("SNMP-12 SNMP-13 views have rows and minutes of their own", () => {
    const instance = three();
    instance.views = [{ name: "both", row: 1, members: new Set(["kim.com", "lee.com"]) }];
    const { walk, get } = managerOf(instance, { viewCount: 2, viewMinutes: 9 });
    expect(walk("4.11.1.2")).toEqual([
      ["4.11.1.2.1", "both"],
      ["4.11.1.2.2", ""],
    ]);
    expect(walk("4.11.1.11.1").map(([name]) => name)).toEqual(["4.11.1.11.1.9.1", "4.11.1.11.1.9.2"]);
    expect(get("4.10.0", "4.12.0").map(({ value }) => value)).toEqual([1, 1]);
  });

  it("SNMP-24 SNMP-28 SNMP-A4: a walk passes over indexes that nobody has", () => {
    const { walk, get } = managerOf(new FakeInstance("a.com", "park.com"), {}, { "park.com": 10_300 });
    expect(walk("4.3.1.2")).toEqual([
      ["4.3.1.2.1", "a.com"],
      ["4.3.1.2.10300", "park.com"],
    ]);
    expect(get("4.3.1.2.10300", "4.4.0", "4.2.0").map(({ value }) => value)).toEqual(["park.com", 10_300, 2]);
  });

  it("SNMP-11 SNMP-29 SNMP-30 SNMP-A5: a walk shows the configured minutes, a GET all of 0 to 60", () => {
    const { walk, get } = managerOf(three(), { vhostMinutes: 5 });
    expect(walk("4.3.1.11.11.10.9").map(([name]) => name)).toEqual([1, 2, 3].map((row) => `4.3.1.11.11.10.9.5.${row}`));
    const asked = ["0.1", "1.1", "60.1", "61.1", "5.4", "5", "5.1.0"].map((place) => `4.3.1.11.11.10.9.${place}`);
    expect(get(...asked).map(({ tag }) => tag)).toEqual([
      ...[TAG.gauge, TAG.gauge, TAG.gauge, TAG.noSuchInstance],
      ...[TAG.noSuchInstance, TAG.noSuchInstance, TAG.noSuchInstance],
    ]);
  });

  it("SNMP-14 SNMP-15 SNMP-31 SNMP-37: what the walk shows of the machine, of what all share and of disks", () => {
    const { walk } = managerOf(three(), { globalMinutes: 0, diskMinutes: 7 });
    expect(walk("2.1")).toEqual([["2.1.0", 0]]);
    expect(walk("3.10")).toEqual([["3.10.0", 0]]);
    expect(walk("2.19.1.2").map(([name]) => name)).toEqual(["2.19.1.2.7.1", "2.19.1.2.7.2"]);
  });

  it("SNMP-32 the traffic of all hosts needs no minutes for the last second", () => {
    const instance = three();
    instance.count("kim.com", VHOST_SLOT.clientRequests, 4);
    instance.endSeconds(1);
    const asked = ["4.1.11.11.10.9", "4.1.11.11.10.9.0", "4.1.11.11.10.9.5", "4.1.11.11.10.9.61", "4.1.11.11.10.9.0.0"];
    const answers = managerOf(instance).get(...asked);
    expect(answers.map(({ tag, value }) => (tag === TAG.gauge ? value : tag))).toEqual([
      ...[4, 4, 0, TAG.noSuchInstance, TAG.noSuchInstance],
    ]);
  });

  it("SNMP-33 two numbers are needed where there are hosts", () => {
    expect(managerOf(three()).get("4.3.1.11.1.2")[0]?.tag).toBe(TAG.noSuchInstance);
  });

  it("SNMP-34 scalars are there with and without the 0, and with it in a walk", () => {
    const { get, walk } = managerOf(three());
    expect(get("1.3", "1.3.0").map(({ value }) => value)).toEqual(["1.2.3", "1.2.3"]);
    expect(walk("1.3")).toEqual([["1.3.0", "1.2.3"]]);
    expect(get("1.3.1", "1.3.0.0").map(({ tag }) => tag)).toEqual([TAG.noSuchInstance, TAG.noSuchInstance]);
  });

  it("SNMP-35 GETNEXT goes on from any OID, there or not", () => {
    const { ask } = managerOf(three(), { vhostMinutes: 5 });
    const next = (oid: Oid) => suffixOf(ask({ kind: "getNext", oids: [oid] }).variables[0]?.oid ?? []);
    expect(next(below("4.3.1.11.1.60.1"))).toBe("4.3.1.11.2.5.1");
    expect(next(below("4.3.1.11.1.4.900"))).toBe("4.3.1.11.1.5.1");
    expect(next(below("4.3.1.11.1.5.1.7.7"))).toBe("4.3.1.11.1.5.2");
    expect(next([1, 3, 6, 1, 4])).toBe("1.1.0");
    expect(ask({ kind: "getNext", oids: [[0, 0]] }).variables[0]?.oid).toEqual([1, 3, 6, 1, 2, 1, 1, 1, 0]);
  });

  it("SNMP-35 REG-281 a walk of everything ends, has every object once for each of its rows, and a GETBULK is the same", () => {
    const instance = three();
    instance.views = [{ name: "all", row: 1, members: new Set(["kim.com"]) }];
    instance.configurations = [
      { id: 4, atSeconds: 5, kind: "modified", sizeBytes: 6, hash: "AB", path: "/x", productVersion: "1" },
    ];
    const { walk } = managerOf(instance, { vhostCount: 4 });
    const rows = { configurations: 1, disks: 2, vhosts: 4, views: 1 };
    const expected = MIB_OBJECTS.reduce((sum, object) => sum + (object.rows === undefined ? 1 : rows[object.rows]), 0);
    const walked = walk("");
    expect(walked.length).toBe(expected);
    expect(walk("", "getBulk")).toEqual(walked);
    expect(walked.filter(([name]) => name.startsWith("4.1.11.20.")).length).toBe(38);
  });

  it("SNMP-29 SNMP-35 SNMP-46 the next of any OID is the first behind it of all that a walk shows and one may read", () => {
    const minutes = fc.constantFrom(0, 5, 60);
    const number = fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 59, 60, 61, 10_300, 10_301, 2 ** 32 - 1);
    const item = fc.array(fc.constantFrom(1, 2, 3, 4, 10, 11, 60), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(
        fc.record({ vhostMinutes: minutes, viewMinutes: minutes, diskMinutes: minutes, globalMinutes: minutes }),
        fc.constantFrom(0, 4),
        fc.array(item, { maxLength: 6 }),
        fc.constantFrom("Allow", "Deny"),
        fc.array(fc.tuple(fc.nat(10_000), fc.array(number, { maxLength: 3 }), fc.nat(4)), { maxLength: 30 }),
        (times, vhostCount, items, access, questions) => {
          const instance = three();
          instance.views = [{ name: "v", row: 2, members: new Set(["kim.com"]) }];
          const oids = items.map((parts) => `${ROOT}.${parts.join(".")}`);
          const visible = OidSet.ofCommunity({ access, oids });
          const settings = { ...times, vhostCount };
          const all: Oid[] = [];
          const open = managerOf(instance, settings, { "park.com": 10_300 });
          for (let found = open.view.firstFrom([]); found !== undefined; found = open.view.firstFrom([...found.oid, 0]))
            all.push(found.oid);
          const shown = all.filter((oid) => visible.has(oid));
          const { ask } = managerOf(instance, settings, { "park.com": 10_300 }, visible);
          for (const [index, behind, cut] of questions) {
            const base = all[index % all.length] ?? [];
            const oid = [...base.slice(0, Math.max(2, base.length - cut)), ...behind];
            const expected = shown.find((one) => compareOids(one, oid) > 0);
            const [next] = ask({ kind: "getNext", oids: [oid] }).variables;
            if (expected === undefined) expect(next?.tag).toBe(TAG.endOfMibView);
            else expect(next?.oid).toEqual(expected);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("SNMP-40 the standard system group", () => {
    const group = [1, 2, 3, 4, 5, 6].map((number): Oid => [1, 3, 6, 1, 2, 1, 1, number, 0]);
    const { variables } = managerOf(three()).ask({ oids: group });
    const tags = [TAG.string, TAG.oid, TAG.ticks, TAG.string, TAG.string, TAG.string];
    expect(variables.map(({ tag }) => tag)).toEqual(tags);
    const values = variables.map(({ value }) => value);
    expect([values[0], values[2], values[3], values[4], values[5]]).toEqual([
      ...["Product 1.2.3", 1_234, "ops@example.com", "edge1", "Rack 4"],
    ]);
  });

  it("SNMP-41 the root and the maker are those of the configuration", () => {
    const root = "1.3.6.1.4.1.99999.4";
    const { ask } = managerOf(three(), { root });
    const name = [1, 3, 6, 1, 4, 1, 99_999, 4, 1, 1, 0];
    expect(ask({ oids: [name, below("1.1.0")] }).variables.map(({ tag, value }) => [tag, value])).toEqual([
      [TAG.string, "Maker"],
      [TAG.noSuchObject, ""],
    ]);
  });
});

describe("REG-283 SNMP-08 what is beyond the range", () => {
  it("is no instance: disk 99 of two, configuration 11 of 10, host 2^32 - 1", () => {
    const { get } = managerOf(three());
    const asked = ["2.18.1.3.99", "2.18.1.3.0", "2.19.1.2.5.99", "1.10.1.11", "4.3.1.2.4294967295", "4.3.1.2.0"];
    expect(get(...asked).map(({ tag }) => tag)).toEqual(asked.map(() => TAG.noSuchInstance));
  });
});

describe("disks and configurations", () => {
  it("SNMP-17 SNMP-108 to SNMP-114 SNMP-A11: a disk by its number, in megabytes", () => {
    const instance = three();
    instance.disks = instance.disks.map((disk, index) => (index === 0 ? { ...disk, state: "Unmounted" } : disk));
    const { get } = managerOf(instance);
    const values = (disk: number) => [2, 3, 4, 5, 6, 7, 8].map((column) => get(`2.18.1.${column}.${disk}`)[0]?.value);
    expect(values(1)).toEqual(["/cache1", 1_000, 250, 750, 25, 2_500, "Unmounted"]);
    expect(values(2)).toEqual(["/cache2", 1_000, 250, 750, 25, 2_500, "Normal"]);
    expect(get("2.17.0")[0]?.value).toBe(2);
  });

  it("REG-284 a disk that tells nothing is 0", () => {
    const instance = three();
    instance.disks = [{ path: "/gone", state: "Invalid", totalBytes: 0, usedBytes: 0, freeBytes: 0 }];
    expect(managerOf(instance).walk("2.18.1")).toEqual([
      ["2.18.1.2.1", "/gone"],
      ...[3, 4, 5, 6, 7].map((column) => [`2.18.1.${column}.1`, 0] as const),
      ["2.18.1.8.1", "Invalid"],
    ]);
  });

  it("SNMP-16 SNMP-19 SNMP-60 to SNMP-66 SNMP-A12 CFG-82: configurations, the one in service first", () => {
    const instance = three();
    const kinds = ["modified", "restored", "uploaded", "loaded"] as const;
    instance.configurations = kinds.map((kind, index) => ({
      ...{ id: 14 - index, atSeconds: 1_700_000_000 - index, kind, sizeBytes: 512, hash: "AB", path: "/c" },
      productVersion: "1.2.3",
    }));
    const { walk } = managerOf(instance, { configCount: 3 });
    expect(walk("1.10.1").map(([, value]) => value)).toEqual([14, 13, 12]);
    expect(walk("1.10.3").map(([, value]) => value)).toEqual([2, 4, 3]);
    expect(walk("1.10").filter(([name]) => name.endsWith(".1"))).toEqual([
      ...[["1.10.1.1", 14] as const, ["1.10.2.1", 1_700_000_000] as const, ["1.10.3.1", 2] as const],
      ...[["1.10.4.1", 512] as const, ["1.10.5.1", "AB"] as const, ["1.10.6.1", "/c"] as const],
      ["1.10.7.1", "1.2.3"],
    ]);
    expect(
      managerOf(instance)
        .walk("1.10.3")
        .map(([, value]) => value),
    ).toEqual([2, 4, 3, 1]);
  });

  it("OPEN-S12 SNMP-150: the host, its virtual hosts and views are Healthy, Inactive or Emergency", () => {
    const instance = three();
    instance.views = [{ name: "none", row: 1, members: new Set(["nobody.com"]) }];
    instance.state = "Emergency";
    const { get } = managerOf(instance);
    const asked = ["1.5.0", "4.1.3.0", "4.3.1.3.1", "4.11.1.3.1"];
    expect(get(...asked).map(({ value }) => value)).toEqual(["Emergency", "Emergency", "Emergency", "Inactive"]);
  });
});

describe("the protocol", () => {
  it("SNMP-35 what is not there: noSuchObject or noSuchInstance in v2c, noSuchName for the whole in v1", () => {
    const { get, ask } = managerOf(three());
    expect(get("9.9.0", "1.8.0", "4.3.1.2.9").map(({ tag }) => tag)).toEqual([
      ...[TAG.noSuchObject, TAG.noSuchObject, TAG.noSuchInstance],
    ]);
    const asked = { version: 0, oids: [below("1.3.0"), below("4.3.1.2.9")] };
    const refused = ask(asked);
    expect([refused.version, refused.status, refused.index]).toEqual([0, 2, 2]);
    expect(refused.variables).toEqual(asked.oids.map((oid) => ({ oid, tag: TAG.null, value: "" })));
    expect(ask({ version: 0, oids: [below("1.3.0")] })).toMatchObject({ status: 0, variables: [{ value: "1.2.3" }] });
  });

  it("SNMP-35 the end: endOfMibView in v2c, noSuchName in v1", () => {
    const { ask } = managerOf(three());
    const end = below("99");
    expect(ask({ kind: "getNext", oids: [below("1.2"), end] }).variables.map(({ oid, tag }) => [oid, tag])).toEqual([
      [below("1.2.0"), TAG.string],
      [end, TAG.endOfMibView],
    ]);
    expect(ask({ kind: "getNext", version: 0, oids: [below("1.2"), end] })).toMatchObject({ status: 2, index: 2 });
  });

  it("SNMP-01 SNMP-35 nothing can be set: noSuchName in v1, notWritable in v2c, with what was sent", () => {
    const { ask } = managerOf(three());
    const oids = [below("1.1.0")];
    expect(ask({ kind: "set", version: 0, oids })).toMatchObject({
      status: 2,
      index: 1,
      variables: [{ oid: oids[0] }],
    });
    expect(ask({ kind: "set", oids })).toMatchObject({ status: 17, index: 1, variables: [{ oid: oids[0] }] });
  });

  it("GETBULK: those that are not repeated once, the others row by row, no further than the end", () => {
    const { ask } = managerOf(three());
    const oids = [below("1.1"), below("4.3.1.2"), below("4.3.1.3")];
    const { variables } = ask({ kind: "getBulk", first: 1, second: 2, oids });
    expect(variables.map(({ oid }) => suffixOf(oid))).toEqual([
      ...["1.1.0", "4.3.1.2.1", "4.3.1.3.1", "4.3.1.2.2", "4.3.1.3.2"],
    ]);
    const atEnd = ask({ kind: "getBulk", second: 1_000, oids: [below("99")] });
    expect(atEnd.variables.map(({ tag }) => tag)).toEqual([TAG.endOfMibView]);
    expect(ask({ kind: "getBulk", first: 9, second: 5, oids }).variables.length).toBe(3);
    expect(ask({ kind: "getBulk", second: 0, oids }).variables).toEqual([]);
  });

  it("an answer to GETBULK is one datagram, however much is asked for", () => {
    const { send } = managerOf(three(), { vhostCount: 1_000 });
    const { bytes, variables } = send({ kind: "getBulk", second: 2 ** 31 - 1, oids: [below("4.3.1.11")] });
    expect(bytes).toBeLessThanOrEqual(SNMP_LIMITS.bulkAnswerBytes);
    expect(bytes).toBeGreaterThan(SNMP_LIMITS.bulkAnswerBytes - 60);
    expect(variables).toBeGreaterThan(30);
    const many = send({ kind: "getBulk", second: 2 ** 31 - 1, oids: new Array<Oid>(100).fill(below("4.3.1.11")) });
    expect(many.bytes).toBeLessThanOrEqual(SNMP_LIMITS.bulkAnswerBytes);
  });

  it("tooBig where an answer cannot be: with the variables in v1, without in v2c", () => {
    const instance = three();
    instance.disks = [{ path: "x".repeat(5_000), state: "Normal", totalBytes: 0, usedBytes: 0, freeBytes: 0 }];
    const { ask } = managerOf(instance);
    const oids = new Array<Oid>(9).fill(below("2.18.1.2.1"));
    expect(ask({ oids })).toMatchObject({ status: 1, index: 0, variables: [] });
    const refused = ask({ version: 0, oids });
    expect([refused.status, refused.index, refused.variables.length]).toEqual([1, 0, 9]);
    expect(ask({ oids: oids.slice(0, 7) }).variables.length).toBe(7);
  });

  it("genErr where a value cannot be read, and what it was is told", () => {
    const instance = three();
    const { send } = managerOf(instance);
    instance.find = () => {
      throw new Error("defect");
    };
    const { datagram, failure } = send({ oids: [below("1.1.0"), below("4.3.1.2.1")] });
    expect(readAnswer(datagram ?? Buffer.alloc(0))).toMatchObject({ status: 5, index: 2 });
    expect(failure).toEqual(new Error("defect"));
  });

  it("SNMP-46 SNMP-A8: what a community may not read is unknown to a GET and passed over by a walk", () => {
    const oids = [`${ROOT}.4.3.1.11.11.10.1-61`];
    const example2 = OidSet.ofCommunity({ access: "Deny", oids });
    const { get, walk, ask } = managerOf(three(), {}, {}, example2);
    expect(get("4.3.1.11.11.10.9.5.1", "4.3.1.11.11.11.1.5.1").map(({ tag }) => tag)).toEqual([
      ...[TAG.noSuchObject, TAG.gauge],
    ]);
    expect(ask({ version: 0, oids: [below("4.3.1.11.11.10.9.5.1")] }).status).toBe(2);
    const walked = walk("4.3.1.11.11").map(([name]) => name);
    expect(walked.some((name) => name.startsWith("4.3.1.11.11.10."))).toBe(false);
    expect([walked[0], walked.includes("4.3.1.11.11.11.1.5.1")]).toEqual(["4.3.1.11.11.1.5.1", true]);
    expect(walk("4.3.1.11.11", "getBulk").map(([name]) => name)).toEqual(walked);
  });

  it("SNMP-386 ten variables of Cacti's templates are one question", () => {
    const oids = ["24", "25", "26", "10", "11", "12", "1", "3", "5", "40"].map((number) => below(`2.${number}.0`));
    const { variables, status } = managerOf(three()).ask({ version: 0, oids });
    expect([status, variables.length]).toEqual([0, 10]);
    expect(variables.slice(0, 6).map(({ value }) => value)).toEqual([110, 90, 70, 3_072, 5_120, 1_024]);
  });

  it("SNMP-A13 whatever is asked, there is an answer of a bounded length, and what is next is behind", () => {
    const { send } = managerOf(three(), { vhostCount: 7, vhostMinutes: 60 });
    const numbers = fc.array(fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })), {
      maxLength: 9,
    });
    const asked = numbers.map(
      (suffix): Oid => [...below("4.3.1.11.11.10").slice(0, 9 + (suffix.length % 7)), ...suffix],
    );
    fc.assert(
      fc.property(
        fc.array(asked, { maxLength: 40 }),
        fc.constantFrom("get", "getNext", "getBulk", "set"),
        fc.nat(1),
        fc.nat(50),
        fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        (oids, kind, version, first, second) => {
          if (kind === "getBulk" && version === 0) return;
          const { datagram, failure } = send({ oids, kind, version, first, second });
          expect(failure).toBe(undefined);
          expect(datagram?.length ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(SNMP_LIMITS.answerBytes);
          if (kind !== "getNext" || datagram === undefined) return;
          readAnswer(datagram).variables.forEach(({ oid, tag }, index) => {
            const isError = tag === TAG.null || tag === TAG.endOfMibView;
            if (!isError) expect(compareOids(oid, oids[index] ?? [])).toBeGreaterThan(0);
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("a GETBULK over very many hosts reads the values that it answers with, and no others", () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `host${index}.com`);
    const instance = new FakeInstance(...names);
    const known = new Set(names);
    let reads = 0;
    const find = instance.find.bind(instance);
    instance.find = (name) => {
      reads += 1;
      return known.has(name) ? find(names[0] ?? "") : undefined;
    };
    const { send } = managerOf(instance);
    const { variables } = send({ kind: "getBulk", second: 1_000, oids: [below("4.3.1.2.15000")] });
    expect(variables).toBeGreaterThan(30);
    expect(reads).toBeLessThanOrEqual(variables + 1);
  });
});
