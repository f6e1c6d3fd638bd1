import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeRecord,
  decodeShape,
  encodeRecord,
  headRegionBytesOf,
  isPlausibleLocation,
  recordBytesOf,
} from "../../src/bodies/recordFormat.ts";
import { decodeRowImage } from "../../src/bodies/rowImage.ts";
import { BODY_FILE_LIMIT_BYTES, HEAD_LIMIT_BYTES } from "../../src/limits.ts";
import { sampleImage, sampleLocation } from "../support/samples.ts";

const someBytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));

const IMAGE = sampleImage();

const regionBytesOf = (head: Buffer): number => headRegionBytesOf(IMAGE, head) ?? -1;

const locationOf = (head: Buffer, body: Buffer) =>
  sampleLocation({ offset: 0, headBytes: regionBytesOf(head), bodyBytes: body.length });

const encodeWhole = (head: Buffer, body: Buffer, file = 0): Buffer =>
  Buffer.concat(
    encodeRecord({
      image: IMAGE,
      head,
      headBytes: regionBytesOf(head),
      payload: file === 0 ? body : Buffer.alloc(0),
      bodyBytes: body.length,
      file,
    }),
  );

describe("a record", () => {
  it("reads back what was written, aligned to 8 bytes", () => {
    fc.assert(
      fc.property(someBytes(100), someBytes(300), fc.constantFrom(0, 77), (head, body, file) => {
        const record = encodeWhole(head, body, file);
        const location = { ...locationOf(head, body), file };
        expect(record.length).toBe(recordBytesOf(location));
        expect(record.length % 8).toBe(0);
        const reading = decodeRecord(record, location);
        if (reading.kind !== "whole") throw new Error(reading.reason);
        expect(reading.head).toEqual(head);
        expect(reading.payload).toEqual(file === 0 ? body : Buffer.alloc(0));
        expect(decodeRowImage(reading.image)).toEqual(IMAGE);
        expect(decodeShape(record)).toEqual({ headBytes: location.headBytes, bodyBytes: body.length, file });
      }),
    );
  });

  it("is damaged by any flipped bit that can be read, and by being cut anywhere", () => {
    const head = Buffer.from("200 OK");
    const body = Buffer.from("the body of it");
    const location = locationOf(head, body);
    const record = encodeWhole(head, body);
    const usedBytes = 40 + location.headBytes + body.length;
    for (let bit = 0; bit < usedBytes * 8; bit += 1) {
      const flipped = Buffer.from(record);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const isReserved = bit >= 36 * 8 && bit < 40 * 8;
      expect(decodeRecord(flipped, location).kind, `bit ${bit}`).toBe(isReserved ? "whole" : "damaged");
      if (bit < 36 * 8) expect(decodeShape(flipped)).toBeUndefined();
    }
    for (let length = 0; length < usedBytes; length += 1) {
      expect(decodeRecord(record.subarray(0, length), location).kind).toBe("damaged");
    }
  });

  it("is never found in bytes that are none, whatever a location claims", () => {
    fc.assert(
      fc.property(someBytes(200), fc.nat(60), fc.nat(60), (bytes, headBytes, bodyBytes) => {
        expect(decodeRecord(bytes, { headBytes, bodyBytes, file: 0 }).kind).toBe("damaged");
        expect(decodeShape(bytes)).toBeUndefined();
      }),
    );
  });

  it("does not take a head or a URL that it cannot hold", () => {
    expect(headRegionBytesOf(IMAGE, Buffer.alloc(HEAD_LIMIT_BYTES))).toBeUndefined();
    expect(headRegionBytesOf(sampleImage({ url: `/${"é".repeat(33_000)}` }), Buffer.alloc(0))).toBeUndefined();
    expect(headRegionBytesOf(sampleImage({ url: `/${"x".repeat(65_000)}` }), Buffer.alloc(0))).toBeDefined();
  });

  it("is not another object's, even of the same length", () => {
    const [head, body] = [Buffer.alloc(10, 1), Buffer.alloc(20, 2)];
    const record = encodeWhole(head, body);
    const { headBytes } = locationOf(head, body);
    expect(decodeRecord(record, sampleLocation({ headBytes: headBytes + 1, bodyBytes: 19 })).kind).toBe("damaged");
    expect(decodeRecord(record, sampleLocation({ headBytes, bodyBytes: 20, file: 3 })).kind).toBe("damaged");
  });

  it("is never looked for at a place that cannot be", () => {
    expect(isPlausibleLocation(sampleLocation())).toBe(true);
    expect(isPlausibleLocation(sampleLocation({ file: 5, bodyBytes: BODY_FILE_LIMIT_BYTES }))).toBe(true);
    const impossible = [
      { offset: -8 },
      { offset: 12 },
      { bodyBytes: 2 ** 40 },
      { headBytes: 2 ** 30 },
      { segment: 0.5 },
      { file: 2 ** 50 },
      { disk: Number.NaN },
      { file: 1, bodyBytes: BODY_FILE_LIMIT_BYTES + 1 },
    ];
    for (const change of impossible)
      expect(isPlausibleLocation(sampleLocation(change)), JSON.stringify(change)).toBe(false);
  });
});
