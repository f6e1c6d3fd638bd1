import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import openWabt from "wabt";
import { arePieces, countPieces, PIECE_BYTES, piecesAround, sumOf, sumPieces } from "../../src/bodies/pieceSums.ts";
import { SUM_MODULE } from "../../src/bodies/sumModule.ts";
import { patternBytes } from "../support/samples.ts";

const someBytes = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes));

describe("the sum of bytes", () => {
  it("changes with every bit, wherever the bytes begin in memory", () => {
    fc.assert(
      fc.property(someBytes, fc.nat(7), fc.nat(), (bytes, shift, place) => {
        const moved = Buffer.alloc(shift + bytes.length).subarray(shift);
        bytes.copy(moved);
        const before = sumOf(bytes);
        expect(sumOf(moved)).toBe(before);
        const bit = place % (bytes.length * 8);
        moved.writeUInt8(moved.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(sumOf(moved)).not.toBe(before);
      }),
    );
  });

  it("tells lengths and orders apart", () => {
    const zeros = [0, 1, 3, 4, 5, PIECE_BYTES, PIECE_BYTES + 1].map((length) => sumOf(Buffer.alloc(length)));
    expect(new Set(zeros).size).toBe(zeros.length);
    expect(sumOf(Buffer.from("onetwosixten"))).not.toBe(sumOf(Buffer.from("sixtonetweno")));
    expect(sumOf(Buffer.from([1, 0, 0, 0, 2, 0, 0, 0]))).not.toBe(sumOf(Buffer.from([2, 0, 0, 0, 1, 0, 0, 0])));
  });
});

describe("pieces of a content", () => {
  const content = patternBytes(3 * PIECE_BYTES + 1001, 5);
  const sums = new Float64Array(countPieces(content.length));
  sumPieces(content, sums);

  it("are found in every run of whole pieces, and a changed one nowhere", () => {
    fc.assert(
      fc.property(
        fc.nat(content.length - 1),
        fc.nat(content.length),
        fc.nat(content.length - 1),
        (from, length, at) => {
          const run = piecesAround(from, Math.min(content.length, from + length + 1), content.length);
          expect(run.start <= from && run.end >= Math.min(content.length, from + length + 1)).toBe(true);
          const part = Buffer.from(content.subarray(run.start, run.end));
          expect(arePieces(part, sums, run.start / PIECE_BYTES)).toBe(true);
          if (at >= part.length) return;
          part.writeUInt8(part.readUInt8(at) ^ 16, at);
          expect(arePieces(part, sums, run.start / PIECE_BYTES)).toBe(false);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("the module that sums", () => {
  it("is what its source says", async () => {
    const source = readFileSync(join(import.meta.dirname, "../../src/bodies/sum.wat"), "utf8");
    const { parseWat } = await openWabt();
    const compiled = parseWat("sum.wat", source, { simd: true }).toBinary({}).buffer;
    expect(Buffer.from(compiled).toString("base64")).toBe(SUM_MODULE);
  });

  it("sums all that fits into its memory, and nothing longer", () => {
    const whole = patternBytes(8 * PIECE_BYTES, 3);
    const before = sumOf(whole);
    whole.writeUInt8(whole.readUInt8(whole.length - 1) ^ 1, whole.length - 1);
    expect(sumOf(whole)).not.toBe(before);
    expect(() => sumOf(Buffer.alloc(whole.length + 1))).toThrow(RangeError);
  });

  it("does not see what was summed before", () => {
    const short = Buffer.from("short");
    const before = sumOf(short);
    sumOf(patternBytes(1000, 9));
    expect(sumOf(short)).toBe(before);
  });
});
