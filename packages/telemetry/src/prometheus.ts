import { PRODUCT_VERSION } from "@basalt/types";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { DISK_STATES, type DiskFigures, type PlacedCounter, type ProcessFigures } from "./contract.ts";
import type { CounterAggregate, CounterTotals } from "./counterAggregate.ts";
import { PROCESS_COUNTERS, TIME_BOUNDS_SECONDS, VHOST_COUNTERS } from "./counterTable.ts";
import type { LogMetricSeries } from "./logMetrics.ts";
import { PublishedVhosts } from "./publishedVhosts.ts";
import type { SystemSample } from "./system/sampleSystem.ts";
import { SYSTEM_METRICS } from "./system/systemMetrics.ts";

const PREFIX = "basalt_";

interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
  readonly metricName?: string;
}

type ReadSamples = () => Sample[];

interface Description {
  readonly name: string;
  readonly help: string;
  readonly registers: Registry[];
}

class SnapshotCounter extends Counter {
  readonly #read: ReadSamples;

  constructor(description: Description, read: ReadSamples) {
    super(description);
    this.#read = read;
  }

  override async get() {
    return { ...(await super.get()), values: this.#read() };
  }
}

class SnapshotGauge extends Gauge {
  readonly #read: ReadSamples;

  constructor(description: Description, read: ReadSamples) {
    super(description);
    this.#read = read;
  }

  override async get() {
    return { ...(await super.get()), values: this.#read() };
  }
}

class SnapshotHistogram extends Histogram {
  readonly #description: Description;
  readonly #read: ReadSamples;

  constructor(description: Description, read: ReadSamples) {
    super({ ...description, buckets: [...TIME_BOUNDS_SECONDS] });
    this.#description = description;
    this.#read = read;
  }

  /** What the registry of prom-client, and `Histogram.get`, ask histograms for. */
  async getForPromString() {
    const { name, help } = this.#description;
    return { name, help, type: "histogram", aggregator: "sum", values: this.#read() };
  }
}

const metricName = ({ name, unit, kind }: PlacedCounter): string =>
  PREFIX + name + (unit === "count" ? "" : `_${unit}`) + (kind === "counter" ? "_total" : "");

const readPlain = (counter: PlacedCounter, values: Float64Array, labels: Record<string, string>): Sample[] => {
  const { label, slot } = counter;
  if (label === undefined) return [{ labels, value: values[slot] ?? 0 }];
  return label.values.map((value, index) => ({
    labels: { ...labels, [label.name]: value },
    value: values[slot + index] ?? 0,
  }));
};

const sumOf = ({ sum }: PlacedCounter, values: Float64Array): number => {
  if (sum === undefined) return 0;
  const { slot, width, perUnit } = sum;
  return values.subarray(slot, slot + width).reduce((total, value) => total + value, 0) / perUnit;
};

const readHistogram = (counter: PlacedCounter, values: Float64Array, labels: Record<string, string>): Sample[] => {
  const name = metricName(counter);
  const bounds = counter.label?.values ?? [];
  let below = 0;
  const buckets = bounds.map((le, index) => {
    below += values[counter.slot + index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
  });
  const sum = sumOf(counter, values);
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: below },
  ];
};

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

const registerDisks = (registers: Registry[], disks: () => readonly DiskFigures[]): void => {
  const perDisk = (value: (figure: DiskFigures) => number | null): ReadSamples => {
    return () =>
      disks().flatMap((figure) => {
        const measured = value(figure);
        return measured === null ? [] : [{ labels: { disk: figure.path }, value: measured }];
      });
  };
  new SnapshotGauge(
    { name: `${PREFIX}disk_state`, help: "1 for the state that the disk is in, else 0.", registers },
    () =>
      disks().flatMap((figure) =>
        DISK_STATES.map((state) => ({
          labels: { disk: figure.path, state },
          value: figure.state === state ? 1 : 0,
        })),
      ),
  );
  new SnapshotGauge(
    { name: `${PREFIX}disk_used_bytes`, help: "Bytes that content takes on the disk.", registers },
    perDisk((figure) => figure.usedBytes),
  );
  new SnapshotGauge(
    { name: `${PREFIX}disk_quota_bytes`, help: "Quota of the disk, if it has one.", registers },
    perDisk((figure) => figure.quotaBytes),
  );
  new SnapshotGauge(
    { name: `${PREFIX}disk_available_bytes`, help: "Bytes free on the file system of the disk.", registers },
    perDisk((figure) => figure.availableBytes),
  );
};

const registerSystem = (registers: Registry[], sample: () => SystemSample): void => {
  for (const { name, kind, help, read } of SYSTEM_METRICS) {
    const description = { name: PREFIX + name, help, registers };
    const readSamples: ReadSamples = () =>
      read(sample()).map(({ labels, value }) => ({ labels: { ...labels }, value }));
    if (kind === "counter") new SnapshotCounter(description, readSamples);
    else new SnapshotGauge(description, readSamples);
  }
};

const registerLogMetrics = (registers: Registry[], series: () => readonly LogMetricSeries[]): void => {
  const read = (value: (one: LogMetricSeries) => number): ReadSamples => {
    return () => series().map((one) => ({ labels: { ...one.labels }, value: value(one) }));
  };
  new SnapshotCounter(
    { name: `${PREFIX}log_metric_total`, help: "Sum of what a metric filter has read from log lines.", registers },
    read(({ sum }) => sum),
  );
  new SnapshotCounter(
    { name: `${PREFIX}log_metric_matches_total`, help: "Log lines that a metric filter has matched.", registers },
    read(({ matches }) => matches),
  );
};

/** Prometheus text of everything counted; the figures are asked for at each scrape. */
export const createMetrics = (
  aggregate: CounterAggregate,
  processFigures: () => readonly ProcessFigures[],
  diskFigures: () => readonly DiskFigures[] = () => [],
  systemSample?: () => SystemSample,
  logMetrics: () => readonly LogMetricSeries[] = () => [],
  isDetailed: (vhost: string) => boolean = () => true,
): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  let process: Float64Array = new Float64Array();
  let vhosts: readonly (readonly [string, Float64Array])[] = [];
  let figures: readonly ProcessFigures[] = [];
  let disks: readonly DiskFigures[] = [];

  const register = (counter: PlacedCounter, read: ReadSamples): void => {
    const description = { name: metricName(counter), help: counter.doc, registers };
    switch (counter.kind) {
      case "counter":
        new SnapshotCounter(description, read);
        break;
      case "gauge":
        new SnapshotGauge(description, read);
        break;
      case "histogram":
        new SnapshotHistogram(description, read);
        break;
    }
  };

  const published = new PublishedVhosts(isDetailed);
  for (const counter of PROCESS_COUNTERS) {
    if (!counter.isInternal) register(counter, () => readPlain(counter, process, {}));
  }
  for (const counter of VHOST_COUNTERS) {
    if (counter.isInternal) continue;
    const read = counter.kind === "histogram" ? readHistogram : readPlain;
    register(counter, () => vhosts.flatMap(([vhost, values]) => read(counter, values, { vhost })));
  }

  registerDisks(registers, () => disks);
  let system: SystemSample | undefined;
  if (systemSample !== undefined) registerSystem(registers, () => (system ??= systemSample()));

  registerLogMetrics(registers, logMetrics);

  const perProcess = (value: (figure: ProcessFigures) => number | undefined): ReadSamples => {
    return () =>
      figures.flatMap((figure) => {
        const measured = value(figure);
        return measured === undefined ? [] : [{ labels: { process: figure.process }, value: measured }];
      });
  };
  new SnapshotGauge(
    { name: `${PREFIX}process_resident_memory_bytes`, help: "Resident memory of the process.", registers },
    perProcess((figure) => figure.residentBytes),
  );
  new SnapshotCounter(
    { name: `${PREFIX}process_cpu_seconds_total`, help: "User and system time of the process.", registers },
    perProcess((figure) => figure.cpuSeconds),
  );
  new SnapshotGauge(
    { name: `${PREFIX}process_event_loop_lag_seconds`, help: "Delay of the event loop of the process.", registers },
    perProcess((figure) => figure.eventLoopLagSeconds),
  );
  new SnapshotGauge(
    { name: `${PREFIX}build_info`, help: "Version of Basalt; the value is always 1.", registers },
    () => [{ labels: { version: PRODUCT_VERSION }, value: 1 }],
  );

  return {
    contentType: registry.contentType,
    text: () => {
      const totals: CounterTotals = aggregate.totals();
      process = totals.process;
      vhosts = published.bound(totals.vhosts);
      figures = processFigures();
      disks = diskFigures();
      system = undefined;
      return registry.metrics();
    },
  };
};
