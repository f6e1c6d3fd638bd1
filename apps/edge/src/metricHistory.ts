import { setImmediate as nextTurn } from "node:timers/promises";
import { openSeriesStore, type SeriesStep, type SeriesStore } from "@basalt/store";
import {
  type HistoryPoint,
  type HistoryQuestion,
  type HostMinute,
  type InfoLog,
  type KeptRecord,
  MetricRecord,
  pointsOf,
  type Statistics,
  VHOST_SLOT,
} from "@basalt/telemetry";
import { type Clock, EdgeError } from "@basalt/types";

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

/** A little longer than what is asked for, so that the first point of a picture is whole. */
const MINUTES: SeriesStep = { seconds: 60, keptSeconds: 3 * HOUR_SECONDS + 600 };
const WINDOWS: SeriesStep = { seconds: 300, keptSeconds: 7 * DAY_SECONDS + HOUR_SECONDS };

/** Hosts with records of their own in one period, those with the most requests; all others are in the sum. */
const MOST_HOSTS = 1_000;
/** Of all records: with very many busy hosts the history of single ones is shorter. */
const MOST_BYTES = 256 * 1024 * 1024;
/** Hosts between two turns of the event loop. */
const HOSTS_AT_ONCE = 50;
/** Of a question that is answered between two turns. */
const PIECE_MS = 8 * HOUR_SECONDS * 1_000;
const WINDOW_MS = 300_000;
/** A minute that ends with a window may be told of that much too early. */
const EARLY_MS = 2_000;

/** All hosts together. */
const ALL = "";

type Row = readonly [name: string, bytes: Uint8Array];

/** Those of many that weigh most; holds twice as many at the most. */
class Busiest<Item> {
  readonly #most: number;
  #items: { readonly item: Item; readonly weight: number }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  add(item: Item, weight: number): void {
    this.#items.push({ item, weight });
    if (this.#items.length >= 2 * this.#most) this.#trim();
  }

  take(): readonly Item[] {
    this.#trim();
    return this.#items.map(({ item }) => item);
  }

  #trim(): void {
    if (this.#items.length <= this.#most) return;
    this.#items = this.#items.toSorted((left, right) => right.weight - left.weight).slice(0, this.#most);
  }
}

export interface MetricHistoryParts {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Pick<InfoLog, "warning" | "error">;
  /** Whether a host has a history of its own (AWS-91). */
  readonly isDetailed: (vhost: string) => boolean;
}

/** The main metrics of hosts over three hours by minutes and a week by five of them, on disk (AWS-78). */
export class MetricHistory {
  readonly #parts: MetricHistoryParts;
  readonly #store: SeriesStore | undefined;
  /** What has been counted since the last record of five minutes. */
  #window = new Map<string, MetricRecord>();
  #windowEndsAtMs: number;
  /** When the last minute of it ended. */
  #windowIsUntilMs: number;
  #recording: Promise<void> = Promise.resolve();

  constructor(parts: MetricHistoryParts) {
    this.#parts = parts;
    this.#store = openSeriesStore(parts.path, {
      steps: [MINUTES, WINDOWS],
      mostBytes: MOST_BYTES,
      onProblem: (text) => parts.log.warning(`history of metrics: ${text}`),
    });
    this.#windowIsUntilMs = parts.clock.now();
    this.#windowEndsAtMs = windowAfter(this.#windowIsUntilMs);
  }

  /** A whole minute has ended. */
  minuteEnded(statistics: Pick<Statistics, "minuteFigures">): void {
    const endedAtMs = this.#parts.clock.now();
    const minute = statistics.minuteFigures();
    this.#recording = this.#recording
      .then(() => this.#record(minute, endedAtMs))
      .catch((cause: unknown) => this.#parts.log.error(`history of metrics: ${EdgeError.from(cause).detail}`));
  }

  /** What is kept of a host, or without a name of all together, period by period; undefined where nothing is. */
  async points(vhost: string | undefined, question: HistoryQuestion): Promise<readonly (HistoryPoint | undefined)[]> {
    const { fromMs, toMs, periodSeconds } = question;
    const periodMs = periodSeconds * 1_000;
    // Whole periods; a week at once would hold the event loop for long.
    const pieceMs = Math.max(1, Math.floor(PIECE_MS / periodMs)) * periodMs;
    const points: (HistoryPoint | undefined)[] = [];
    for (let at = fromMs; at < toMs; at += pieceMs) {
      points.push(...(await this.#piece(vhost, { fromMs: at, toMs: Math.min(at + pieceMs, toMs), periodSeconds })));
    }
    return points;
  }

  async #piece(vhost: string | undefined, question: HistoryQuestion): Promise<readonly (HistoryPoint | undefined)[]> {
    const hasHistory = vhost === undefined || this.#parts.isDetailed(vhost);
    const isCoarse = question.periodSeconds % WINDOWS.seconds === 0;
    const read = async (step: SeriesStep, name: string, isWanted: boolean): Promise<readonly KeptRecord[]> => {
      await nextTurn();
      return isWanted && hasHistory ? this.#read(step, name, question) : [];
    };
    const allCoarse = await read(WINDOWS, ALL, isCoarse);
    const allFine = await read(MINUTES, ALL, true);
    if (vhost === undefined) return pointsOf(question, { coarse: allCoarse, fine: allFine, allCoarse, allFine });
    const coarse = await read(WINDOWS, vhost, isCoarse);
    const fine = await read(MINUTES, vhost, true);
    return pointsOf(question, { coarse, fine, allCoarse, allFine });
  }

  /** Resolves when every minute so far is written. */
  settled(): Promise<void> {
    return this.#recording;
  }

  /** Keeps what the window that runs has so far: it ends with its last minute, not now, else it would be of another time. */
  async close(): Promise<void> {
    await this.#recording;
    if (this.#window.size > 0) await this.#endWindow(this.#windowIsUntilMs);
    this.#store?.close();
  }

  async #record({ seconds, hosts }: ReturnType<Statistics["minuteFigures"]>, endedAtMs: number): Promise<void> {
    const all = new MetricRecord(seconds * 1_000);
    const busiest = new Busiest<HostMinute>(MOST_HOSTS);
    let count = 0;
    for (const host of hosts) {
      all.addHost(host);
      if (this.#parts.isDetailed(host.name)) busiest.add(host, host.values[VHOST_SLOT.clientRequests] ?? 0);
      count += 1;
      if (count % HOSTS_AT_ONCE === 0) await nextTurn();
    }
    const write = (name: string, record: MetricRecord): Row => {
      this.#addToWindow(name, record);
      return [name, record.encode()];
    };
    await this.#write(MINUTES, endedAtMs, busiest.take(), write, all, (host) => [host.name, MetricRecord.of(host)]);
    this.#windowIsUntilMs = endedAtMs;
    // A clock that was set back would let the window go on until it is there again.
    const wasSetBack = windowAfter(endedAtMs + EARLY_MS) < this.#windowEndsAtMs;
    if (wasSetBack || endedAtMs + EARLY_MS >= this.#windowEndsAtMs) await this.#endWindow(endedAtMs);
    this.#store?.prune(endedAtMs);
  }

  #addToWindow(name: string, record: MetricRecord): void {
    let sum = this.#window.get(name);
    if (sum === undefined) {
      sum = new MetricRecord();
      this.#window.set(name, sum);
    }
    sum.spanMs += record.spanMs;
    sum.add(record);
  }

  async #endWindow(endedAtMs: number): Promise<void> {
    const window = this.#window;
    this.#window = new Map();
    this.#windowEndsAtMs = windowAfter(endedAtMs + EARLY_MS);
    const all = window.get(ALL) ?? new MetricRecord();
    window.delete(ALL);
    const busiest = new Busiest<readonly [string, MetricRecord]>(MOST_HOSTS);
    for (const entry of window) busiest.add(entry, entry[1].count("requests"));
    const write = (name: string, record: MetricRecord): Row => [name, record.encode()];
    await this.#write(WINDOWS, endedAtMs, busiest.take(), write, all, (entry) => entry);
  }

  /** All together, then the hosts, a few at a time. */
  async #write<Host>(
    step: SeriesStep,
    endedAtMs: number,
    hosts: readonly Host[],
    write: (name: string, record: MetricRecord) => Row,
    all: MetricRecord,
    recordOf: (host: Host) => readonly [name: string, record: MetricRecord],
  ): Promise<void> {
    this.#store?.append(step, endedAtMs, [write(ALL, all)]);
    for (let from = 0; from < hosts.length; from += HOSTS_AT_ONCE) {
      await nextTurn();
      const some = hosts.slice(from, from + HOSTS_AT_ONCE).map((host) => write(...recordOf(host)));
      this.#store?.append(step, endedAtMs, some);
    }
  }

  /** Those that end a little later too: they may be of the question's time by their middle, or cover some of it. */
  #read(step: SeriesStep, name: string, { fromMs, toMs }: HistoryQuestion): readonly KeptRecord[] {
    const rows = this.#store?.read(step, name, fromMs, toMs + 2 * step.seconds * 1_000) ?? [];
    return rows.flatMap(({ endedAtMs, bytes }) => {
      const record = MetricRecord.decode(bytes);
      return record === undefined ? [] : [{ endedAtMs, record }];
    });
  }
}

const windowAfter = (ms: number): number => (Math.floor(ms / WINDOW_MS) + 1) * WINDOW_MS;
