import type { EdgeConfig, VhostSettings } from "@basalt/config";
import {
  type CounterBlock,
  type CounterReport,
  SIZE_CLASSES,
  Statistics,
  type StatisticsParts,
  type StoredFileFacts,
  sizeClassOf,
  type VhostSubject,
} from "@basalt/telemetry";
import type { SystemSample } from "@basalt/telemetry/system";
import { type Clock, EdgeError } from "@basalt/types";
import { withinTime } from "./withinTime.ts";

const SECOND_MS = 1_000;
/** A worker that answers later counts in the next second. */
const ANSWER_LIMIT_MS = 300;
/** A process that hangs is left out of what is asked for now. */
const NOW_LIMIT_MS = 2_000;
/** Seconds of this process, so that a pause of the whole host counts as one. */
const SILENT_SECONDS = 30;
/** How old a count of the objects by size may be, at least; with very many objects, as many times as long as it took. */
const SIZES_KEPT_MS = 60_000;
const SIZES_KEPT_TIMES = 10;

/** A process that counts, as the keeper sees it. */
export interface CountingProcess {
  readonly source: string;
  readonly counts: (endsInterval: boolean) => Promise<CounterReport>;
}

export interface StatisticsKeeperParts {
  readonly clock: Clock;
  readonly config: () => Pick<EdgeConfig, "vhosts" | "views">;
  readonly processes: () => readonly CountingProcess[];
  /** The primary's own. */
  readonly counters: CounterBlock;
  /** Brings the primary's own counters to this moment. */
  readonly bringUpToDate: () => void;
  readonly sampleSystem: () => SystemSample;
  readonly host: StatisticsParts["host"];
  readonly disks: StatisticsParts["disks"];
  readonly objectsOf: (vhost: string) => { readonly objects: number; readonly bytes: number };
  /** Visits every stored object. */
  readonly scan: (visit: (vhost: string, bodyBytes: number) => void) => Promise<void>;
  /** A whole minute has ended. */
  readonly onMinute: (statistics: Statistics) => void;
  /** A window of five minutes has ended. */
  readonly onWindow: (statistics: Statistics) => void;
  /** A process has answered nothing for half a minute: it is stuck, and purges wait for it. */
  readonly onStuck: (source: string) => void;
  readonly onDefect: (error: unknown) => void;
}

/** Collects what all processes have counted, once a second, and keeps the statistics of it. */
export class StatisticsKeeper {
  readonly statistics: Statistics;
  readonly #parts: StatisticsKeeperParts;
  readonly #startedMs = new Map<string, number>();
  #settings: ReadonlyMap<string, VhostSettings> = new Map();
  /** Processes whose answer is awaited. */
  readonly #asked = new Map<string, Promise<void>>();
  /** How many times their answer was waited for already. */
  readonly #silence = new Map<string, number>();
  #sizes: ReadonlyMap<string, readonly number[]> = new Map();
  #sizesDueMs = Number.NEGATIVE_INFINITY;
  #isCountingSizes = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(parts: StatisticsKeeperParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.statistics = new Statistics(
      {
        sampleSystem: parts.sampleSystem,
        host: parts.host,
        vhosts: () => this.#vhosts(),
        vhost: (name) => this.vhost(name),
        statsOf: (name) => this.#settings.get(name)?.stats,
        views: () => parts.config().views,
        disks: parts.disks,
      },
      clock.now(),
      clock.monotonic(),
    );
  }

  start(): void {
    this.configure();
    this.#waitForSecond(performance.now() + SECOND_MS);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Another configuration is in service. */
  configure(): void {
    const { vhosts } = this.#parts.config();
    const names = vhosts.map(({ name }) => name);
    this.#settings = new Map(vhosts.map((vhost) => [vhost.name, vhost]));
    this.statistics.windows.forget();
    this.statistics.aggregate.setVhosts(names);
    const nowMs = this.#parts.clock.monotonic();
    const known = new Set(names);
    for (const name of names) if (!this.#startedMs.has(name)) this.#startedMs.set(name, nowMs);
    for (const name of [...this.#startedMs.keys()]) if (!known.has(name)) this.#startedMs.delete(name);
  }

  /** Takes in all that has been counted up to this moment, by those that answer in time. */
  async collectNow(): Promise<void> {
    const { processes } = this.#parts;
    const asking = processes().map((one) => (this.#asked.get(one.source) ?? NOTHING).then(() => this.#ask(one, false)));
    await withinTime(NOW_LIMIT_MS, Promise.all(asking));
    this.#collectOwn();
  }

  /** Takes in what was counted in this second, and begins the next one. */
  async #collectSecond(): Promise<void> {
    const processes = this.#parts.processes();
    this.#noteSilence(processes.filter(({ source }) => this.#asked.has(source)));
    const asking = processes.filter(({ source }) => !this.#asked.has(source)).map((one) => this.#ask(one, true));
    await withinTime(ANSWER_LIMIT_MS, Promise.all(asking));
    this.#collectOwn();
  }

  #noteSilence(waitedFor: readonly CountingProcess[]): void {
    const before = new Map(this.#silence);
    this.#silence.clear();
    for (const { source } of waitedFor) {
      const seconds = (before.get(source) ?? 0) + 1;
      this.#silence.set(source, seconds);
      if (seconds === SILENT_SECONDS) this.#parts.onStuck(source);
    }
  }

  #collectOwn(): void {
    const { counters, bringUpToDate } = this.#parts;
    bringUpToDate();
    this.accept("primary", counters.report());
  }

  #ask({ source, counts }: CountingProcess, endsInterval: boolean): Promise<void> {
    const asking: Promise<void> = counts(endsInterval)
      .then((report) => this.accept(source, report))
      .catch(() => undefined)
      .finally(() => {
        if (this.#asked.get(source) === asking) this.#asked.delete(source);
      });
    this.#asked.set(source, asking);
    return asking;
  }

  accept(source: string, report: CounterReport): void {
    this.statistics.aggregate.accept(source, report);
  }

  /** The process has ended. */
  ended(source: string): void {
    this.statistics.aggregate.end(source);
  }

  /** Counts stored objects by size, unless that was done a moment ago; the figures follow when it is done. */
  countSizes(): void {
    const nowMs = this.#parts.clock.monotonic();
    if (this.#isCountingSizes || nowMs < this.#sizesDueMs) return;
    this.#isCountingSizes = true;
    const sizes = new Map<string, number[]>();
    this.#parts
      .scan((vhost, bodyBytes) => {
        let counts = sizes.get(vhost);
        if (counts === undefined) {
          counts = new Array<number>(SIZE_CLASSES.length).fill(0);
          sizes.set(vhost, counts);
        }
        const index = sizeClassOf(bodyBytes);
        counts[index] = (counts[index] ?? 0) + 1;
      })
      .then(() => {
        this.#sizes = sizes;
      })
      .catch((cause: unknown) => this.#parts.onDefect(cause))
      .finally(() => {
        const tookMs = this.#parts.clock.monotonic() - nowMs;
        this.#sizesDueMs = nowMs + Math.max(SIZES_KEPT_MS, SIZES_KEPT_TIMES * tookMs);
        this.#isCountingSizes = false;
      });
  }

  #vhosts(): readonly VhostSubject[] {
    const nowMs = this.#parts.clock.monotonic();
    return this.#parts.config().vhosts.map((vhost) => this.#subjectOf(vhost, nowMs));
  }

  vhost(name: string): VhostSubject | undefined {
    const settings = this.#settings.get(name);
    return settings === undefined ? undefined : this.#subjectOf(settings, this.#parts.clock.monotonic());
  }

  #subjectOf({ name, stats, portBypass }: VhostSettings, nowMs: number): VhostSubject {
    return {
      name,
      uptimeSeconds: Math.floor((nowMs - (this.#startedMs.get(name) ?? nowMs)) / 1000),
      files: this.#filesOf(name),
      stats,
      ports: portBypass,
    };
  }

  #filesOf(vhost: string): StoredFileFacts {
    const { objects, bytes } = this.#parts.objectsOf(vhost);
    return { objects, bytes, bySize: this.#sizes.get(vhost) ?? NO_SIZES };
  }

  #waitForSecond(dueMs: number): void {
    this.#timer = setTimeout(
      () => {
        void this.#endSecond().finally(() => {
          // After a pause of the whole process there is one second more, not several of no length.
          if (!this.#isStopped) this.#waitForSecond(Math.max(dueMs + SECOND_MS, performance.now()));
        });
      },
      Math.max(0, dueMs - performance.now()),
    );
  }

  async #endSecond(): Promise<void> {
    try {
      await this.#collectSecond();
      const { clock, onMinute, onWindow } = this.#parts;
      const { minutesEnded } = this.statistics;
      const hasWindowEnded = this.statistics.endSecond(clock.now(), clock.monotonic());
      if (this.statistics.minutesEnded > minutesEnded) onMinute(this.statistics);
      if (!hasWindowEnded) return;
      this.countSizes();
      onWindow(this.statistics);
    } catch (cause) {
      this.#parts.onDefect(EdgeError.from(cause));
    }
  }
}

const NOTHING = Promise.resolve();

const NO_SIZES: readonly number[] = new Array<number>(SIZE_CLASSES.length).fill(0);
