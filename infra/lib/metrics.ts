/** One sample of the Prometheus text format. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

export function parseMetrics(text: string): MetricSample[] {
  const samples: MetricSample[] = [];
  for (const line of text.split("\n")) {
    const match = SAMPLE.exec(line);
    if (match === null) continue;
    const [, name = "", labelText = "", value = ""] = match;
    const labels: Record<string, string> = {};
    for (const [, label = "", escaped = ""] of labelText.matchAll(LABEL)) labels[label] = escaped;
    samples.push({ name, labels, value: Number(value) });
  }
  return samples;
}

/** Sum over all samples of that name whose labels agree with `labels`. */
export function sumMetric(
  samples: readonly MetricSample[],
  name: string,
  matches: (labels: Readonly<Record<string, string>>) => boolean = () => true,
): number {
  return samples.reduce((sum, sample) => sum + (sample.name === name && matches(sample.labels) ? sample.value : 0), 0);
}
