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
  validatedAtMs: 1000,
  selection: "",
  initialAgeSeconds: 2,
  bodyVersion: 3,
  sourceVersion: 0,
};

const TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const name = fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1 });
const latin1 = fc.string({ unit: fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code)) });
const fields = fc.array(fc.tuple(name, latin1)).map((pairs) => pairs.flat());
const version = fc.maxSafeNat();
const head: fc.Arbitrary<StoredHead> = fc.record({
  url: fc.string({ unit: "grapheme" }),
  variant: fc.constantFrom("", "encoded", "gzip", "größe=3"),
  status: fc.integer({ min: 100, max: 999 }),
  fields,
  bodyBytes: fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER }),
  selection: fc.constantFrom("", "accept,größe AbC-_9"),
  storedAtMs: fc.double({ min: 0, max: 2 ** 52, noNaN: true }),
  validatedAtMs: fc.double({ min: 0, max: 2 ** 52, noNaN: true }),
  initialAgeSeconds: fc.nat(),
  bodyVersion: version,
  sourceVersion: version,
});

describe("the head in front of a stored body", () => {
  it("comes back as it was, any latin1 in its fields and any text in its URL", () => {
    fc.assert(
      fc.property(head, (each) => {
        expect(decodeHead(encodeHead(each))).toEqual(each);
      }),
      { numRuns: 200 },
    );
  });

  it("holds its fields as the lines that clients get", () => {
    const encoded = encodeHead({ ...HEAD, fields: ["A", "1", "b", "", "A", "2"] });
    expect(encoded.toString("latin1")).toMatch(/\/aA: 1\r\nb: \r\nA: 2\r\n$/);
  });

  it.each([
    ["a line end in a value", ["X", "1\r\nSet-Cookie: a"]],
    ["a line feed in a value", ["X", "1\nY: 2"]],
    ["a letter whose low byte is a line feed", ["X", "\u010a"]],
    ["a NUL", ["X", "\0"]],
    ["a colon in a name", ["X: 1\r\nY", "2"]],
    ["an empty name", ["", "1"]],
    ["a name without a value", ["X"]],
  ])("leaves out a field with %s", (_, unfit) => {
    expect(decodeHead(encodeHead({ ...HEAD, fields: ["A", "1", ...unfit] }))?.fields).toEqual(["A", "1"]);
  });

  const whole = encodeHead(HEAD);
  const changed = (offset: number, byte: number): Buffer => {
    const bytes = Buffer.from(whole);
    bytes[offset] = byte;
    return bytes;
  };
  const withDouble = (offset: number, value: number): Buffer => {
    const bytes = Buffer.from(whole);
    bytes.writeDoubleLE(value, offset);
    return bytes;
  };

  it.each([
    ["no bytes", Buffer.alloc(0)],
    ["a head as JSON", Buffer.from(JSON.stringify(HEAD))],
    ["fewer bytes than the numbers take", whole.subarray(0, 59)],
    ["another format", changed(0, 1)],
    ["a URL longer than the bytes", changed(7, 0xff)],
    ["a variant longer than the bytes", changed(1, 0xff)],
    ["a selection longer than the bytes", changed(59, 0xff)],
    ["a status of two digits", changed(2, 99)],
    ["a length of the body that is no number", withDouble(8, Number.NaN)],
    ["a length of the body below none", withDouble(8, -2)],
    ["a length of the body with a fraction", withDouble(8, 1.5)],
    ["an endless age", withDouble(32, Number.POSITIVE_INFINITY)],
    ["a version beyond all versions", withDouble(40, 2 ** 60)],
    ["a line that is cut", whole.subarray(0, -1)],
    ["a line without a colon", Buffer.concat([whole, Buffer.from("abc\r\n")])],
  ])("bytes that are no head are no object: %s", (_, bytes) => {
    expect(decodeHead(bytes)).toBeUndefined();
  });

  it("any bytes are a head or nothing", () => {
    const near = fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([offset, byte]) => changed(offset, byte));
    const free = fc.uint8Array().map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(near, free), (bytes) => {
        const decoded = decodeHead(bytes);
        if (decoded !== undefined) expect(decodeHead(encodeHead(decoded))).toEqual(decoded);
      }),
    );
  });

  it("knows the moment of the last change where the origin gave one", () => {
    expect(lastModifiedOf(HEAD)).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
    expect(lastModifiedOf({ ...HEAD, fields: [] })).toBeUndefined();
    expect(lastModifiedOf({ ...HEAD, fields: ["last-modified", "yesterday"] })).toBeUndefined();
  });
});
