import { DISK_STATES, type DiskFigures } from "../contract.ts";
import type { CounterAggregate } from "../counterAggregate.ts";
import { VHOST_SLOT_COUNT } from "../counterTable.ts";
import { NO_BLOCK_COUNTERS } from "../system/blockDevices.ts";
import type { SystemDisk, SystemSample } from "../system/sampleSystem.ts";
import type { HostFacts } from "./facts.ts";
import { StatisticsHistory } from "./history.ts";
import { sumOfLatencies } from "./latencyCounters.ts";
import { LatencySketch } from "./latencySketch.ts";
import { type MeasuredHost, type MetricReport, metricsOf, requestsOf } from "./metricStatistics.ts";
import type { Period } from "./period.ts";
import { monitoringRecord, type StatisticsReport, type VhostPart } from "./report.ts";
import { drawServiceMap, originsByVhost, type ServiceMap } from "./serviceMap.ts";
import { PeriodFigures, sumOfRows, type VhostSubject } from "./subjects.ts";
import { SystemHistory } from "./systemHistory.ts";
import { StatisticsWindows } from "./windows.ts";

export interface StatisticsView {
  readonly name: string;
  readonly vhosts: readonly string[];
}

/** What the statistics ask of the instance. */
export interface StatisticsParts {
  /** The machine now: called once a second. */
  readonly sampleSystem: () => SystemSample;
  readonly host: () => Pick<HostFacts, "version" | "name" | "state" | "uptimeSeconds" | "waitingEvents">;
  readonly vhosts: () => readonly VhostSubject[];
  /** One of them; undefined: none of that name. */
  readonly vhost: (name: string) => VhostSubject | undefined;
  /** As in `vhost`, at the cost of a look into a table. */
  readonly statsOf: (name: string) => VhostSubject["stats"] | undefined;
  readonly views: () => readonly StatisticsView[];
  /** In the order of the sample. */
  readonly disks: () => readonly Pick<DiskFigures, "path" | "state">[];
}

/** One host in one minute. */
export interface HostMinute {
  readonly name: string;
  readonly seconds: number;
  /** By slot of VHOST_SLOT. */
  readonly values: Float64Array;
  readonly client: LatencySketch | undefined;
  readonly origin: LatencySketch | undefined;
}

export type StatisticsSpan =
  | { readonly kind: "realtime" }
  | { readonly kind: "average" }
  /** Of the last whole minutes, 1 to 60, or of as many as there are. */
  | { readonly kind: "minutes"; readonly minutes: number };

const twoDigits = (value: number): string => String(value).padStart(2, "0");

/** `2012.09.03 14:30:00`, local time. */
export const formatMoment = (epochMs: number): string => {
  const at = new Date(epochMs);
  const date = `${at.getFullYear()}.${twoDigits(at.getMonth() + 1)}.${twoDigits(at.getDate())}`;
  return `${date} ${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}:${twoDigits(at.getSeconds())}`;
};

const WINDOW_SECONDS = 300;

const SECONDS_PER_MINUTE = 60;

/** Nobody reads the metrics of more, and those of all of thousands would hold up the primary. */
const MOST_MEASURED = 500;

/** Statistics of one instance: kept by its primary, from what all processes report. */
export class Statistics {
  readonly #parts: StatisticsParts;
  readonly #history: StatisticsHistory;
  readonly #machine: SystemHistory;
  /** Single figures over any time of the last hour. */
  readonly windows: StatisticsWindows;
  #sample: SystemSample;
  #sampleBefore: SystemSample;
  #atWindowStart: SystemSample;
  /** Of the last whole window: its beginning and its end. */
  #windowSamples: readonly [before: SystemSample, now: SystemSample];

  constructor(parts: StatisticsParts, nowMs: number, monotonicMs: number) {
    this.#parts = parts;
    this.#history = new StatisticsHistory(nowMs, monotonicMs);
    this.#sample = parts.sampleSystem();
    this.#sampleBefore = this.#sample;
    this.#atWindowStart = this.#sample;
    this.#windowSamples = [this.#sample, this.#sample];
    this.#machine = new SystemHistory(this.#sample);
    this.windows = new StatisticsWindows({
      ...parts,
      history: this.#history,
      machine: this.#machine,
      samples: () => [this.#sampleBefore, this.#sample],
      disksBetween: (before, now) => this.#disks(before, now),
    });
  }

  get aggregate(): CounterAggregate {
    return this.#history.aggregate;
  }

  /** The latest sample of the machine. */
  get systemSample(): SystemSample {
    return this.#sample;
  }

  /** All processes have reported for this second. True when a window has ended with it. */
  endSecond(nowMs: number, monotonicMs: number): boolean {
    this.#sampleBefore = this.#sample;
    this.#sample = this.#parts.sampleSystem();
    this.#machine.endSecond(this.#sample, this.#parts.host().waitingEvents);
    const { minutesEnded } = this.#history;
    const hasWindowEnded = this.#history.endSecond(nowMs, monotonicMs);
    if (this.#history.minutesEnded > minutesEnded) this.#machine.endMinute();
    this.windows.endSecond();
    if (hasWindowEnded) {
      this.#windowSamples = [this.#atWindowStart, this.#sample];
      this.#atWindowStart = this.#sample;
    }
    return hasWindowEnded;
  }

  /** Of all virtual hosts, or of those named. */
  report(span: StatisticsSpan, names?: ReadonlySet<string>): StatisticsReport {
    const { period, endedAtMs } = this.#periodOf(span);
    const isAverage = span.kind !== "realtime";
    const seconds = secondsOf(span, period);
    const samples = Math.max(1, period.seconds);
    const figures = new PeriodFigures(this.#history.aggregate, period);
    const [before, now] = span.kind === "average" ? this.#windowSamples : [this.#sampleBefore, this.#sample];
    const vhosts = this.#parts.vhosts();
    return {
      isAverage,
      seconds,
      samples,
      time: isAverage && endedAtMs > 0 ? formatMoment(endedAtMs) : undefined,
      host: { ...this.#parts.host(), process: figures.process(), samples, seconds, machine: { before, now } },
      disks: this.#disks(before, now),
      vhosts: (names === undefined ? vhosts : vhosts.filter(({ name }) => names.has(name))).map((vhost) =>
        partOf(vhost, figures),
      ),
      views: this.#parts.views(),
    };
  }

  /**
   * AWS-100, of the minute that runs and the whole ones before it, `minutes` in all; of one virtual host, or of those
   * with requests or exchanges. Loopback and HTTPS traffic is in it whatever the statistics leave out.
   */
  serviceMap(minutes: number, vhost?: string): ServiceMap {
    const { period, endedAtMs } = this.#history.minutesUntilNow(minutes);
    const figures = new PeriodFigures(this.#history.aggregate, period);
    const origins = originsByVhost(period);
    const subjects = this.#parts.vhosts().filter(({ name }) => vhost === undefined || name === vhost);
    const services = subjects.map((subject) => ({
      vhost: subject.name,
      values: figures.vhost({ ...subject, stats: { ...subject.stats, ...EVERYTHING } }),
      origins: origins.get(subject.name) ?? [],
    }));
    return drawServiceMap(services, { endedAtMs, seconds: period.seconds, isOfOne: vhost !== undefined });
  }

  /**
   * AWS-61 to AWS-74 of the last second (1), or of the minute that runs and the whole ones before it (multiples of 60);
   * of one virtual host, or of those with requests. Loopback and HTTPS traffic is in it whatever the statistics leave out.
   */
  metrics(periodSeconds: number, vhost?: string): MetricReport {
    const minutes = Math.ceil(periodSeconds / SECONDS_PER_MINUTE);
    const isSecond = periodSeconds < SECONDS_PER_MINUTE;
    const { period, endedAtMs } = isSecond ? this.#history.lastSecond : this.#history.minutesUntilNow(minutes);
    return this.#metricsOf(period, endedAtMs, vhost);
  }

  /** As `metrics`, of so many whole minutes without the one that runs. */
  metricsOfMinutes(minutes: number, vhost?: string): MetricReport {
    const { period, endedAtMs } = this.#history.lastMinutes(minutes);
    return this.#metricsOf(period, endedAtMs, vhost);
  }

  /** AWS-78: what each host with any figures did in the last whole minute; loopback and HTTPS traffic is in it. */
  minuteFigures(): { readonly seconds: number; readonly hosts: Iterable<HostMinute> } {
    const { period } = this.#history.lastMinutes(1);
    return { seconds: period.seconds, hosts: this.#hostMinutes(period) };
  }

  *#hostMinutes(period: Period): Generator<HostMinute> {
    const { aggregate } = this.#history;
    const figures = new PeriodFigures(aggregate, period);
    const names = new Set<string>();
    for (const block of period.counts.keys) names.add(aggregate.scopeOf(block)?.vhost ?? "");
    for (const name of names) {
      const stats = name === "" ? undefined : this.#parts.statsOf(name);
      if (stats === undefined) continue;
      yield {
        name,
        seconds: period.seconds,
        values: figures.vhost({ name, stats: { ...stats, ...EVERYTHING } }),
        client: period.latencies.find("client", name),
        origin: period.latencies.find("origin", name),
      };
    }
  }

  /** Whole minutes since the start. */
  get minutesEnded(): number {
    return this.#history.minutesEnded;
  }

  #metricsOf(period: Period, endedAtMs: number, vhost: string | undefined): MetricReport {
    const { seconds, latencies } = period;
    const figures = new PeriodFigures(this.#history.aggregate, period);
    const measured = this.#parts
      .vhosts()
      .filter(({ name }) => vhost === undefined || name === vhost)
      .map((subject): MeasuredHost => {
        const { name, stats } = subject;
        return {
          name,
          values: figures.vhost({ ...subject, stats: { ...stats, ...EVERYTHING } }),
          client: latencies.find("client", name) ?? NO_LATENCIES,
          origin: latencies.find("origin", name) ?? NO_LATENCIES,
        };
      });
    const busy = measured
      .filter((host) => vhost !== undefined || requestsOf(host) > 0 || host.origin.count > 0)
      .toSorted((left, right) => requestsOf(right) - requestsOf(left));
    const sketches = (side: "client" | "origin") => busy.map(({ name }) => latencies.find(side, name));
    const total = {
      values: sumOfRows(
        busy.map(({ values }) => values),
        VHOST_SLOT_COUNT,
      ),
      client: sumOfLatencies(sketches("client")),
      origin: sumOfLatencies(sketches("origin")),
    };
    return {
      endedAtMs,
      seconds,
      total: metricsOf(total, seconds),
      hosts: busy.slice(0, MOST_MEASURED).map((host) => ({ name: host.name, metrics: metricsOf(host, seconds) })),
      omitted: Math.max(0, busy.length - MOST_MEASURED),
    };
  }

  /** Records of the Monitoring log for the last whole window (LOG-146), host by host. */
  *monitoringRecords(
    formOf: (vhost: string) => "json" | "xml" | undefined,
  ): Generator<readonly [vhost: string, line: string]> {
    const { period, endedAtMs } = this.#history.lastWindow;
    if (endedAtMs === 0) return;
    const figures = new PeriodFigures(this.#history.aggregate, period);
    const span = {
      isAverage: true,
      seconds: WINDOW_SECONDS,
      samples: Math.max(1, period.seconds),
      time: formatMoment(endedAtMs),
    };
    for (const vhost of this.#parts.vhosts()) {
      const form = formOf(vhost.name);
      if (form !== undefined) yield [vhost.name, monitoringRecord(partOf(vhost, figures), span, form)];
    }
  }

  #periodOf(span: StatisticsSpan): { readonly period: Period; readonly endedAtMs: number } {
    switch (span.kind) {
      case "realtime":
        return this.#history.lastSecond;
      case "average":
        return this.#history.lastWindow;
      case "minutes":
        return this.#history.lastMinutes(span.minutes);
    }
  }

  #disks(before: SystemSample, now: SystemSample): StatisticsReport["disks"] {
    const disks = this.#parts.disks();
    return now.disks.map((disk, index) => {
      const earlier = before.disks[index];
      return {
        path: disks[index]?.path ?? disk.path,
        status: disks[index]?.state ?? DISK_STATES[0],
        now: disk,
        before: earlier?.path === disk.path ? earlier : nothingOf(disk),
      };
    });
  }
}

const NO_LATENCIES = new LatencySketch();

const EVERYTHING = { clientLocal: true, originLocal: true, httpsTraffic: true };

const nothingOf = ({ path, device }: SystemDisk): SystemDisk => ({ path, device, ...NO_BLOCK_COUNTERS });

/** A window is one of 300 seconds however many the primary had the time to end (STAT-17). */
const secondsOf = (span: StatisticsSpan, { seconds }: Period): number => {
  if (span.kind === "realtime") return 1;
  return span.kind === "average" ? WINDOW_SECONDS : Math.max(1, seconds);
};

const partOf = (vhost: VhostSubject, figures: PeriodFigures): VhostPart => {
  const { name, uptimeSeconds, files, stats, ports } = vhost;
  const values = figures.vhost(vhost);
  return {
    facts: {
      name,
      uptimeSeconds,
      files,
      settings: { depth: stats.dirDepth, accum: stats.dirDepthAccum, httpsTraffic: stats.httpsTraffic },
    },
    values,
    folders: figures.folders(vhost, values),
    ports: ports.map((facts) => ({ facts, values: figures.port(vhost, facts.port) })),
  };
};
