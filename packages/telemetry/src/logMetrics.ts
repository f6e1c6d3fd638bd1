/** A metric that a filter makes out of the lines of one host (AWS-79). */
export interface LogMetricDefinition {
  readonly vhost: string;
  readonly filter: string;
  readonly namespace: string;
  readonly metric: string;
  /** What a minute with lines adds in which none matched. */
  readonly defaultValue: number | undefined;
}

/** What a process has counted for a filter since its last report. Plain data. */
export interface LogMetricCounts {
  readonly vhost: string;
  readonly filter: string;
  readonly lines: number;
  readonly matches: number;
  readonly sum: number;
}

export interface LogMetricSeries {
  readonly labels: Readonly<Record<"vhost" | "filter" | "namespace" | "metric", string>>;
  readonly matches: number;
  readonly sum: number;
}

/** What comes on top is published as one sum for each filter, under this name, which no host can have. */
const MOST_SERIES = 5_000;
const OTHER_VHOSTS = "_other";
const MINUTE_MS = 60_000;

interface Total {
  definition: LogMetricDefinition;
  matches: number;
  sum: number;
  minuteLines: number;
  minuteMatches: number;
  hasOwnSeries: boolean;
}

const keyOf = ({ vhost, filter }: { readonly vhost: string; readonly filter: string }): string => `${vhost}\n${filter}`;

/** Sums over all processes. They never fall, as long as their filter is configured. */
export class LogMetricAggregate {
  readonly #mostSeries: number;
  readonly #totals = new Map<string, Total>();
  #seriesCount = 0;
  #minute = Number.NaN;

  constructor(mostSeries = MOST_SERIES) {
    this.#mostSeries = mostSeries;
  }

  configure(definitions: readonly LogMetricDefinition[]): void {
    const wanted = new Map(definitions.map((definition) => [keyOf(definition), definition]));
    for (const [key, { hasOwnSeries }] of this.#totals) {
      if (wanted.has(key)) continue;
      this.#totals.delete(key);
      if (hasOwnSeries) this.#seriesCount--;
    }
    for (const [key, definition] of wanted) {
      const known = this.#totals.get(key);
      const total = known ?? { ...NOTHING, definition };
      total.definition = definition;
      this.#totals.set(key, total);
      if (definition.defaultValue !== undefined) this.#publish(total);
    }
  }

  accept(counts: readonly LogMetricCounts[], nowMs: number): void {
    this.#passTime(nowMs);
    for (const { lines, matches, sum, ...name } of counts) {
      const total = this.#totals.get(keyOf(name));
      if (total === undefined) continue;
      total.minuteLines += lines;
      total.minuteMatches += matches;
      total.matches += matches;
      total.sum += sum;
      if (matches > 0) this.#publish(total);
    }
  }

  series(nowMs: number): readonly LogMetricSeries[] {
    this.#passTime(nowMs);
    const shown: LogMetricSeries[] = [];
    const rest = new Map<string, LogMetricSeries>();
    for (const { definition, matches, sum, hasOwnSeries } of this.#totals.values()) {
      const { vhost, filter, namespace, metric } = definition;
      if (hasOwnSeries) {
        shown.push({ labels: { vhost, filter, namespace, metric }, matches, sum });
      } else if (matches > 0 || sum > 0) {
        const key = [filter, namespace, metric].join("\n");
        const before = rest.get(key);
        rest.set(key, {
          labels: { vhost: OTHER_VHOSTS, filter, namespace, metric },
          matches: matches + (before?.matches ?? 0),
          sum: sum + (before?.sum ?? 0),
        });
      }
    }
    return [...shown, ...rest.values()];
  }

  /** One that is published stays, so that no sum ever falls. */
  #publish(total: Total): void {
    if (total.hasOwnSeries || this.#seriesCount >= this.#mostSeries) return;
    total.hasOwnSeries = true;
    this.#seriesCount++;
  }

  #passTime(nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute === this.#minute) return;
    this.#minute = minute;
    for (const total of this.#totals.values()) {
      const { defaultValue } = total.definition;
      if (total.minuteLines > 0 && total.minuteMatches === 0 && defaultValue !== undefined) total.sum += defaultValue;
      total.minuteLines = 0;
      total.minuteMatches = 0;
    }
  }
}

const NOTHING = { matches: 0, sum: 0, minuteLines: 0, minuteMatches: 0, hasOwnSeries: false } as const;
