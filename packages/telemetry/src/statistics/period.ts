import { folderKey, folderScopeOf, originKey, originScopeOf } from "../blockKey.ts";
import { BLOCK_WIDTH, gaugeSlotsOf } from "../counterAggregate.ts";
import { ORIGIN_SERVER_SLOT_COUNT, TRAFFIC_SLOT_COUNT } from "../counterTable.ts";
import { OTHER_FOLDERS } from "./folderCounters.ts";
import { HostLatencies } from "./latencyCounters.ts";
import { OTHER_ORIGINS } from "./originCounters.ts";
import { SparseRows } from "./sparseRows.ts";

/** Folders of one period; traffic of further ones counts under OTHER_FOLDERS. */
const MOST_FOLDERS = 20_000;

/** Origins of all hosts in one period; exchanges with further ones count under OTHER_ORIGINS of their host. */
const MOST_ORIGINS = 20_000;

/**
 * What was counted within a time: amounts of counters, and for gauges the sum of the levels of its seconds, by block and
 * by folder. Hosts without traffic have levels and no more, so that these are kept apart.
 */
export class Period {
  readonly counts = new SparseRows<number>(BLOCK_WIDTH);
  /** By block × BLOCK_WIDTH + slot; those that are not 0. */
  readonly levels = new Map<number, number>();
  readonly folders = new SparseRows<string>(TRAFFIC_SLOT_COUNT);
  /** By `originKey`. */
  readonly origins = new SparseRows<string>(ORIGIN_SERVER_SLOT_COUNT);
  readonly latencies = new HostLatencies();
  seconds = 0;

  addFolder(key: string, values: Float64Array): void {
    if (this.folders.size < MOST_FOLDERS || this.folders.has(key)) {
      this.folders.addAll(key, values);
      return;
    }
    this.folders.addAll(folderKey({ ...folderScopeOf(key), path: OTHER_FOLDERS }), values);
  }

  addOrigin(key: string, values: Float64Array): void {
    if (this.origins.size < MOST_ORIGINS || this.origins.has(key)) {
      this.origins.addAll(key, values);
      return;
    }
    this.origins.addAll(originKey({ ...originScopeOf(key), origin: OTHER_ORIGINS }), values);
  }

  /** By slot; undefined: all 0. Valid until something is added. */
  figuresOf(block: number): Float64Array | undefined {
    const counts = this.counts.find(block);
    let figures: Float64Array | undefined;
    for (const slot of this.levels.size === 0 ? [] : gaugeSlotsOf(block)) {
      const level = this.levels.get(block * BLOCK_WIDTH + slot);
      if (level === undefined) continue;
      figures ??= counts?.slice() ?? new Float64Array(BLOCK_WIDTH);
      figures[slot] = level;
    }
    return figures ?? counts;
  }

  addTo(other: Period): void {
    this.counts.addTo(other.counts);
    for (const [place, sum] of this.levels) other.levels.set(place, (other.levels.get(place) ?? 0) + sum);
    for (const key of this.folders.keys) {
      const values = this.folders.find(key);
      if (values !== undefined) other.addFolder(key, values);
    }
    for (const key of this.origins.keys) {
      const values = this.origins.find(key);
      if (values !== undefined) other.addOrigin(key, values);
    }
    this.latencies.addTo(other.latencies);
    other.seconds += this.seconds;
  }

  clear(): void {
    this.counts.clear();
    this.levels.clear();
    this.folders.clear();
    this.origins.clear();
    this.latencies.clear();
    this.seconds = 0;
  }
}
