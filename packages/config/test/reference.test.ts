import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { renderReference, suggest } from "../src/index.ts";
import { findParentsOf, SERVER_SCHEMA, VHOSTS_SCHEMA } from "../src/schema.ts";

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
