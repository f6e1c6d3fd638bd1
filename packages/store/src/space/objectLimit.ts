import { setImmediate as nextTurn } from "node:timers/promises";
import type { EpochMs } from "@basalt/types";
import type { CacheKey, IndexRow } from "../contract.ts";
import { SCAN_CHUNK_ROWS } from "../limits.ts";
import type { DiskAccount } from "./diskAccount.ts";
import { type Eviction, verdictOfAge } from "./eviction.ts";
import { type Coldest, ColdestFirst } from "./roomMaker.ts";
import { EvictedRows, type SpaceContext } from "./spaceContext.ts";

/** Removed below the limit, so that a segment is not looked through for every new object. */
const STRIDE_SHARE = 1 / 64;
/** After so many the next check goes on: writers that wait for room have their turn. */
const OBJECTS_PER_CHECK = 50_000;

interface PackedRow {
  readonly key: CacheKey;
  readonly lastAccess: EpochMs;
  readonly isKept: boolean;
}

interface DiskQueue {
  readonly account: DiskAccount;
  readonly coldestFirst: ColdestFirst;
}

/** Keeps the number of objects within the limit (OPT-11) by giving up the oldest, in the order in which room is made. */
export class ObjectLimit {
  readonly #context: SpaceContext;
  readonly #eviction: Eviction;
  readonly #limit: number;

  constructor(context: SpaceContext, eviction: Eviction, limit: number) {
    this.#context = context;
    this.#eviction = eviction;
    this.#limit = limit;
  }

  get isExceeded(): boolean {
    return this.#context.index.totals.objects > this.#limit;
  }

  async enforce(accounts: readonly DiskAccount[]): Promise<void> {
    const { counters } = this.#context;
    const nowMs = this.#context.clock.now();
    const evictedBefore = counters.evictedObjects;
    const queues = accounts.map((account) => ({
      account,
      coldestFirst: new ColdestFirst(this.#context, account),
    }));
    while (this.#excess > 0 && counters.evictedObjects - evictedBefore < OBJECTS_PER_CHECK) {
      const next = coldestOf(queues);
      if (next === undefined) return this.#thinOpenSegments(accounts);
      const { queue, coldest } = next;
      if (coldest.kind === "file") {
        queue.coldestFirst.skipFile();
        await this.#eviction.evictFile(queue.account, coldest.row);
        continue;
      }
      const { segment } = coldest;
      const verdict = verdictOfAge(queue.account, nowMs);
      const rows = await this.#packedRowsOf(segment.segment, (row) => verdict.isKept(row, segment));
      const coldRows = rows.filter(({ isKept }) => !isKept);
      if (coldRows.length > this.#excess) await this.#remove(segment.segment, coldRows);
      else await this.#eviction.evictSegment(queue.account, segment, verdict);
    }
  }

  get #excess(): number {
    return this.#context.index.totals.objects - this.#limit + Math.floor(this.#limit * STRIDE_SHARE);
  }

  /** A segment that is still written to stays, but its objects need not. */
  async #thinOpenSegments(accounts: readonly DiskAccount[]): Promise<void> {
    for (const account of accounts) {
      for (const segment of [...account.openSegments(), ...account.closing.keys()]) {
        if (this.#excess <= 0) return;
        await this.#remove(segment, await this.#packedRowsOf(segment, () => false));
      }
    }
  }

  async #packedRowsOf(segment: number, isKept: (row: IndexRow) => boolean): Promise<PackedRow[]> {
    const rows: PackedRow[] = [];
    await this.#context.index.scanSegment(segment, (row) => {
      if (row.location.file === 0) rows.push({ key: row.key, lastAccess: row.lastAccess, isKept: isKept(row) });
    });
    return rows;
  }

  /** Least recently used first, until the limit is met. */
  async #remove(segment: number, rows: PackedRow[]): Promise<void> {
    const { index } = this.#context;
    const lost = new EvictedRows(this.#context);
    rows.sort((left, right) => left.lastAccess - right.lastAccess);
    for (const [position, { key }] of rows.entries()) {
      if (this.#excess <= 0) break;
      if (position % SCAN_CHUNK_ROWS === SCAN_CHUNK_ROWS - 1) await nextTurn();
      const row = index.find(key);
      if (row?.location.segment !== segment) continue;
      index.remove(key);
      lost.add(row);
    }
    lost.tell();
  }
}

const coldestOf = (
  queues: readonly DiskQueue[],
): { readonly queue: DiskQueue; readonly coldest: Coldest } | undefined => {
  let best: { readonly queue: DiskQueue; readonly coldest: Coldest } | undefined;
  for (const queue of queues) {
    const coldest = queue.coldestFirst.peek();
    if (coldest !== undefined && (best === undefined || coldest.usedAt < best.coldest.usedAt))
      best = { queue, coldest };
  }
  return best;
};
