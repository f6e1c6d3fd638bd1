import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeRecord,
  encodeRecord,
  isPlausibleLocation,
  LARGEST_48_BIT,
  recordBytesOf,
} from "../../src/bodies/recordFormat.ts";
import { sampleLocation } from "../support/samples.ts";

const someBytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));

const locationOf = (head: Buffer, body: Buffer) =>
  sampleLocation({ offset: 0, headBytes: head.length, bodyBytes: body.length });

const encodeWhole = (head: Buffer, body: Buffer): Buffer =>
  Buffer.concat(encodeRecord({ head, payload: body, bodyBytes: body.length, file: 0 }));

describe("a record", () => {
  it("reads back what was written, aligned to 8 bytes", () => {
    fc.assert(
      fc.property(someBytes(100), someBytes(300), (head, body) => {
        const record = encodeWhole(head, body);
        const location = locationOf(head, body);
        expect(record.length).toBe(recordBytesOf(location));
        expect(record.length % 8).toBe(0);
        expect(decodeRecord(record, location)).toEqual({ kind: "whole", head, payload: body });
      }),
    );
  });

  it("is damaged by any flipped bit that can be read, and by being cut anywhere", () => {
    const head = Buffer.from("200 OK");
    const body = Buffer.from("the body of it");
    const location = locationOf(head, body);
    const record = encodeWhole(head, body);
    const usedBytes = 40 + head.length + body.length;
    for (let bit = 0; bit < usedBytes * 8; bit += 1) {
      const flipped = Buffer.from(record);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const isReserved = bit >= 36 * 8 && bit < 40 * 8;
      expect(decodeRecord(flipped, location).kind, `bit ${bit}`).toBe(isReserved ? "whole" : "damaged");
    }
    for (let length = 0; length < usedBytes; length += 1) {
      expect(decodeRecord(record.subarray(0, length), location).kind).toBe("damaged");
    }
  });

  it("is not another object's, even of the same length", () => {
    const record = encodeWhole(Buffer.alloc(10, 1), Buffer.alloc(20, 2));
    expect(decodeRecord(record, sampleLocation({ headBytes: 11, bodyBytes: 19 })).kind).toBe("damaged");
    expect(decodeRecord(record, sampleLocation({ headBytes: 10, bodyBytes: 20, file: 3 })).kind).toBe("damaged");
  });

  it("is never looked for at a place that cannot be", () => {
    expect(isPlausibleLocation(sampleLocation())).toBe(true);
    expect(isPlausibleLocation(sampleLocation({ file: 5, bodyBytes: LARGEST_48_BIT }))).toBe(true);
    const impossible = [
      { offset: -8 },
      { offset: 12 },
      { bodyBytes: 2 ** 40 },
      { headBytes: 2 ** 30 },
      { segment: 0.5 },
      { file: 2 ** 50 },
      { disk: Number.NaN },
      { file: 1, bodyBytes: 2 ** 49 },
    ];
    for (const change of impossible)
      expect(isPlausibleLocation(sampleLocation(change)), JSON.stringify(change)).toBe(false);
  });
});
