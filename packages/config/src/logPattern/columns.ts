import { compileComparison, OPERATORS } from "./comparison.ts";
import type { LogColumns, LogPatternOutcome } from "./logPattern.ts";

interface NamedColumn {
  readonly name: string;
  /** Undefined: any value. */
  readonly accepts: ((value: string) => boolean) | undefined;
}

const NAME = /\s*([A-Za-z0-9_.()-]*)\s*/y;
const OPERATOR = new RegExp(
  `\\s*(${OPERATORS.toSorted((one, other) => other.length - one.length).join("|")})\\s*`,
  "y",
);
const VALUE = /(?:"((?:[^"\\]|\\.)*)"|([^\s,\]&|"]+))\s*/y;
const JOINT = /(&&|\|\|)/y;

class Refusal extends Error {}

class ColumnsReader {
  readonly #text: string;
  #at = 1;

  constructor(text: string) {
    this.#text = text;
  }

  read(): readonly (NamedColumn | "...")[] {
    const columns: (NamedColumn | "...")[] = [];
    for (;;) {
      columns.push(this.#column());
      const next = this.#text.charAt(this.#at++);
      if (next === "]") break;
      if (next !== ",") throw new Refusal("has something else than , or ] behind a field");
    }
    if (this.#text.slice(this.#at).trim() !== "") throw new Refusal("goes on behind its ]");
    return columns;
  }

  #column(): NamedColumn | "..." {
    const [, name = ""] = this.#take(NAME) ?? [];
    if (name === "...") return "...";
    const first = this.#condition();
    if (first === undefined) return { name, accepts: undefined };
    let accepts = first;
    // `&&` binds closer than `||`.
    const alternatives: ((value: string) => boolean)[] = [];
    for (let joint = this.#take(JOINT)?.[1]; joint !== undefined; joint = this.#take(JOINT)?.[1]) {
      const [, again = ""] = this.#take(NAME) ?? [];
      if (again !== name) throw new Refusal(`has a condition on ${again || "nothing"} in the field ${name}`);
      const next = this.#condition();
      if (next === undefined) throw new Refusal(`has no condition behind ${joint}`);
      if (joint === "||") {
        alternatives.push(accepts);
        accepts = next;
      } else {
        const before = accepts;
        accepts = (value) => before(value) && next(value);
      }
    }
    const all = [...alternatives, accepts];
    return { name, accepts: all.length === 1 ? accepts : (value) => all.some((one) => one(value)) };
  }

  #condition(): ((value: string) => boolean) | undefined {
    const written = this.#take(OPERATOR)?.[1];
    const operator = OPERATORS.find((one) => one === written);
    if (operator === undefined) return undefined;
    const [, quoted, bare] = this.#take(VALUE) ?? [];
    const text = quoted?.replace(/\\(.)/g, "$1") ?? bare;
    if (text === undefined) throw new Refusal(`has no value behind ${operator}`);
    const compiled = compileComparison(operator, { text, isQuoted: quoted !== undefined });
    if (compiled === undefined) throw new Refusal(`compares by ${operator} with ${text}, which is no number`);
    return compiled;
  }

  #take(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text);
    if (found === null) return undefined;
    this.#at = expression.lastIndex;
    return found;
  }
}

/** Where the names stand: those before `...` from the front, those behind it from the end. */
interface Layout {
  readonly front: readonly NamedColumn[];
  /** Undefined without `...`. */
  readonly back: readonly NamedColumn[] | undefined;
}

const layOut = (columns: readonly (NamedColumn | "...")[]): Layout => {
  const gap = columns.indexOf("...");
  const named = columns.filter((column) => column !== "...");
  if (gap < 0) return { front: named, back: undefined };
  if (named.length < columns.length - 1) throw new Refusal("has ... twice");
  return { front: named.slice(0, gap), back: named.slice(gap) };
};

const compileLayout = ({ front, back }: Layout): LogPatternOutcome => {
  const names = front.length + (back?.length ?? 0);
  const readFront = (index: number) =>
    back === undefined && index === front.length - 1
      ? (columns: LogColumns) => columns.from(index)
      : (columns: LogColumns) => columns.at(index);
  const readers = [
    ...front.map((column, index) => ({ ...column, read: readFront(index) })),
    ...(back ?? []).map((column, index, { length }) => ({
      ...column,
      read: (columns: LogColumns) => columns.at(columns.count - length + index),
    })),
  ];
  const checks = readers.flatMap(({ accepts, read }) => (accepts === undefined ? [] : [{ accepts, read }]));
  return {
    ok: true,
    pattern: {
      kind: "columns",
      names: readers.map(({ name }) => name).filter((name) => name !== ""),
      matches: (columns) => columns.count >= names && checks.every(({ accepts, read }) => accepts(read(columns))),
      reader: (name) => (name === "" ? undefined : readers.find((reader) => reader.name === name)?.read),
    },
  };
};

/** AWS-82, AWS-83. */
export const parseColumns = (text: string): LogPatternOutcome => {
  try {
    return compileLayout(layOut(new ColumnsReader(text).read()));
  } catch (cause) {
    if (cause instanceof Refusal) return { ok: false, reason: cause.message };
    throw cause;
  }
};

/** Finds the next one of a character for positions that only grow, in one pass over the text. */
const finderOf = (line: string, character: string): ((from: number) => number) => {
  let next = -1;
  return (from) => {
    if (next < from && next !== line.length) {
      const found = line.indexOf(character, from);
      next = found < 0 ? line.length : found;
    }
    return next;
  };
};

const isFieldEnd = (line: string, at: number): boolean => at >= line.length || line.charAt(at) === " ";

/** The fields of a line: separated by blanks, what stands in `[…]` or `"…"` is one. */
export const splitColumns = (line: string): LogColumns => {
  const nextBracket = finderOf(line, "]");
  const nextQuote = finderOf(line, '"');
  const nextBlank = finderOf(line, " ");
  const starts: number[] = [];
  const values: string[] = [];
  for (let at = 0; at < line.length; ) {
    const first = line.charAt(at);
    if (first === " ") {
      at++;
      continue;
    }
    let close = line.length;
    if (first === "[") close = nextBracket(at + 1);
    else if (first === '"') {
      close = nextQuote(at + 1);
      while (close < line.length && line.charAt(close - 1) === "\\") close = nextQuote(close + 1);
    }
    const isGroup = close < line.length && isFieldEnd(line, close + 1);
    const end = isGroup ? close + 1 : nextBlank(at);
    starts.push(at);
    values.push(isGroup ? line.slice(at + 1, close) : line.slice(at, end));
    at = end;
  }
  return {
    count: values.length,
    at: (index) => values[index] ?? "",
    from: (index) => (index === values.length - 1 ? (values[index] ?? "") : line.slice(starts[index] ?? line.length)),
  };
};
