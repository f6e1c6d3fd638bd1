import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { renderReference, suggest } from "../src/index.ts";
import { INACTIVE_SERVER_OPTIONS } from "../src/options/inactiveServer.ts";
import { INACTIVE_SHARED_OPTIONS, INACTIVE_VHOSTS_OPTIONS } from "../src/options/inactiveVhost.ts";
import { ORIGIN_OPTIONS } from "../src/options/originOptions.ts";
import { SERVER_OPTIONS } from "../src/options/serverOptions.ts";
import { VHOST_OPTIONS } from "../src/options/vhostOptions.ts";
import { flattenTable } from "../src/options/walkTable.ts";
import { findParentsOf, type SchemaNode, SERVER_SCHEMA, VHOSTS_SCHEMA } from "../src/schema.ts";
import { problemsOf, warningsOf } from "./support.ts";

describe("the reference page", () => {
  it("is up to date (else run scripts/generateReference.ts)", async () => {
    const page = new URL("../../../docs/reference/config.md", import.meta.url);
    expect(await readFile(page, "utf8")).toBe(renderReference());
  });

  it("says something about every row", () => {
    const rows = renderReference()
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    expect(rows.length).toBeGreaterThan(250);
    for (const row of rows) expect(row).not.toMatch(/\|\s+\|/);
  });
});

describe("the schema", () => {
  it("has one row for each place: what is active is not inactive as well", () => {
    const inactive = [
      ...INACTIVE_SERVER_OPTIONS.map(({ at }) => `Server/${at}`),
      ...INACTIVE_VHOSTS_OPTIONS.map(({ at }) => `Vhosts/${at}`),
      ...INACTIVE_SHARED_OPTIONS.map(({ at }) => `Vhosts/Vhost/${at}`),
    ];
    expect(new Set(inactive).size).toBe(inactive.length);
    const slotAt = (place: string) => {
      const [path = "", attribute] = place.split("@");
      const [root, ...names] = path.split("/");
      let node: SchemaNode | undefined = root === "Server" ? SERVER_SCHEMA : VHOSTS_SCHEMA;
      for (const name of names) node = node?.children.get(name);
      return attribute === undefined ? node?.text : node?.attributes.get(attribute);
    };
    const active = [
      ...flattenTable(SERVER_OPTIONS).map(({ at }) => `Server/${at}`),
      ...flattenTable(VHOST_OPTIONS).map(({ at }) => `Vhosts/Vhost/Options/${at}`),
      ...flattenTable(ORIGIN_OPTIONS).map(({ at }) => `Vhosts/Vhost/OriginOptions/${at}`),
    ];
    for (const place of active) expect([place, slotAt(place)?.state ?? "active"]).toEqual([place, "active"]);
  });

  it("CFG-30 lets a root name its schema for editors", () => {
    const attributes =
      'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="server.xsd"';
    expect(warningsOf({ "server.xml": `<Server ${attributes}/>` })).toEqual([]);
    const inside = problemsOf({ "server.xml": `<Server><Cache ${attributes}/></Server>` });
    expect(inside.map(({ message }) => message)).toContain("<Cache> has no attribute xmlns:xsi.");
  });

  it("CFG-53 knows the same option blocks in both files", () => {
    const inServer = SERVER_SCHEMA.children.get("VHostDefault");
    const inVhost = VHOSTS_SCHEMA.children.get("Vhost");
    for (const block of ["Options", "OriginOptions", "Media", "Stats", "Log"]) {
      expect(inVhost?.children.get(block)).toEqual(inServer?.children.get(block));
      expect(inVhost?.children.get(block)).toBeDefined();
    }
  });

  it("knows where an element belongs", () => {
    expect(findParentsOf(VHOSTS_SCHEMA, "Res2xx")).toEqual(["Vhosts/Vhost/Options/TTL"]);
  });
});

describe("suggestions", () => {
  it.each([
    ["Storge", ["Storage", "Listen"], "Storage"],
    ["ageheader", ["AgeHeader", "ETagHeader"], "AgeHeader"],
    ["Lisetn", ["Listen", "Disk"], "Listen"],
    ["TLL", ["TTL"], "TTL"],
    ["Whatever", ["TTL", "Disk"], undefined],
    ["x".repeat(10_000), ["x"], undefined],
    ["", ["TTL"], undefined],
  ])("%s of %j is %s", (word, candidates, expected) => {
    expect(suggest(word, candidates)).toBe(expected);
  });
});
