import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CustomPiece, customPieces } from "../src/customTokens.ts";

const written = (piece: CustomPiece): string => {
  if (piece.kind === "literal") return piece.text.replaceAll("%", "%%");
  const { condition, argument, letter } = piece;
  return `%${condition}${argument === undefined ? "" : `{${argument}}`}${letter}`;
};

describe("LOG-80 LOG-82: the pieces of a custom format", () => {
  it("are texts and tokens, with what stands in front of their letters", () => {
    expect(customPieces('a%%b "%!200,304{User-Agent}i"%s')).toEqual([
      { kind: "literal", text: 'a%b "' },
      { kind: "token", letter: "i", argument: "User-Agent", condition: "!200,304", isQuoted: true },
      { kind: "literal", text: '"' },
      { kind: "token", letter: "s", argument: undefined, condition: "", isQuoted: false },
    ]);
    expect([customPieces("100 %"), customPieces("%{a"), customPieces("")]).toEqual([undefined, undefined, []]);
  });

  it("are the format, whatever it is", () => {
    const likely = fc.array(fc.constantFrom("%", "%%", "{", "}", '"', "!", "200", ",", "a", "i", " ", "é"));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          likely.map((parts) => parts.join("")),
        ),
        (format) => {
          const pieces = customPieces(format);
          if (pieces === undefined) return;
          expect(pieces.map(written).join("")).toBe(format);
          for (const [index, { kind }] of pieces.entries()) {
            if (kind === "literal") expect(pieces[index + 1]?.kind).not.toBe("literal");
          }
        },
      ),
    );
  });
});
