import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  PROCESS_SLOT_COUNT,
  renderStatisticsReference,
  STATISTICS_CATALOG,
  VHOST_SLOT_COUNT,
} from "../../src/index.ts";
import type { JsonField } from "../../src/statistics/document.ts";
import { statisticsOf, subject, writtenJson, writtenXml } from "./support.ts";

const SPECIFIED = fileURLToPath(new URL("../../../../../shared/spec/statistics-fields.tsv", import.meta.url));
const hasSpecification = existsSync(SPECIFIED);

const readSpecification = () =>
  readFileSync(SPECIFIED, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => {
      const [, json = "", xml = "", unit = "", when = ""] = line.split("\t");
      return { json, xml, unit, when };
    })
    // Views have the fields of virtual hosts.
    .filter(({ json }) => json !== "Host.View[].*");

const wordsOf = ({ json, xml, unit, isAverageOnly }: (typeof STATISTICS_CATALOG)[number]) => ({
  json,
  xml,
  unit,
  when: isAverageOnly ? "average" : "both",
});

describe("the catalog of the statistics", () => {
  it.skipIf(!hasSpecification)(
    "has every row of statistics-fields.tsv, and no other (skipped where that file is absent)",
    () => {
      const byPlace = (left: { json: string }, right: { json: string }): number => (left.json < right.json ? -1 : 1);
      expect(STATISTICS_CATALOG.map(wordsOf).sort(byPlace)).toEqual(readSpecification().sort(byPlace));
    },
  );

  it("names a source for each field, and each place once", () => {
    for (const { source, slots, from, json } of STATISTICS_CATALOG) {
      const isCounted = source !== "fact" && source !== "empty";
      expect([json, isCounted === slots.length > 0]).toEqual([json, true]);
      for (const slot of slots) expect(slot).toBeLessThan(Math.max(PROCESS_SLOT_COUNT, VHOST_SLOT_COUNT));
      expect(from).not.toBe("");
    }
    expect(new Set(STATISTICS_CATALOG.map(({ json }) => json)).size).toBe(STATISTICS_CATALOG.length);
    expect(new Set(STATISTICS_CATALOG.map(({ xml }) => xml)).size).toBe(STATISTICS_CATALOG.length);
  });
});

describe("the reference page", () => {
  it("is up to date (else run scripts/generateReference.ts)", () => {
    const page = new URL("../../../../docs/reference/statistics.md", import.meta.url);
    expect(readFileSync(page, "utf8")).toBe(renderStatisticsReference());
  });
});

/** A small reader of what the writer writes: elements, attributes, text. */
interface Read {
  readonly name: string;
  readonly attributes: Map<string, string>;
  readonly children: Read[];
  text: string;
}

const readXml = (xml: string): Read => {
  const root: Read = { name: "", attributes: new Map(), children: [], text: "" };
  const open: Read[] = [root];
  for (const [, close, name = "", attributes = "", empty, text] of xml.matchAll(
    /<(\/?)([A-Za-z0-9_]+)((?:\s[A-Za-z0-9_]+="[^"]*")*)(\/?)>|([^<]+)/g,
  )) {
    const top = open.at(-1) ?? root;
    if (text !== undefined) top.text += text;
    else if (close === "/") open.pop();
    else {
      const element: Read = { name, attributes: new Map(), children: [], text: "" };
      for (const [, key = "", value = ""] of attributes.matchAll(/([A-Za-z0-9_]+)="([^"]*)"/g))
        element.attributes.set(key, value);
      top.children.push(element);
      if (empty !== "/") open.push(element);
    }
  }
  return root;
};

const readAt = (root: Read, place: string): string | undefined => {
  const path = place.slice(1).split("/");
  const last = path.pop() ?? "";
  let element: Read | undefined = root;
  for (const name of path) element = element?.children.find((child) => child.name === name);
  if (last.startsWith("@")) return element?.attributes.get(last.slice(1));
  return last === "text()" ? element?.text : element?.children.find((child) => child.name === last)?.text;
};

const jsonAt = (json: JsonField, place: string): JsonField | undefined => {
  let value: JsonField | undefined = json;
  for (const step of place.split(".")) {
    if (typeof value !== "object" || Array.isArray(value)) return undefined;
    const next: JsonField | undefined = value[step.replace("[]", "")];
    value = step.endsWith("[]") && Array.isArray(next) ? next[0] : next;
  }
  return value;
};

describe("JSON and XML", () => {
  it.each(["realtime", "average"] as const)(
    "A6 of spec 08, STAT-33 to STAT-39, STAT-42, STAT-43, STAT-48, STAT-49, STAT-51, STAT-52, STAT-54 to STAT-58, " +
      "STAT-60, STAT-63 to STAT-65, STAT-67, STAT-70, STAT-72, STAT-73, STAT-75, STAT-76, STAT-79, STAT-81 to STAT-86: " +
      "carry the same numbers at every place of the catalog (%s)",
    (kind) => {
      const test = statisticsOf(subject("a", { ports: [{ port: 21, originPort: 2121 }] }));
      const block = test.block.vhost("a");
      const port = test.block.block("a\u000021");
      for (let slot = 0; slot < VHOST_SLOT_COUNT; slot++) {
        test.block.add(block + slot, 1000 + slot * 7);
        test.block.add(port + slot, 500 + slot * 3);
      }
      for (let slot = 0; slot < PROCESS_SLOT_COUNT; slot++) test.block.add(slot, 900 + slot * 5);
      if (kind === "average") test.endWindow();
      else test.endSecond();
      const report = test.report(kind);
      const json = writtenJson(report);
      const xml = readXml(writtenXml(report));
      for (const { json: jsonPlace, xml: xmlPlace, unit } of STATISTICS_CATALOG) {
        const value = jsonAt(json, jsonPlace);
        expect([jsonPlace, value === undefined]).toEqual([jsonPlace, false]);
        expect([xmlPlace, readAt(xml, xmlPlace)]).toEqual([xmlPlace, unit === "object" ? "" : String(value)]);
      }
    },
  );

  it("STAT-05 stand in the order of the guide", () => {
    const test = statisticsOf(subject("a"));
    test.views = [{ name: "v", vhosts: ["a"] }];
    test.endSecond();
    const { Host } = writtenJson(test.report("realtime"));
    expect(Object.keys(Host as object).slice(-4)).toEqual(["HttpRequestHitSum", "System", "VirtualHost", "View"]);
  });
});
