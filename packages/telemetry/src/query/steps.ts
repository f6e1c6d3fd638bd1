import { type Accumulator, type AggregateBudget, createAccumulator } from "./aggregates.ts";
import { type Command, type NamedExpression, QueryLimitError, type SortKey, type Value } from "./contract.ts";
import { compareValues, evaluate, isTrue, type Row, textOf } from "./evaluate.ts";

/** A row that is kept, with an estimate of the memory that it holds. */
export interface KeptRow extends Row {
  readonly bytes: number;
}

/** One command at work: takes rows, gives some to the next one, the rest when there are no more. */
export interface Step {
  push(row: KeptRow): void;
  end(): void;
}

/** Groups of `stats`, and rows that `sort` holds. */
const MOST_GROUPS = 10_000;
const MOST_HELD_BYTES = 64 * 1024 * 1024;
const VALUE_BYTES = 64;

class DerivedRow implements KeptRow {
  readonly #base: KeptRow | undefined;
  readonly #values: ReadonlyMap<string, Value>;
  readonly bytes: number;

  constructor(values: ReadonlyMap<string, Value>, base: KeptRow | undefined) {
    this.#values = values;
    this.#base = base;
    let bytes = base?.bytes ?? 0;
    for (const [name, value] of values) bytes += VALUE_BYTES + name.length + textOf(value).length * 2;
    this.bytes = bytes;
  }

  get(name: string): Value {
    return this.#values.has(name) ? this.#values.get(name) : this.#base?.get(name);
  }
}

const isPlain = ({ name, expression }: NamedExpression): boolean =>
  expression.kind === "field" && expression.name === name;

const extend = (columns: readonly NamedExpression[], next: Step): Step => {
  const computed = columns.filter((column) => !isPlain(column));
  if (computed.length === 0) return next;
  return {
    push: (row) =>
      next.push(
        new DerivedRow(new Map(computed.map(({ name, expression }) => [name, evaluate(expression, row)])), row),
      ),
    end: () => next.end(),
  };
};

/** Undefined where the text is not built so. */
const cutOut = (text: string, texts: readonly string[]): readonly string[] | undefined => {
  const [first = "", ...rest] = texts;
  const start = text.indexOf(first);
  if (start < 0) return undefined;
  let at = start + first.length;
  const values: string[] = [];
  for (const [index, separator] of rest.entries()) {
    const isLast = index === rest.length - 1;
    const end = isLast && separator === "" ? text.length : text.indexOf(separator, at);
    if (end < 0) return undefined;
    values.push(text.slice(at, end));
    at = end + separator.length;
  }
  return values;
};

const parseInto = ({ of, texts, names }: Extract<Command, { kind: "parse" }>, next: Step): Step => ({
  push: (row) => {
    const values = cutOut(textOf(evaluate(of, row)), texts);
    next.push(values === undefined ? row : new DerivedRow(new Map(names.map((name, at) => [name, values[at]])), row));
  },
  end: () => next.end(),
});

const group = ({ aggregates, by }: Extract<Command, { kind: "stats" }>, next: Step): Step => {
  const groups = new Map<string, { readonly keys: readonly Value[]; readonly figures: readonly Accumulator[] }>();
  const budget: AggregateBudget = { distinct: 0 };
  let keyBytes = 0;
  const begin = (keys: readonly Value[]) => ({
    keys,
    figures: aggregates.map((one) => createAccumulator(one, budget)),
  });
  return {
    push: (row) => {
      const keys = by.map(({ expression }) => evaluate(expression, row));
      // A number as lines of one form have it, and its digits as those of another do, are one group.
      const id = JSON.stringify(keys.map((key) => (key === undefined ? null : textOf(key))));
      let found = groups.get(id);
      if (found === undefined) {
        keyBytes += id.length * 4;
        if (groups.size === MOST_GROUPS || keyBytes > MOST_HELD_BYTES)
          throw new QueryLimitError(`more than ${MOST_GROUPS} groups`);
        found = begin(keys);
        groups.set(id, found);
      }
      for (const figure of found.figures) figure.add(row);
    },
    end: () => {
      if (groups.size === 0 && by.length === 0) groups.set("", begin([]));
      for (const { keys, figures } of groups.values()) {
        const values = new Map<string, Value>();
        by.forEach(({ name }, index) => {
          values.set(name, keys[index]);
        });
        aggregates.forEach(({ name }, index) => {
          values.set(name, figures[index]?.value);
        });
        next.push(new DerivedRow(values, undefined));
      }
      next.end();
    },
  };
};

interface Sorted {
  readonly row: KeptRow;
  readonly keys: readonly Value[];
}

const orderBy = (keys: readonly SortKey[], most: number, next: Step): Step => {
  const order = (one: Sorted, other: Sorted): number => {
    for (const [index, { isDescending }] of keys.entries()) {
      const difference = compareValues(one.keys[index], other.keys[index]);
      if (difference !== 0) return isDescending ? -difference : difference;
    }
    return 0;
  };
  let held: Sorted[] = [];
  let heldBytes = 0;
  /** Whether `held` is in order, so that its last one is the worst. */
  let isOrdered = false;
  const shorten = (): void => {
    held = held.toSorted(order).slice(0, most);
    heldBytes = held.reduce((sum, { row }) => sum + row.bytes, 0);
  };
  return {
    push: (row) => {
      const sorted = { row, keys: keys.map(({ expression }) => evaluate(expression, row)) };
      const last = held[most - 1];
      if (held.length === most && last !== undefined && order(sorted, last) >= 0 && isOrdered) return;
      held.push(sorted);
      heldBytes += row.bytes;
      isOrdered = false;
      if (held.length < most * 2 && heldBytes < MOST_HELD_BYTES) return;
      shorten();
      isOrdered = true;
      if (heldBytes >= MOST_HELD_BYTES) throw new QueryLimitError("more rows than memory holds; a smaller limit helps");
    },
    end: () => {
      shorten();
      for (const { row } of held) next.push(row);
      next.end();
    },
  };
};

const limitTo = (rows: number, next: Step): Step => {
  let passed = 0;
  return {
    push: (row) => {
      if (passed++ < rows) next.push(row);
    },
    end: () => next.end(),
  };
};

/** `most`: rows that anything behind may want. */
export const createStep = (command: Command, most: number, next: Step): Step => {
  switch (command.kind) {
    case "fields":
    case "display":
      return extend(command.columns, next);
    case "filter":
      return {
        push: (row) => {
          if (isTrue(evaluate(command.condition, row))) next.push(row);
        },
        end: () => next.end(),
      };
    case "parse":
      return parseInto(command, next);
    case "stats":
      return group(command, next);
    case "sort":
      return orderBy(command.keys, most, next);
    case "limit":
      return limitTo(command.rows, next);
  }
};
