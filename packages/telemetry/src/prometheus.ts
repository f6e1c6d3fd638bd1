import { PRODUCT_VERSION } from "@basalt/types";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { DISK_STATES, type DiskFigures, type PlacedCounter, type ProcessFigures } from "./contract.ts";
import type { CounterAggregate, CounterTotals } from "./counterAggregate.ts";
import { PROCESS_COUNTERS, RESPONSE_TIME_BOUNDS_SECONDS, VHOST_COUNTERS } from "./counterTable.ts";

const PREFIX = "basalt_";

/** Bounds the number of series; what exceeds it is published as one sum under this name, which no host can have. */
const MAX_VHOSTS = 2000;
const OTHER_VHOSTS = "_other";

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
    super({ ...description, buckets: [...RESPONSE_TIME_BOUNDS_SECONDS] });
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

const readHistogram = (counter: PlacedCounter, values: Float64Array, labels: Record<string, string>): Sample[] => {
  const name = metricName(counter);
  const bounds = counter.label?.values ?? [];
  let below = 0;
  const buckets = bounds.map((le, index) => {
    below += values[counter.slot + index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
  });
  const sum = values[counter.slot + bounds.length] ?? 0;
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: below },
  ];
};

const boundVhosts = (vhosts: ReadonlyMap<string, Float64Array>): readonly (readonly [string, Float64Array])[] => {
  const entries = [...vhosts];
  if (entries.length <= MAX_VHOSTS) return entries;
  const rest = entries.splice(MAX_VHOSTS - 1).map(([, values]) => values);
  const sum = new Float64Array(rest[0]?.length ?? 0).map((_, slot) =>
    rest.reduce((total, values) => total + (values[slot] ?? 0), 0),
  );
  return [...entries, [OTHER_VHOSTS, sum]];
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

/** Prometheus text of everything counted; `processFigures` and `diskFigures` are asked at each scrape. */
export const createMetrics = (
  aggregate: CounterAggregate,
  processFigures: () => readonly ProcessFigures[],
  diskFigures: () => readonly DiskFigures[] = () => [],
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

  for (const counter of PROCESS_COUNTERS) register(counter, () => readPlain(counter, process, {}));
  for (const counter of VHOST_COUNTERS) {
    const read = counter.kind === "histogram" ? readHistogram : readPlain;
    register(counter, () => vhosts.flatMap(([vhost, values]) => read(counter, values, { vhost })));
  }

  registerDisks(registers, () => disks);

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
      vhosts = boundVhosts(totals.vhosts);
      figures = processFigures();
      disks = diskFigures();
      return registry.metrics();
    },
  };
};
