import {
  CounterBlock,
  reportJson,
  reportXml,
  SIZE_CLASSES,
  Statistics,
  type StatisticsReport,
  type StatisticsSpan,
  type VhostSubject,
} from "../../src/index.ts";
import type { JsonObject } from "../../src/statistics/document.ts";
import type { SystemSample } from "../../src/system/index.ts";
import { NO_BLOCK_COUNTERS } from "../../src/system/index.ts";

export const writtenJson = (report: StatisticsReport): JsonObject => JSON.parse([...reportJson(report)].join(""));

export const writtenXml = (report: StatisticsReport): string => [...reportXml(report)].join("");

export const SAMPLE: SystemSample = {
  cpu: { user: 0, nice: 0, system: 0, idle: 0, ioWait: 0, irq: 0, softIrq: 0, steal: 0 },
  memory: { totalBytes: 8_000, freeBytes: 5_000, availableBytes: 6_000, swapTotalBytes: 0, swapFreeBytes: 0 },
  load: { minute1: 110, minutes5: 90, minutes15: 70 },
  sockets: { inUse: 9, orphan: 1, timeWait: 2, allocated: 10, memoryPages: 3, established: 4 },
  disks: [{ path: "/cache1", device: "sda", ...NO_BLOCK_COUNTERS }],
  network: [],
  processes: { userTicks: 0, systemTicks: 0, residentBytes: 900 },
};

export const subject = (name: string, changes: Partial<VhostSubject> = {}): VhostSubject => ({
  name,
  uptimeSeconds: 77,
  files: { objects: 3, bytes: 900, bySize: SIZE_CLASSES.map((_, index) => (index === 0 ? 3 : 0)) },
  stats: { dirDepth: 0, dirDepthAccum: false, httpsTraffic: false, clientLocal: false, originLocal: false },
  ports: [],
  ...changes,
});

/** Half past two on a day in local time. */
export const START_MS = new Date(2026, 8, 3, 14, 30, 0).getTime();

/** Statistics of one process whose seconds the test ends. */
export class TestStatistics {
  readonly block = new CounterBlock();
  vhosts: readonly VhostSubject[];
  views: readonly { readonly name: string; readonly vhosts: readonly string[] }[] = [];
  sample: SystemSample = SAMPLE;
  readonly statistics: Statistics;
  wallMs: number;
  monotonicMs = 5_000;

  static startedAt(wallMs: number, ...vhosts: readonly VhostSubject[]): TestStatistics {
    return new TestStatistics(vhosts, wallMs);
  }

  constructor(vhosts: readonly VhostSubject[], wallMs: number) {
    this.vhosts = vhosts;
    this.wallMs = wallMs;
    this.statistics = new Statistics(
      {
        sampleSystem: () => this.sample,
        host: () => ({ version: "1.2.3", name: "edge1", state: "Healthy", uptimeSeconds: 99, waitingEvents: 0 }),
        vhosts: () => this.vhosts,
        vhost: (name) => this.vhosts.find((vhost) => vhost.name === name),
        statsOf: (name) => this.vhosts.find((vhost) => vhost.name === name)?.stats,
        views: () => this.views,
        disks: () => [{ path: "cache1", state: "Normal" }],
      },
      this.wallMs,
      this.monotonicMs,
    );
  }

  count(vhost: string, slot: number, amount: number): void {
    this.block.add(this.block.vhost(vhost) + slot, amount);
  }

  /** True when a window has ended. */
  endSecond(): boolean {
    this.wallMs += 1000;
    this.monotonicMs += 1000;
    this.statistics.aggregate.accept("worker", this.block.report());
    return this.statistics.endSecond(this.wallMs, this.monotonicMs);
  }

  /** Seconds until the window ends; returns how many. */
  endWindow(): number {
    for (let seconds = 1; seconds < 1000; seconds++) if (this.endSecond()) return seconds;
    throw new Error("no window has ended");
  }

  report(kind: StatisticsSpan["kind"] = "average") {
    return this.statistics.report(kind === "minutes" ? { kind, minutes: 1 } : { kind });
  }
}

/** Begun at a full five minutes. */
export const statisticsOf = (...vhosts: readonly VhostSubject[]): TestStatistics =>
  new TestStatistics(vhosts, START_MS);
