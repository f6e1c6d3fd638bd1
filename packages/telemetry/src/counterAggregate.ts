import { type BlockScope, blockKey, scopeOf } from "./blockKey.ts";
import type { CountedLatencies, CounterReport } from "./contract.ts";
import { LAYOUT } from "./counterBlock.ts";
import {
  ORIGIN_SERVER_SLOT_COUNT,
  PROCESS_COUNTERS,
  PROCESS_SLOT_COUNT,
  TRAFFIC_SLOT_COUNT,
  VHOST_COUNTERS,
  VHOST_SLOT_COUNT,
} from "./counterTable.ts";
import { gaugeMask } from "./gaugeMask.ts";

/** Sums over all processes at one moment. */
export interface CounterTotals {
  readonly process: Float64Array;
  /** Loopback traffic included, bypassed ports within their host. */
  readonly vhosts: ReadonlyMap<string, Float64Array>;
}

/** Who is told of what comes in. Blocks are numbered in the order of their first report; PROCESS_BLOCK is the first. */
export interface CounterListener {
  /** A counter has grown. */
  counted(block: number, slot: number, amount: number): void;
  /** The sum of a gauge over all processes is about to be another; a place is block × BLOCK_WIDTH + slot. */
  levelChanges(place: number, from: number, to: number): void;
  folderCounted(key: string, values: Float64Array): void;
  originCounted(key: string, values: Float64Array): void;
  latenciesCounted(latencies: CountedLatencies): void;
}

/** Wide enough for the process part and for blocks. */
export const BLOCK_WIDTH: number = Math.max(PROCESS_SLOT_COUNT, VHOST_SLOT_COUNT);

export const PROCESS_BLOCK = 0;

const PROCESS_GAUGES = gaugeMask(PROCESS_COUNTERS, BLOCK_WIDTH);
const VHOST_GAUGES = gaugeMask(VHOST_COUNTERS, BLOCK_WIDTH);

const slotsIn = (mask: readonly boolean[]): readonly number[] =>
  mask.flatMap((isMarked, slot) => (isMarked ? [slot] : []));
const PROCESS_GAUGE_SLOTS = slotsIn(PROCESS_GAUGES);
const VHOST_GAUGE_SLOTS = slotsIn(VHOST_GAUGES);

/** Gauges among the slots of a block. */
export const gaugeSlotsOf = (block: number): readonly number[] =>
  block === PROCESS_BLOCK ? PROCESS_GAUGE_SLOTS : VHOST_GAUGE_SLOTS;

export const isGauge = (block: number, slot: number): boolean =>
  (block === PROCESS_BLOCK ? PROCESS_GAUGES : VHOST_GAUGES)[slot] === true;

/**
 * The primary's view of all processes. What a process counted stays counted after its end, so cumulative figures never
 * fall; gauges are those of living processes only.
 */
export class CounterAggregate {
  readonly #numbers = new Map<string, number>([["", PROCESS_BLOCK]]);
  readonly #scopes: BlockScope[] = [{ vhost: "", isLocal: false, port: undefined }];
  /** Counters by block; undefined for those that have counted nothing: most of thousands. */
  readonly #totals: (Float64Array | undefined)[] = [];
  /** Gauges of each process by place; a place is block × BLOCK_WIDTH + slot. */
  readonly #gauges = new Map<string, Map<number, number>>();
  /** Sums of these that are not 0. */
  readonly #levels = new Map<number, number>();
  #published: readonly string[] | undefined;
  readonly #listener: CounterListener | undefined;

  constructor(listener?: CounterListener) {
    this.#listener = listener;
  }

  /** The next report of a process; each once, in order. One of another layout, of another version, is ignored. */
  accept(source: string, report: CounterReport): void {
    if (report.layout !== LAYOUT) return;
    let at = 0;
    report.blocks.forEach((key, index) => {
      const block = this.#numberOf(key);
      const end = report.ends[index] ?? at;
      for (; at < end; at++) this.#apply(source, block, report.slots[at] ?? 0, report.values[at] ?? 0);
    });
    report.folders.forEach((key, index) => {
      this.#listener?.folderCounted(key, rowAt(report.folderValues, index, TRAFFIC_SLOT_COUNT));
    });
    report.origins.forEach((key, index) => {
      this.#listener?.originCounted(key, rowAt(report.originValues, index, ORIGIN_SERVER_SLOT_COUNT));
    });
    for (const latencies of report.latencies) this.#listener?.latenciesCounted(latencies);
  }

  /** The process has ended: its counters stay, its gauges go. A report that comes later counts without its gauges. */
  end(source: string): void {
    for (const [place, value] of this.#gauges.get(source) ?? []) this.#raise(place, -value);
    this.#gauges.set(source, ENDED);
  }

  /** Names to publish, in this order; a virtual host that comes back continues where it was. */
  setVhosts(names: readonly string[]): void {
    this.#published = names;
  }

  get vhostNames(): readonly string[] {
    return this.#published ?? [...new Set(this.#scopes.slice(1).map(({ vhost }) => vhost))];
  }

  /** Number of a block; undefined before its first report. */
  find(scope: BlockScope): number | undefined {
    return this.#numbers.get(blockKey(scope));
  }

  /** Whose a block is. */
  scopeOf(block: number): BlockScope | undefined {
    return this.#scopes[block];
  }

  /** Each gauge that is not 0, summed over the processes, by place. */
  get levels(): ReadonlyMap<number, number> {
    return this.#levels;
  }

  totals(): CounterTotals {
    const vhosts = new Map(this.vhostNames.map((name) => [name, new Float64Array(VHOST_SLOT_COUNT)]));
    const sumOf = (block: number): Float64Array | undefined => {
      const scope = block === PROCESS_BLOCK ? undefined : this.#scopes[block];
      return scope === undefined || scope.port !== undefined ? undefined : vhosts.get(scope.vhost);
    };
    this.#totals.forEach((totals, block) => {
      const sum = totals === undefined ? undefined : sumOf(block);
      if (sum !== undefined) for (let slot = 0; slot < sum.length; slot++) add(sum, slot, totals?.[slot] ?? 0);
    });
    for (const [place, level] of this.#levels) {
      const sum = sumOf(Math.floor(place / BLOCK_WIDTH));
      if (sum !== undefined) add(sum, place % BLOCK_WIDTH, level);
    }
    return { process: this.processTotals(), vhosts };
  }

  /** As in `totals`, without the virtual hosts. */
  processTotals(): Float64Array {
    const process = (this.#totals[PROCESS_BLOCK] ?? new Float64Array(BLOCK_WIDTH)).slice(0, PROCESS_SLOT_COUNT);
    PROCESS_GAUGES.forEach((isOne, slot) => {
      if (isOne) process[slot] = this.#levels.get(PROCESS_BLOCK * BLOCK_WIDTH + slot) ?? 0;
    });
    return process;
  }

  #apply(source: string, block: number, slot: number, value: number): void {
    const place = block * BLOCK_WIDTH + slot;
    if (!isGauge(block, slot)) {
      let totals = this.#totals[block];
      if (totals === undefined) {
        totals = new Float64Array(BLOCK_WIDTH);
        this.#totals[block] = totals;
      }
      add(totals, slot, value);
      this.#listener?.counted(block, slot, value);
      return;
    }
    let gauges = this.#gauges.get(source);
    if (gauges === ENDED) return;
    if (gauges === undefined) {
      gauges = new Map();
      this.#gauges.set(source, gauges);
    }
    this.#raise(place, value - (gauges.get(place) ?? 0));
    if (value === 0) gauges.delete(place);
    else gauges.set(place, value);
  }

  #raise(place: number, change: number): void {
    if (change === 0) return;
    const before = this.#levels.get(place) ?? 0;
    const level = before + change;
    this.#listener?.levelChanges(place, before, level);
    if (level === 0) this.#levels.delete(place);
    else this.#levels.set(place, level);
  }

  #numberOf(key: string): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const block = this.#scopes.length;
    this.#numbers.set(key, block);
    this.#scopes.push(scopeOf(key));
    return block;
  }
}

const rowAt = (values: Float64Array, index: number, width: number): Float64Array =>
  values.subarray(index * width, (index + 1) * width);

const add = (values: Float64Array, slot: number, amount: number): void => {
  values[slot] = (values[slot] ?? 0) + amount;
};

/** Gauges of a process that has ended: stands in the map so that a late report opens none. */
const ENDED: Map<number, number> = new Map();
