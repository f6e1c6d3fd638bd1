import { epochMs } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { IndexRow } from "../../src/contract.ts";
import { decodeRow, encodeRow, normaliseRow, ROW_COLUMNS } from "../../src/diskIndex/rowCodec.ts";
import { sampleLocation, sampleRow } from "../support/samples.ts";

const anyNumber = fc.oneof(fc.double(), fc.maxSafeInteger(), fc.nat(), fc.constantFrom(Number.POSITIVE_INFINITY, 0));

const anyRow: fc.Arbitrary<IndexRow> = fc.record({
  key: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  vhost: fc.constant("v.example"),
  url: fc.string({ maxLength: 200 }),
  location: fc.record({
    disk: anyNumber,
    segment: anyNumber,
    offset: anyNumber,
    headBytes: anyNumber,
    bodyBytes: anyNumber,
    file: anyNumber,
  }),
  version: anyNumber,
  freshUntil: anyNumber.map(epochMs),
  ttl: anyNumber,
  updatedAt: anyNumber.map(epochMs),
  lastAccess: anyNumber.map(epochMs),
  flags: anyNumber,
  missingBytes: anyNumber,
});

const SIGNED: readonly string[] = ["variant", "fresh", "access"];

const nameOf = (id: number): string | undefined => (id === 3 ? "v.example" : undefined);

describe("rowCodec", () => {
  it("reads back what it wrote, whatever the numbers were", () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        const stored = normaliseRow(row);
        expect(decodeRow(encodeRow(stored, 3), nameOf)).toEqual(stored);
        expect(normaliseRow(stored)).toEqual(stored);
      }),
    );
  });

  it("leaves an ordinary row as it is", () => {
    expect(normaliseRow(sampleRow())).toEqual(sampleRow());
  });

  it("lets only a body with a file of its own lack bytes, and none more than it has", () => {
    const missingOf = (change: Parameters<typeof sampleRow>[0]): number => normaliseRow(sampleRow(change)).missingBytes;
    expect(missingOf({ location: sampleLocation({ file: 0 }), missingBytes: 10 })).toBe(0);
    expect(missingOf({ location: sampleLocation({ file: 9, bodyBytes: 500 }), missingBytes: 10 })).toBe(10);
    expect(missingOf({ location: sampleLocation({ file: 9, bodyBytes: 500 }), missingBytes: 501 })).toBe(500);
    expect(missingOf({ location: sampleLocation({ file: 9 }), missingBytes: Number.NaN })).toBe(0);
  });

  it("believes nothing that it could not have written", () => {
    const good: readonly unknown[] = encodeRow(normaliseRow(sampleRow({ vhost: "v.example" })), 3);
    expect(decodeRow(good, nameOf)).toBeDefined();
    const garbage = fc.oneof(
      fc.constantFrom(null, undefined, -1, 0.5, 2 ** 60, Number.NaN, 10n, {}),
      fc.constant(Buffer.alloc(3)),
    );
    fc.assert(
      fc.property(fc.nat(good.length - 1), garbage, (index, value) => {
        const isSigned = SIGNED.includes(ROW_COLUMNS[index] ?? "") && value === -1;
        const columns = good.with(index, value);
        expect(decodeRow(columns, nameOf) === undefined).toBe(!isSigned);
      }),
    );
    expect(decodeRow([], nameOf)).toBeUndefined();
    expect(decodeRow(good.with(ROW_COLUMNS.indexOf("vhost"), 4), nameOf)).toBeUndefined();
  });
});
