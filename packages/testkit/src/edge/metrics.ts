/** One sample of the Prometheus text format. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/y;

const parseLabels = (text: string): Record<string, string> => {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const at = LABEL.lastIndex;
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new Error(`labels ${JSON.stringify(text.slice(at))}`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
};

const parseValue = (text: string): number => {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  const value = Number(text);
  if (Number.isNaN(value) && text !== "NaN") throw new Error(`sample value ${JSON.stringify(text)}`);
  return value;
};

/** Figures of one scrape. */
export class Metrics {
  readonly samples: readonly MetricSample[];

  constructor(samples: readonly MetricSample[]) {
    this.samples = samples;
  }

  /** Throws on a line that is not of the format. */
  static parse(text: string): Metrics {
    const samples: MetricSample[] = [];
    for (const line of text.split("\n")) {
      if (line === "" || line.startsWith("#")) continue;
      const [, name, labels, value] = SAMPLE.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Error(`metrics line ${JSON.stringify(line)}`);
      samples.push({ name, labels: parseLabels(labels ?? ""), value: parseValue(value) });
    }
    return new Metrics(samples);
  }

  /** Sum of the samples of that name whose labels include those given; 0 when there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    let sum = 0;
    for (const sample of this.samples) {
      if (sample.name !== name) continue;
      if (Object.entries(labels).every(([key, wanted]) => sample.labels[key] === wanted)) sum += sample.value;
    }
    return sum;
  }
}

/**
 * A counter in a test's short form: a cache result (`TCP_HIT`), a counter without prefix and suffix
 * (`origin_requests`), or one with a label (`client_responses{class=2xx}`).
 */
export const readCounter = (metrics: Metrics, counter: string, vhost: string | undefined): number => {
  const scope = vhost === undefined ? {} : { vhost };
  if (counter.startsWith("TCP_")) return metrics.sum("basalt_cache_results_total", { ...scope, result: counter });
  const [, base = counter, label, value] = /^(\w+)\{(\w+)=(\w+)\}$/.exec(counter) ?? [];
  const labels = label === undefined || value === undefined ? scope : { ...scope, [label]: value };
  return metrics.sum(`basalt_${base}_total`, labels);
};
