import { epochMs } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeRowImage, encodeRowImage, ROW_IMAGE_LIMIT_BYTES, rowImageBytesOf } from "../../src/bodies/rowImage.ts";
import type { RowImage } from "../../src/contract.ts";
import { sampleImage } from "../support/samples.ts";

const encode = (image: RowImage): Buffer => {
  const bytes = Buffer.alloc(rowImageBytesOf(image));
  encodeRowImage(image, bytes, 0);
  return bytes;
};

const someText = fc.string({ unit: "grapheme", maxLength: 60 });
const someAmount = fc.double({ min: 0, noNaN: true }).map((value) => value + 0);

const someImage: fc.Arbitrary<RowImage> = fc.record(
  {
    key: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
    vhost: someText,
    url: someText,
    version: fc.maxSafeNat(),
    freshUntil: someAmount.map(epochMs),
    ttl: someAmount,
    updatedAt: someAmount.map(epochMs),
    flags: fc.nat(2 ** 31 - 1),
    tags: fc.string({ minLength: 1, unit: "binary-ascii", maxLength: 60 }),
  },
  { requiredKeys: ["key", "vhost", "url", "version", "freshUntil", "ttl", "updatedAt", "flags"] },
);

describe("the image of a row in a record", () => {
  it("reads back as it was written, wherever it was written", () => {
    fc.assert(
      fc.property(someImage, fc.nat(20), (image, start) => {
        const target = Buffer.alloc(start + rowImageBytesOf(image) + 3, 0xaa);
        encodeRowImage(image, target, start);
        const end = start + rowImageBytesOf(image);
        expect(decodeRowImage(target.subarray(start, end))).toEqual(image);
        expect(target.subarray(end)).toEqual(Buffer.alloc(3, 0xaa));
      }),
    );
  });

  it("is small beside the strings", () => {
    expect(rowImageBytesOf(sampleImage({ vhost: "", url: "" }))).toBe(57);
    expect(ROW_IMAGE_LIMIT_BYTES).toBeGreaterThan(57 + 65_000);
  });

  it("keeps no view of the bytes", () => {
    const bytes = encode(sampleImage());
    const image = decodeRowImage(bytes);
    bytes.fill(0);
    expect(image).toEqual(sampleImage());
  });

  it("is undefined for bytes that are none, and never an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => decodeRowImage(Buffer.from([1, ...bytes]))).not.toThrow();
      }),
    );
    const bytes = encode(sampleImage());
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeRowImage(bytes.subarray(0, length))).toBeUndefined();
    }
    expect(decodeRowImage(Buffer.concat([bytes, Buffer.alloc(1)]))).toBeUndefined();
    for (const offset of [17, 25, 33, 41]) {
      const hostile = Buffer.from(bytes);
      for (const value of [Number.NaN, -1]) {
        hostile.writeDoubleLE(value, offset);
        expect(decodeRowImage(hostile)).toBeUndefined();
      }
    }
    const foreign = Buffer.from(bytes);
    foreign.writeUInt8(2, 0);
    expect(decodeRowImage(foreign)).toBeUndefined();
  });
});
