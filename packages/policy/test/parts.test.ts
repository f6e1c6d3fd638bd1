import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canStoreInParts, judgePart, partRequestFields, rangeFieldOf, responseFacts } from "../src/index.ts";

const DATE = "Fri, 02 Jan 2026 03:04:05 GMT";
const DATE_MS = Date.parse(DATE);
const STORED = { bodyBytes: 1000, etag: '"a"', lastModifiedMs: DATE_MS };

const stores = (fields: readonly string[], status = 200, bodyBytes = 1000): boolean =>
  canStoreInParts(fields, responseFacts(status, fields), bodyBytes);

describe("ORG-35: a response that can be stored in parts", () => {
  it.each([
    ["a strong tag", ["ETag", '"a"'], true],
    ["a weak tag", ["ETag", 'W/"a"'], false],
    ["a date", ["Last-Modified", DATE], true],
    ["a date long before the answer", ["Last-Modified", DATE, "Date", "Fri, 02 Jan 2026 03:04:06 GMT"], true],
    ["a date of the same second", ["Last-Modified", DATE, "Date", DATE], false],
    ["no validator", [], false],
    ["an origin that does no ranges", ["ETag", '"a"', "Accept-Ranges", " None "], false],
    ["an origin that does", ["ETag", '"a"', "Accept-Ranges", "bytes"], true],
  ])("%s", (_, fields, expected) => expect(stores(fields)).toBe(expected));

  it("is a 200 of known length", () => {
    expect(stores(["ETag", '"a"'], 404)).toBe(false);
    expect(stores(["ETag", '"a"'], 206)).toBe(false);
    expect(stores(["ETag", '"a"'], 200, -1)).toBe(false);
  });
});

describe("the answer to a request for the rest", () => {
  const part = (range: string, ...fields: string[]) =>
    judgePart(206, ["ETag", '"a"', "Content-Range", range, ...fields], 100, STORED);

  it.each([
    ["what was asked for", "bytes 100-199/1000", { kind: "part", end: 200 }],
    ["of an unnamed length", "bytes 100-199/*", { kind: "part", end: 200 }],
    ["of another length", "bytes 100-199/1001", { kind: "changed" }],
    ["from elsewhere", "bytes 101-199/1000", { kind: "unusable" }],
    ["nonsense", "bytes 100-99/1000", { kind: "unusable" }],
    ["of another unit", "lines 1-2/3", { kind: "unusable" }],
  ])("206 %s", (_, range, expected) => expect(part(range)).toEqual(expected));

  it.each([
    ["another tag", ["ETag", '"b"']],
    ["another date", ["ETag", '"a"', "Last-Modified", "Sat, 03 Jan 2026 03:04:05 GMT"]],
    ["no validator at all", []],
  ])("ORG-47 is of another version: %s", (_, fields) => {
    const range = ["Content-Range", "bytes 100-199/1000"];
    expect(judgePart(206, [...fields, ...range], 100, STORED)).toEqual({ kind: "changed" });
    expect(judgePart(200, [...fields, "Content-Length", "1000"], 100, STORED)).toEqual({ kind: "changed" });
  });

  it("may be the whole", () => {
    expect(judgePart(200, ["ETag", '"a"', "Content-Length", "1000"], 100, STORED)).toEqual({ kind: "whole" });
    expect(judgePart(200, ["Last-Modified", DATE, "Content-Length", "1000"], 100, STORED)).toEqual({ kind: "whole" });
    expect(judgePart(200, ["ETag", '"a"', "Content-Length", "999"], 100, STORED)).toEqual({ kind: "changed" });
    expect(judgePart(200, ["ETag", '"a"'], 100, STORED)).toEqual({ kind: "changed" });
  });

  it("416 says that it became shorter; anything else helps nobody now", () => {
    expect(judgePart(416, [], 100, STORED)).toEqual({ kind: "changed" });
    for (const status of [204, 301, 304, 404, 500, 503]) {
      expect(judgePart(status, [], 100, STORED)).toEqual({ kind: "unusable" });
    }
  });

  it("never takes bytes from elsewhere for those that were wanted", () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(2000), fc.nat(2000), fc.nat(1000), (first, last, size, start) => {
        const fields = ["ETag", '"a"', "Content-Range", `bytes ${first}-${last}/${size}`];
        const verdict = judgePart(206, fields, start, STORED);
        if (verdict.kind === "part") expect([first, size]).toEqual([start, STORED.bodyBytes]);
      }),
    );
  });

  it("A8 of spec 05: is asked for with inclusive ends", () => {
    expect(rangeFieldOf({ start: 5_242_880, end: 6_291_456 })).toBe("bytes=5242880-6291455");
  });
});

describe("ORG-47: a request for a part", () => {
  const asked = (stored: Parameters<typeof partRequestFields>[1], ifRange = true) =>
    partRequestFields({ start: 100, end: 200 }, stored, { ifRange });

  it("carries If-Range with IfRange ON: the strong tag, else the date", () => {
    expect(asked(STORED)).toEqual(["Range", "bytes=100-199", "If-Range", '"a"']);
    expect(asked({ ...STORED, etag: undefined })).toEqual(["Range", "bytes=100-199", "If-Range", DATE]);
    expect(asked({ ...STORED, etag: 'W/"a"' })).toEqual(["Range", "bytes=100-199", "If-Range", DATE]);
    expect(asked({ bodyBytes: 1, etag: undefined, lastModifiedMs: undefined })).toEqual(["Range", "bytes=100-199"]);
  });

  it("carries none by default", () => expect(asked(STORED, false)).toEqual(["Range", "bytes=100-199"]));
});
