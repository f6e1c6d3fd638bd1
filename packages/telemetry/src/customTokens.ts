/** One piece of a custom log format (LOG-80): text, or a value with the condition under which it is written. */
export type CustomPiece =
  | { readonly kind: "literal"; readonly text: string }
  | {
      readonly kind: "token";
      readonly letter: string;
      /** What stands in braces; undefined without any. */
      readonly argument: string | undefined;
      /** LOG-82: statuses, `!` in front of those that are left out; empty without a condition. */
      readonly condition: string;
      /** An odd number of quotes stands in front of it. */
      readonly isQuoted: boolean;
    };

const TOKEN = /%(?:%|(!?[\d,]*)(?:\{([^}]*)\})?([A-Za-z]))/y;

/** The pieces of `<AccessFormat>`, no two texts behind one another; undefined where a `%` begins no token. */
export const customPieces = (format: string): readonly CustomPiece[] | undefined => {
  const pieces: CustomPiece[] = [];
  let literal = "";
  let quotes = 0;
  const endLiteral = (): void => {
    if (literal !== "") pieces.push({ kind: "literal", text: literal });
    literal = "";
  };
  for (let at = 0; at < format.length; ) {
    const character = format.charAt(at);
    if (character !== "%") {
      if (character === '"') quotes++;
      literal += character;
      at++;
      continue;
    }
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(format);
    if (found === null) return undefined;
    at = TOKEN.lastIndex;
    const [, condition = "", argument, letter] = found;
    if (letter === undefined) {
      literal += "%";
      continue;
    }
    endLiteral();
    pieces.push({ kind: "token", letter, argument, condition, isQuoted: quotes % 2 === 1 });
  }
  endLiteral();
  return pieces;
};
