import { compileComparison, OPERATORS } from "./comparison.ts";
import type { LogPatternOutcome } from "./logPattern.ts";

type Test = (record: unknown) => boolean;
type Read = (record: unknown) => unknown;

const OPERATOR = new RegExp(
  `\\s*(${OPERATORS.toSorted((one, other) => other.length - one.length).join("|")})\\s*`,
  "y",
);
const WORD_TEST = /\s*(IS\s+NULL|NOT\s+EXISTS|IS\s+TRUE|IS\s+FALSE)(?![A-Za-z])/y;
const SELECTOR = /\s*(\$(?:\.[A-Za-z0-9_-]+|\["[^"\]]*"\]|\[\d{1,9}\])+)/y;
const STEP = /\.([A-Za-z0-9_-]+)|\["([^"\]]*)"\]|\[(\d{1,9})\]/g;
const VALUE = /(?:"((?:[^"\\]|\\.)*)"|([^\s()&|"{}]+))/y;
const SYMBOL = /\s*(&&|\|\||\(|\)|\})/y;
const REST = /\s*$/y;

class Refusal extends Error {}

const stepInto = (value: unknown, step: string | number): unknown => {
  if (typeof step === "number") return Array.isArray(value) ? value[step] : undefined;
  return typeof value === "object" && value !== null && Object.hasOwn(value, step)
    ? Object.getOwnPropertyDescriptor(value, step)?.value
    : undefined;
};

/** What a selector such as `$.request.headers[0]` points at; undefined when there is no such thing. */
export const compileSelector = (text: string): Read | undefined => {
  SELECTOR.lastIndex = 0;
  if (SELECTOR.exec(text)?.[0].length !== text.length) return undefined;
  const steps = [...text.matchAll(STEP)].map(([, name, quoted, index]) =>
    index === undefined ? (name ?? quoted ?? "") : Number(index),
  );
  return (record) => steps.reduce(stepInto, record);
};

const wordTest = (words: string, read: Read): Test => {
  switch (words.replace(/\s+/g, " ")) {
    case "IS NULL":
      return (record) => read(record) === null;
    case "NOT EXISTS":
      return (record) => read(record) === undefined;
    case "IS TRUE":
      return (record) => read(record) === true;
    default:
      return (record) => read(record) === false;
  }
};

class RecordReader {
  readonly selectors = new Set<string>();
  readonly #text: string;
  #at = 1;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Test {
    const test = this.#alternatives();
    if (this.#symbol("}") === undefined) throw new Refusal("is not closed by } where it should be");
    if (this.#take(REST) === undefined) throw new Refusal("goes on behind its }");
    return test;
  }

  #alternatives(): Test {
    const tests = [this.#conjunction()];
    while (this.#symbol("||") !== undefined) tests.push(this.#conjunction());
    return (record) => tests.some((test) => test(record));
  }

  #conjunction(): Test {
    const tests = [this.#single()];
    while (this.#symbol("&&") !== undefined) tests.push(this.#single());
    return (record) => tests.every((test) => test(record));
  }

  #single(): Test {
    if (this.#symbol("(") !== undefined) {
      const inner = this.#alternatives();
      if (this.#symbol(")") === undefined) throw new Refusal("has a ( that is not closed");
      return inner;
    }
    const selector = this.#take(SELECTOR)?.[1] ?? "";
    const read = compileSelector(selector);
    if (read === undefined) throw new Refusal("has no selector such as $.status where there should be one");
    this.selectors.add(selector);
    const words = this.#take(WORD_TEST)?.[1];
    return words === undefined ? this.#comparison(read) : wordTest(words, read);
  }

  #comparison(read: Read): Test {
    const written = this.#take(OPERATOR)?.[1];
    const operator = OPERATORS.find((one) => one === written);
    if (operator === undefined) throw new Refusal("has no comparison behind a selector");
    const [, quoted, bare] = this.#take(VALUE) ?? [];
    const text = quoted?.replace(/\\(.)/g, "$1") ?? bare;
    if (text === undefined) throw new Refusal(`has no value behind ${operator}`);
    const compare = compileComparison(operator, { text, isQuoted: quoted !== undefined });
    if (compare === undefined) throw new Refusal(`compares by ${operator} with ${text}, which is no number`);
    return (record) => {
      const value = read(record);
      return (
        (typeof value === "string" || typeof value === "number" || typeof value === "boolean") && compare(String(value))
      );
    };
  }

  #symbol(symbol: string): string | undefined {
    const at = this.#at;
    const found = this.#take(SYMBOL)?.[1];
    if (found === symbol) return found;
    this.#at = at;
    return undefined;
  }

  #take(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text);
    if (found === null) return undefined;
    this.#at = expression.lastIndex;
    return found;
  }
}

/** AWS-84: conditions on the fields of a line of JSON. What a record lacks fulfils NOT EXISTS alone. */
export const parseRecord = (text: string): LogPatternOutcome => {
  try {
    const reader = new RecordReader(text);
    const matches = reader.read();
    return { ok: true, pattern: { kind: "record", selectors: [...reader.selectors], matches } };
  } catch (cause) {
    if (cause instanceof Refusal) return { ok: false, reason: cause.message };
    throw cause;
  }
};
