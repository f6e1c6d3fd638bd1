import { type HistoryPoint, type PointValue, readMetric } from "./historyMetrics.ts";

export type MathOutcome =
  | { readonly ok: true; readonly value: PointValue }
  | { readonly ok: false; readonly message: string };

const MOST_CHARACTERS = 500;
const MOST_DEPTH = 40;

/** A metric may begin with digits (`4xxError`); a number has no letters. */
const TOKEN =
  /\s*(?:([0-9]*[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*(?:\.[0-9]+)?)?)|([0-9]+(?:\.[0-9]+)?)|([-+*/()]))/y;

type Token =
  | { readonly kind: "metric"; readonly text: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "symbol"; readonly text: string };

class Refused extends Error {}

const tokensOf = (text: string): readonly Token[] => {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  for (let at = 0; at < end; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const [, metric, number, symbol = ""] = TOKEN.exec(text) ?? [];
    if (metric !== undefined) tokens.push({ kind: "metric", text: metric });
    else if (number !== undefined) tokens.push({ kind: "number", value: Number(number) });
    else if (symbol !== "") tokens.push({ kind: "symbol", text: symbol });
    else throw new Refused(`${JSON.stringify(text.slice(at, at + 20).trim())} cannot stand in an expression.`);
  }
  return tokens;
};

/** A value that is missing, or a division by 0, makes the whole missing. */
const combined = (
  left: PointValue,
  right: PointValue,
  combine: (left: number, right: number) => number,
): PointValue => {
  return (point) => {
    const [first, second] = [left(point), right(point)];
    if (first === null || second === null) return null;
    const result = combine(first, second);
    return Number.isFinite(result) ? result : null;
  };
};

/** The same metric of the same point is read once, however often an expression names it: a percentile takes its time. */
const remembering = (read: PointValue): PointValue => {
  let last: HistoryPoint | undefined;
  let value: number | null = null;
  return (point) => {
    if (point !== last) value = read(point);
    last = point;
    return value;
  };
};

class ExpressionReader {
  readonly #tokens: readonly Token[];
  readonly #metrics = new Map<string, PointValue>();
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): PointValue {
    const value = this.#sum();
    if (this.#at < this.#tokens.length) throw new Refused("Something follows where the expression ends.");
    return value;
  }

  #sum(): PointValue {
    let value = this.#product();
    for (;;) {
      if (this.#takes("+")) value = combined(value, this.#product(), (left, right) => left + right);
      else if (this.#takes("-")) value = combined(value, this.#product(), (left, right) => left - right);
      else return value;
    }
  }

  #product(): PointValue {
    let value = this.#factor();
    for (;;) {
      if (this.#takes("*")) value = combined(value, this.#factor(), (left, right) => left * right);
      else if (this.#takes("/")) value = combined(value, this.#factor(), (left, right) => left / right);
      else return value;
    }
  }

  #factor(): PointValue {
    this.#depth += 1;
    if (this.#depth > MOST_DEPTH) throw new Refused("The expression is nested too deeply.");
    const value = this.#operand();
    this.#depth -= 1;
    return value;
  }

  #operand(): PointValue {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new Refused("The expression ends too early.");
    switch (token.kind) {
      case "number": {
        const { value } = token;
        if (!Number.isFinite(value)) throw new Refused("A number is too large.");
        return () => value;
      }
      case "metric":
        return this.#metric(token.text);
      case "symbol": {
        if (token.text === "-")
          return combined(
            () => 0,
            this.#factor(),
            (left, right) => left - right,
          );
        if (token.text !== "(") throw new Refused(`${token.text} stands where a value should.`);
        const value = this.#sum();
        if (!this.#takes(")")) throw new Refused("A parenthesis is not closed.");
        return value;
      }
    }
  }

  #metric(text: string): PointValue {
    const known = this.#metrics.get(text);
    if (known !== undefined) return known;
    const read = readMetric(text);
    if (read === undefined) throw new Refused(`${text} is no metric, or has no such statistic.`);
    const value = remembering(read);
    this.#metrics.set(text, value);
    return value;
  }

  #takes(symbol: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "symbol" || token.text !== symbol) return false;
    this.#at += 1;
    return true;
  }
}

/** AWS-78: `+`, `-`, `*`, `/` and parentheses over metrics and numbers, such as `5xxError / Count * 100`. */
export const compileMetricMath = (text: string): MathOutcome => {
  if (text.length > MOST_CHARACTERS) return { ok: false, message: "The expression is too long." };
  try {
    return { ok: true, value: new ExpressionReader(tokensOf(text)).whole() };
  } catch (cause) {
    if (cause instanceof Refused) return { ok: false, message: cause.message };
    throw cause;
  }
};
