/** An entry and its links: in one queue at a time, without a container object per entry. */
export class TierNode<Entry> {
  entry: Entry;
  readonly url: string;
  readonly space: number;
  /** Bytes charged for the entry while it is here. */
  readonly chargedBytes: number;
  /** What the ghost table remembers the object by after it left. */
  readonly mark: number;
  /** Hits since it was last considered for eviction, at most 3. */
  hits = 0;
  isMain = false;
  newer: TierNode<Entry> | undefined = undefined;
  older: TierNode<Entry> | undefined = undefined;

  constructor(entry: Entry, url: string, space: number, chargedBytes: number, mark: number) {
    this.entry = entry;
    this.url = url;
    this.space = space;
    this.chargedBytes = chargedBytes;
    this.mark = mark;
  }
}

/** First in, first out; removal anywhere. */
export class EvictionQueue<Entry> {
  #oldest: TierNode<Entry> | undefined = undefined;
  #newest: TierNode<Entry> | undefined = undefined;
  bytes = 0;

  get oldest(): TierNode<Entry> | undefined {
    return this.#oldest;
  }

  push(node: TierNode<Entry>): void {
    node.older = this.#newest;
    node.newer = undefined;
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
    this.bytes += node.chargedBytes;
  }

  remove(node: TierNode<Entry>): void {
    if (node.older === undefined) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    node.newer = undefined;
    node.older = undefined;
    this.bytes -= node.chargedBytes;
  }
}
