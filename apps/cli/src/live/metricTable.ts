/** Boundary: the text format of Prometheus to values. */

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

const unescapeLabel = (text: string): string =>
  text.includes("\\") ? text.replace(/\\(.)/g, (_, one: string) => (one === "n" ? "\n" : one)) : text;

interface Sample {
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** The samples of one scrape. */
export class MetricTable {
  readonly #samples = new Map<string, Sample[]>();

  constructor(text: string) {
    for (const line of text.split("\n")) {
      if (line === "" || line.startsWith("#")) continue;
      const [, name = "", labelText = "", valueText = ""] = SAMPLE.exec(line) ?? [];
      const value = Number(valueText);
      if (name === "" || !Number.isFinite(value)) continue;
      const labels = new Map<string, string>();
      for (const [, label = "", escaped = ""] of labelText.matchAll(LABEL)) labels.set(label, unescapeLabel(escaped));
      const samples = this.#samples.get(name);
      if (samples === undefined) this.#samples.set(name, [{ labels, value }]);
      else samples.push({ labels, value });
    }
  }

  /** Sum of all samples of that name; 0 without any. */
  sum(name: string): number {
    return (this.#samples.get(name) ?? []).reduce((total, { value }) => total + value, 0);
  }

  /** Sums by the value of one label. */
  by(label: string, name: string, isWanted: (labels: ReadonlyMap<string, string>) => boolean = () => true): Sums {
    const sums = new Map<string, number>();
    for (const { labels, value } of this.#samples.get(name) ?? []) {
      const key = labels.get(label);
      if (key !== undefined && isWanted(labels)) sums.set(key, (sums.get(key) ?? 0) + value);
    }
    return sums;
  }
}

export type Sums = ReadonlyMap<string, number>;
