import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHead, encodeHead, lastModifiedOf, type StoredHead } from "../src/index.ts";

const HEAD: StoredHead = {
  url: "/a",
  variant: "",
  status: 200,
  fields: ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"],
  bodyBytes: 5,
  storedAtMs: 1000,
  initialAgeSeconds: 2,
  bodyVersion: 3,
  sourceVersion: 0,
};

describe("the head in front of a stored body", () => {
  it("comes back as it was, any latin1 in its fields", () => {
    const text = fc.string({ unit: fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code)) });
    fc.assert(
      fc.property(fc.array(text), text, fc.integer({ min: -1 }), (fields, url, bodyBytes) => {
        const head = { ...HEAD, fields, url, bodyBytes };
        expect(decodeHead(encodeHead(head))).toEqual(head);
      }),
      { numRuns: 200 },
    );
  });

  it.each(["", "{", "null", "[]", "1", "{}", '{"url":1}', JSON.stringify({ ...HEAD, fields: [1] })])(
    "bytes that are no head are no object: %s",
    (text) => {
      expect(decodeHead(Buffer.from(text))).toBeUndefined();
    },
  );

  it("any bytes are a head or nothing", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => decodeHead(Buffer.from(bytes)) === undefined || true));
  });

  it("knows the moment of the last change where the origin gave one", () => {
    expect(lastModifiedOf(HEAD)).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
    expect(lastModifiedOf({ ...HEAD, fields: [] })).toBeUndefined();
    expect(lastModifiedOf({ ...HEAD, fields: ["last-modified", "yesterday"] })).toBeUndefined();
  });
});
