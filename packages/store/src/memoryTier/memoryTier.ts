import { EvictionQueue, TierNode } from "./evictionQueue.ts";
import { computeMark, GhostTable } from "./ghostTable.ts";

/** Charged for every entry on top of its own bytes: its node and its place in the map of its space. */
export const TIER_ENTRY_OVERHEAD_BYTES = 176;

/** Share of the limit that objects not yet asked for again may hold. */
const PROBATION_SHARE = 0.1;
const MOST_HITS = 3;

/**
 * Objects that one worker holds ready to send (OPT-04). A space is a small integer that the caller gives to each
 * (virtual host, variant), so that a lookup needs no composed key.
 */
export interface MemoryTier<Entry> {
  /** The hot path: one array index, one map lookup, one mark; allocates nothing. */
  find(space: number, url: string): Entry | undefined;
  /** As `find`, without counting as use. */
  peek(space: number, url: string): Entry | undefined;
  /** Takes the place of an entry already there. False when it is larger than the whole tier. */
  insert(space: number, url: string, entry: Entry): boolean;
  remove(space: number, url: string): Entry | undefined;
  /** Drops everything of one space; returns how many entries that were. */
  removeSpace(space: number): number;
  /** Visits every entry, or those of the spaces from one up to another; `visit` may remove. */
  forEach(visit: (entry: Entry, url: string, space: number) => void, first?: number, end?: number): void;
  /** Evicts at once what is above the new limit. */
  setLimit(limitBytes: number): void;
  /** What entries of one space take, and what has left it for lack of room since the tier was made. */
  useOf(space: number): SpaceUse;
  readonly limitBytes: number;
  /** Bytes of the entries and their overhead. */
  readonly bytes: number;
  readonly count: number;
}

export interface SpaceUse {
  readonly bytes: number;
  readonly evictedEntries: number;
  readonly evictedBytes: number;
}

interface GrowingSpaceUse extends SpaceUse {
  bytes: number;
  evictedEntries: number;
  evictedBytes: number;
}

const NO_USE: SpaceUse = Object.freeze({ bytes: 0, evictedEntries: 0, evictedBytes: 0 });

/**
 * S3-FIFO. New entries wait in a small probation queue; those asked for again before they reach its end, or known to
 * the ghost table, go to the main queue, where every hit earns another round. A scan therefore passes through a tenth
 * of the memory.
 */
class S3FifoTier<Entry extends { readonly memoryBytes: number }> implements MemoryTier<Entry> {
  readonly #spaces: (Map<string, TierNode<Entry>> | undefined)[] = [];
  readonly #uses: GrowingSpaceUse[] = [];
  readonly #probation = new EvictionQueue<Entry>();
  readonly #main = new EvictionQueue<Entry>();
  readonly #ghosts = new GhostTable();
  #limitBytes: number;
  #count = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  get bytes(): number {
    return this.#probation.bytes + this.#main.bytes;
  }

  get count(): number {
    return this.#count;
  }

  find(space: number, url: string): Entry | undefined {
    const node = this.#spaces[space]?.get(url);
    if (node === undefined) return undefined;
    if (node.hits < MOST_HITS) node.hits += 1;
    return node.entry;
  }

  peek(space: number, url: string): Entry | undefined {
    return this.#spaces[space]?.get(url)?.entry;
  }

  insert(space: number, url: string, entry: Entry): boolean {
    const entries = this.#spaceOf(space);
    const previous = entries.get(url);
    if (previous !== undefined) this.#unlink(previous);
    const chargedBytes = entry.memoryBytes + TIER_ENTRY_OVERHEAD_BYTES;
    if (chargedBytes > this.#limitBytes) {
      entries.delete(url);
      return false;
    }
    const mark = computeMark(space, url);
    const node = new TierNode(entry, url, space, chargedBytes, mark);
    node.hits = previous?.hits ?? 0;
    node.isMain = previous?.isMain ?? this.#ghosts.recall(mark);
    this.#makeRoom(this.#limitBytes - chargedBytes);
    (node.isMain ? this.#main : this.#probation).push(node);
    entries.set(url, node);
    this.#count += 1;
    this.#useOf(space).bytes += chargedBytes;
    return true;
  }

  remove(space: number, url: string): Entry | undefined {
    const entries = this.#spaces[space];
    const node = entries?.get(url);
    if (entries === undefined || node === undefined) return undefined;
    entries.delete(url);
    this.#unlink(node);
    return node.entry;
  }

  removeSpace(space: number): number {
    const entries = this.#spaces[space];
    if (entries === undefined) return 0;
    for (const node of entries.values()) this.#unlink(node);
    this.#spaces[space] = undefined;
    return entries.size;
  }

  forEach(
    visit: (entry: Entry, url: string, space: number) => void,
    first = 0,
    end: number = this.#spaces.length,
  ): void {
    for (let space = first; space < Math.min(end, this.#spaces.length); space++) {
      const entries = this.#spaces[space];
      if (entries === undefined) continue;
      for (const node of entries.values()) visit(node.entry, node.url, node.space);
    }
  }

  setLimit(limitBytes: number): void {
    this.#limitBytes = limitBytes;
    this.#makeRoom(limitBytes);
  }

  #spaceOf(space: number): Map<string, TierNode<Entry>> {
    while (this.#spaces.length <= space) this.#spaces.push(undefined);
    let entries = this.#spaces[space];
    if (entries === undefined) {
      entries = new Map();
      this.#spaces[space] = entries;
    }
    return entries;
  }

  useOf(space: number): SpaceUse {
    return this.#uses[space] ?? NO_USE;
  }

  #useOf(space: number): GrowingSpaceUse {
    while (this.#uses.length <= space) this.#uses.push({ bytes: 0, evictedEntries: 0, evictedBytes: 0 });
    return this.#uses[space] ?? { bytes: 0, evictedEntries: 0, evictedBytes: 0 };
  }

  #unlink(node: TierNode<Entry>): void {
    (node.isMain ? this.#main : this.#probation).remove(node);
    this.#count -= 1;
    this.#useOf(node.space).bytes -= node.chargedBytes;
  }

  #makeRoom(roomLimitBytes: number): void {
    while (this.bytes > roomLimitBytes) {
      const isProbationFull = this.#probation.bytes > this.#limitBytes * PROBATION_SHARE;
      const candidate = isProbationFull || this.#main.oldest === undefined ? this.#probation.oldest : this.#main.oldest;
      if (candidate === undefined) return;
      if (candidate.isMain) this.#reconsider(candidate);
      else this.#judge(candidate);
    }
  }

  /** End of probation: the main queue, or out. */
  #judge(node: TierNode<Entry>): void {
    if (node.hits === 0) {
      this.#ghosts.remember(node.mark, this.#count);
      this.#evict(node);
      return;
    }
    this.#probation.remove(node);
    node.hits = 0;
    node.isMain = true;
    this.#main.push(node);
  }

  /** Another round for each hit. */
  #reconsider(node: TierNode<Entry>): void {
    if (node.hits === 0) {
      this.#evict(node);
      return;
    }
    node.hits -= 1;
    this.#main.remove(node);
    this.#main.push(node);
  }

  #evict(node: TierNode<Entry>): void {
    this.#spaces[node.space]?.delete(node.url);
    this.#unlink(node);
    const use = this.#useOf(node.space);
    use.evictedEntries += 1;
    use.evictedBytes += node.chargedBytes;
  }
}

/** A tier of at most `limitBytes`. `memoryBytes` of an entry must not change while it is here. */
export const createMemoryTier = <Entry extends { readonly memoryBytes: number }>(
  limitBytes: number,
): MemoryTier<Entry> => new S3FifoTier<Entry>(limitBytes);
