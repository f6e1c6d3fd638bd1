export const OPERATORS = ["=", "!=", "<=", ">=", "<", ">"] as const;
export type Operator = (typeof OPERATORS)[number];

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** Undefined for what is no number. */
export const readNumber = (text: string): number | undefined => (NUMBER.test(text) ? Number(text) : undefined);

/** Text with `*` for any run of characters. */
const compileWildcards = (text: string): ((value: string) => boolean) => {
  const pieces = text.split("*");
  const [first = "", ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return (value) => value === text;
  return (value) => {
    if (!value.startsWith(first) || value.length < first.length + last.length || !value.endsWith(last)) return false;
    const end = value.length - last.length;
    let at = first.length;
    for (const piece of rest) {
      const found = value.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
};

const compareNumbers = (operator: Operator, one: number, other: number): boolean => {
  switch (operator) {
    case "=":
      return one === other;
    case "!=":
      return one !== other;
    case "<":
      return one < other;
    case "<=":
      return one <= other;
    case ">":
      return one > other;
    case ">=":
      return one >= other;
  }
};

export interface Literal {
  readonly text: string;
  /** In quotes it is text, also where it looks like a number. */
  readonly isQuoted: boolean;
}

/** Undefined: the operator needs a number. Numbers are compared as such where both sides are some. */
export const compileComparison = (
  operator: Operator,
  { text, isQuoted }: Literal,
): ((value: string) => boolean) | undefined => {
  const number = isQuoted ? undefined : readNumber(text);
  if (operator !== "=" && operator !== "!=") {
    if (number === undefined) return undefined;
    return (value) => {
      const found = readNumber(value);
      return found !== undefined && compareNumbers(operator, found, number);
    };
  }
  const wanted = operator === "=";
  const isAlike = compileWildcards(text);
  if (number === undefined) return (value) => isAlike(value) === wanted;
  return (value) => {
    const found = readNumber(value);
    return (found === undefined ? isAlike(value) : found === number) === wanted;
  };
};
