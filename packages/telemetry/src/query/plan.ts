import { type Command, type Expression, type NamedExpression, QueryLimitError, type Value } from "./contract.ts";
import { numberOf } from "./evaluate.ts";
import { MOST_ROWS } from "./parseQuery.ts";
import { createStep, type KeptRow, type Step } from "./steps.ts";

/** Rows of a query that names no limit. */
const DEFAULT_ROWS = 1_000;
/** Of all values of an answer together: other processes hold it whole. */
const MOST_ANSWER_CHARACTERS = 16 * 1024 * 1024;
/** Of a value beside its text. */
const CELL_CHARACTERS = 8;
const DEFAULT_COLUMNS = ["@timestamp", "@message"];
const NEWEST_FIRST: Command = {
  kind: "sort",
  keys: ["@timestamp", "@number"].map((name) => ({ expression: { kind: "field", name }, isDescending: true })),
};

/** A value of an answer; null is what a row lacks. */
export type Cell = string | number | boolean | null;

const columnsOf = (commands: readonly Command[]): readonly string[] => {
  let columns: readonly string[] = [];
  for (const command of commands) {
    if (command.kind === "display") columns = command.columns.map(({ name }) => name);
    else if (command.kind === "stats") columns = [...command.by, ...command.aggregates].map(({ name }) => name);
    else if (command.kind === "fields") columns = [...columns, ...command.columns.map(({ name }) => name)];
    else if (command.kind === "parse") columns = [...columns, ...command.names];
  }
  const hasChosen = commands.some(({ kind }) => kind === "fields" || kind === "display" || kind === "stats");
  return [...new Set(hasChosen ? columns : [...DEFAULT_COLUMNS, ...columns])];
};

/** Columns that hold moments in milliseconds, which an answer writes as text. */
const momentsOf = (commands: readonly Command[]): ReadonlySet<string> => {
  const moments = new Set(["@timestamp"]);
  const isMoment = (expression: Expression | undefined): boolean =>
    expression?.kind === "bin" ? isMoment(expression.of) : expression?.kind === "field" && moments.has(expression.name);
  const note = (columns: readonly NamedExpression[]): void => {
    for (const { name, expression } of columns) if (isMoment(expression)) moments.add(name);
  };
  for (const command of commands) {
    if (command.kind === "fields" || command.kind === "display") note(command.columns);
    if (command.kind !== "stats") continue;
    note(command.by);
    for (const { name, kind, of } of command.aggregates)
      if (kind !== "count" && kind !== "count_distinct" && isMoment(of)) moments.add(name);
  }
  return moments;
};

const MOST_DATE_MS = 8.64e15;

const cellOf = (value: Value, isMoment: boolean): Cell => {
  const ms = isMoment ? numberOf(value) : undefined;
  return ms === undefined || Math.abs(ms) > MOST_DATE_MS ? (value ?? null) : new Date(ms).toISOString();
};

/** A query at work: rows go in, the rows of the answer come together in `rows`. */
export class RunningQuery {
  readonly columns: readonly string[];
  readonly rows: Cell[][] = [];
  /** Rows that have come through the filters, before they were grouped or sorted. */
  matched = 0;
  #characters = 0;
  readonly #first: Step;

  constructor(written: readonly Command[]) {
    const isOrdered = written.some(({ kind }) => kind === "sort" || kind === "stats");
    const limitAt = written.findIndex(({ kind }) => kind === "limit");
    const commands = isOrdered
      ? written
      : limitAt < 0
        ? [...written, NEWEST_FIRST]
        : written.toSpliced(limitAt, 0, NEWEST_FIRST);
    const limit = written.findLast((command) => command.kind === "limit");
    const most = limit === undefined ? DEFAULT_ROWS : MOST_ROWS;
    const isSource = new Set(["fields", "display", "filter", "parse"]);
    const sourceCount = commands.findIndex(({ kind }) => !isSource.has(kind));
    this.columns = columnsOf(written);
    const moments = momentsOf(written);
    let next: Step = {
      push: (row) => {
        if (this.rows.length < most) this.#keep(this.columns.map((name) => cellOf(row.get(name), moments.has(name))));
      },
      end: () => undefined,
    };
    let wanted = most;
    for (let index = commands.length - 1; index >= 0; index--) {
      if (index === (sourceCount < 0 ? commands.length : sourceCount) - 1) next = this.#counting(next);
      const command = commands[index];
      if (command === undefined) continue;
      next = createStep(command, wanted, next);
      wanted =
        command.kind === "limit"
          ? Math.min(wanted, command.rows)
          : command.kind === "sort" || isRowwise(command)
            ? wanted
            : MOST_ROWS;
    }
    this.#first = sourceCount === 0 ? this.#counting(next) : next;
  }

  push(row: KeptRow): void {
    this.#first.push(row);
  }

  end(): void {
    this.#first.end();
  }

  #keep(cells: Cell[]): void {
    for (const cell of cells) this.#characters += CELL_CHARACTERS + (typeof cell === "string" ? cell.length : 0);
    if (this.#characters > MOST_ANSWER_CHARACTERS)
      throw new QueryLimitError("the answer is longer than 16 MB; fewer columns or a smaller limit help");
    this.rows.push(cells);
  }

  #counting(next: Step): Step {
    return {
      push: (row) => {
        this.matched++;
        next.push(row);
      },
      end: () => next.end(),
    };
  }
}

/** Whether it gives one row for each that it takes. */
const isRowwise = ({ kind }: Command): boolean => kind === "fields" || kind === "display" || kind === "parse";
