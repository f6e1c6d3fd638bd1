import { compileLogPattern, compileSelector, type EdgeConfig, type LogColumns, splitColumns } from "@basalt/config";
import type { ClientTransaction, LogMetricCounts, LogMetricDefinition } from "@basalt/telemetry";
import { type AccessFormat, accessRecord, LineBuffer, stonColumns, type Xff } from "@basalt/telemetry/logs";

type VhostSettings = EdgeConfig["vhosts"][number];
type Filter = VhostSettings["logs"]["metricFilters"][number];

/** What Prometheus is to have, of all hosts. */
export const logMetricDefinitions = ({ vhosts }: EdgeConfig): readonly LogMetricDefinition[] =>
  vhosts.flatMap(({ name: vhost, logs }) =>
    logs.metricFilters.map(({ name: filter, namespace, metric, defaultValue }) => ({
      vhost,
      filter,
      namespace,
      metric,
      defaultValue,
    })),
  );

interface Counts {
  readonly vhost: string;
  readonly filter: string;
  lines: number;
  matches: number;
  sum: number;
}

/** Reading a record must not fail for a line that is none. */
const readRecord = (text: string): unknown => {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

interface LogForm {
  readonly form: string;
  readonly xff: Xff;
  readonly format: AccessFormat;
}

/** One line of an access log in the ways in which patterns look at it, each made when it is first asked for. */
class LineSight {
  readonly #log: LogForm;
  readonly #readers: ReturnType<typeof stonColumns> | undefined;
  readonly #transactionColumns: LogColumns;
  #transaction: ClientTransaction | undefined;
  #atMs = 0;
  #line: LineBuffer | undefined;
  #lineStart = 0;
  #text: string | undefined;
  #columns: LogColumns | undefined;
  #record: { readonly value: unknown } | undefined;

  constructor(log: LogForm) {
    this.#log = log;
    const readers = log.form === "ston" ? stonColumns(log.xff) : undefined;
    this.#readers = readers;
    const at = (index: number): string =>
      this.#transaction === undefined ? "" : (readers?.[index]?.(this.#transaction, this.#atMs) ?? "");
    this.#transactionColumns = {
      count: readers?.length ?? 0,
      at,
      from: (index) =>
        (readers ?? [])
          .slice(index)
          .map((_, step) => at(index + step))
          .join(" "),
    };
  }

  /** `line` holds the written line from `lineStart` on; undefined when nobody wants it. */
  look(transaction: ClientTransaction, atMs: number, line: LineBuffer | undefined, lineStart: number): void {
    this.#transaction = transaction;
    this.#atMs = atMs;
    this.#line = line;
    this.#lineStart = lineStart;
    this.#text = undefined;
    this.#columns = undefined;
    this.#record = undefined;
  }

  get text(): string {
    this.#text ??= this.#render();
    return this.#text;
  }

  get columns(): LogColumns {
    if (this.#readers !== undefined) return this.#transactionColumns;
    this.#columns ??= splitColumns(this.text);
    return this.#columns;
  }

  get record(): unknown {
    this.#record ??= { value: this.#readRecord() };
    return this.#record.value;
  }

  #readRecord(): unknown {
    const { form, xff } = this.#log;
    if (form === "json" && this.#transaction !== undefined) return accessRecord(this.#transaction, this.#atMs, xff);
    return form === "custom" ? readRecord(this.text) : undefined;
  }

  #render(): string {
    let line = this.#line;
    let start = this.#lineStart;
    if (line === undefined && this.#transaction !== undefined) {
      line = new LineBuffer(Buffer.allocUnsafe(1024));
      start = 0;
      this.#log.format.write(line, this.#transaction, this.#atMs);
    }
    return line?.memory.toString("utf8", start, line.length) ?? "";
  }
}

interface CompiledFilter {
  readonly matches: (sight: LineSight) => boolean;
  /** Undefined: nothing that could be added. */
  readonly amountIn: (sight: LineSight) => number | undefined;
  readonly counts: Counts;
}

const amountOf = (value: unknown): number | undefined => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : undefined;
};

/** Undefined for a pattern that the configuration would not have let through. */
const compileFilter = ({ pattern: text, value }: Filter, counts: Counts): CompiledFilter | undefined => {
  const outcome = compileLogPattern(text);
  if (!outcome.ok) return undefined;
  const { pattern } = outcome;
  const fixed = amountOf(value);
  const always = (): number | undefined => fixed;
  switch (pattern.kind) {
    case "terms":
      return { matches: ({ text: line }) => pattern.matches(line), amountIn: always, counts };
    case "columns": {
      const read = value.startsWith("$") ? pattern.reader(value.slice(1)) : undefined;
      const amountIn = read === undefined ? always : ({ columns }: LineSight) => amountOf(read(columns));
      return { matches: ({ columns }) => pattern.matches(columns), amountIn, counts };
    }
    case "record": {
      const read = compileSelector(value);
      const amountIn = read === undefined ? always : ({ record }: LineSight) => amountOf(read(record));
      return { matches: ({ record }) => pattern.matches(record), amountIn, counts };
    }
  }
};

/** The filters of one access log. */
export class LogMetricFilters {
  readonly #sight: LineSight;
  readonly #filters: readonly CompiledFilter[];

  constructor(log: LogForm, filters: readonly CompiledFilter[]) {
    this.#sight = new LineSight(log);
    this.#filters = filters;
  }

  /** `line` holds the written line from `lineStart` on; undefined when nobody wants it. */
  count(transaction: ClientTransaction, atMs: number, line: LineBuffer | undefined, lineStart: number): void {
    this.#sight.look(transaction, atMs, line, lineStart);
    for (const { matches, amountIn, counts } of this.#filters) {
      counts.lines++;
      if (!matches(this.#sight)) continue;
      counts.matches++;
      counts.sum += amountIn(this.#sight) ?? 0;
    }
  }
}

/** What the filters of a worker have counted and not reported yet. */
export class LogMetricCounters {
  #counts: Counts[] = [];

  /** Counts of the configuration before stay until they are reported. */
  begin(): void {
    this.#counts = this.#counts.filter(({ lines }) => lines > 0);
  }

  /** Undefined for a log without filters, which costs nothing then. */
  filtersOf({ name, logs }: VhostSettings, kind: Filter["log"], log: LogForm): LogMetricFilters | undefined {
    const compiled = logs.metricFilters
      .filter((filter) => filter.log === kind)
      .map((filter) => compileFilter(filter, { vhost: name, filter: filter.name, lines: 0, matches: 0, sum: 0 }))
      .filter((filter) => filter !== undefined);
    this.#counts.push(...compiled.map(({ counts }) => counts));
    return compiled.length === 0 ? undefined : new LogMetricFilters(log, compiled);
  }

  takeReport(): readonly LogMetricCounts[] {
    const report: LogMetricCounts[] = [];
    for (const counts of this.#counts) {
      if (counts.lines === 0) continue;
      report.push({ ...counts });
      counts.lines = 0;
      counts.matches = 0;
      counts.sum = 0;
    }
    return report;
  }
}
