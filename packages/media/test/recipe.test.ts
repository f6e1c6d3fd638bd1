import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RecipePiece } from "../src/contract.ts";
import { decodeRecipe, encodeRecipe } from "../src/recipe.ts";

const SOURCE = Uint8Array.from({ length: 4_000 }, (_, position) => (position * 31) & 0xff);

const somePieces = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes): RecipePiece => ({ kind: "bytes", bytes })),
    fc
      .tuple(fc.nat(3_900), fc.nat(100))
      .map(([start, length]): RecipePiece => ({ kind: "source", start, end: start + length })),
  ),
  { maxLength: 30 },
);

const bytesOf = (piece: RecipePiece): Uint8Array =>
  piece.kind === "bytes" ? piece.bytes : SOURCE.subarray(piece.start, piece.end);

const assembled = (pieces: readonly RecipePiece[]): Buffer => Buffer.concat(pieces.map(bytesOf));

const opened = (encoded: Uint8Array) => {
  const recipe = decodeRecipe(encoded);
  if (recipe === undefined) {
    throw new Error("no recipe");
  }
  return recipe;
};

describe("recipe of a derived file", () => {
  it("gives back the same bytes, at any alignment", () => {
    fc.assert(
      fc.property(somePieces, fc.nat(9), (pieces, shift) => {
        const encoded = encodeRecipe(pieces);
        const moved = new Uint8Array(encoded.length + shift).subarray(shift);
        moved.set(encoded);
        const recipe = opened(moved);
        const all = Array.from({ length: recipe.pieceCount }, (_, index) => recipe.pieceAt(index));
        const expected = assembled(pieces);
        expect(assembled(all).equals(expected)).toBe(true);
        expect(recipe.sizeBytes).toBe(expected.length);
        expect(recipe.startOf(recipe.pieceCount)).toBe(expected.length);
      }),
    );
  });

  it("finds the piece of every position", () => {
    fc.assert(
      fc.property(somePieces, (pieces) => {
        const recipe = opened(encodeRecipe(pieces));
        for (let position = 0; position < recipe.sizeBytes; position += 1) {
          const index = recipe.indexAt(position);
          expect(recipe.startOf(index)).toBeLessThanOrEqual(position);
          expect(recipe.startOf(index + 1)).toBeGreaterThan(position);
        }
        expect(recipe.indexAt(recipe.sizeBytes)).toBe(-1);
        expect(recipe.indexAt(-1)).toBe(-1);
      }),
    );
  });

  it("puts ranges together that continue each other, and leaves out empty ones", () => {
    const recipe = opened(
      encodeRecipe([
        { kind: "source", start: 6_000_000_000, end: 6_000_000_010 },
        { kind: "bytes", bytes: new Uint8Array(0) },
        { kind: "source", start: 6_000_000_010, end: 6_000_000_020 },
      ]),
    );
    expect(recipe.pieceCount).toBe(1);
    expect(recipe.pieceAt(0)).toEqual({ kind: "source", start: 6_000_000_000, end: 6_000_000_020 });
  });

  it("holds a million pieces and no more", () => {
    const pieces = Array.from(
      { length: 1_000_001 },
      (_, index): RecipePiece => ({ kind: "source", start: index * 10, end: index * 10 + 5 }),
    );
    expect(() => encodeRecipe(pieces)).toThrow(RangeError);
    pieces.pop();
    const recipe = opened(encodeRecipe(pieces));
    expect(recipe.indexAt(4_999_999)).toBe(999_999);
  });

  it("is undefined for bytes that are no sound recipe", () => {
    const encoded = encodeRecipe([
      { kind: "bytes", bytes: SOURCE.subarray(0, 30) },
      { kind: "source", start: 100, end: 300 },
      { kind: "bytes", bytes: SOURCE.subarray(30, 60) },
    ]);
    expect(decodeRecipe(new Uint8Array(0))).toBeUndefined();
    expect(decodeRecipe(encoded.subarray(0, -1))).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(encoded.length - 1), fc.integer({ min: 1, max: 255 }), (position, flip) => {
        const broken = Uint8Array.from(encoded);
        broken[position] = (broken[position] ?? 0) ^ flip;
        const recipe = decodeRecipe(broken);
        let total = 0;
        for (let index = 0; recipe !== undefined && index < recipe.pieceCount; index += 1) {
          const piece = recipe.pieceAt(index);
          total += piece.kind === "bytes" ? piece.bytes.length : piece.end - piece.start;
          expect(piece.kind === "source" && piece.start < 0).toBe(false);
        }
        expect(total).toBe(recipe?.sizeBytes ?? 0);
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => decodeRecipe(bytes) === undefined));
  });
});
