const FIRST_CHUNKS = 256;

/** Chunks of one track of the new file, in columns that grow. */
export class ChunkTable {
  length = 0;
  /** Of the last chunk; -1 without one. */
  lastEntry = -1;
  #offsets = new Float64Array(FIRST_CHUNKS);
  #sampleCounts = new Uint32Array(FIRST_CHUNKS);
  #entries = new Uint32Array(FIRST_CHUNKS);
  readonly #usedEntries = new Set<number>();

  /** A chunk with one sample. */
  begin(offset: number, entry: number): void {
    const chunk = this.length;
    if (chunk === this.#offsets.length) {
      this.#grow();
    }
    if (this.lastEntry !== entry) {
      this.#usedEntries.add(entry);
      this.lastEntry = entry;
    }
    this.#offsets[chunk] = offset;
    this.#sampleCounts[chunk] = 1;
    this.#entries[chunk] = entry;
    this.length = chunk + 1;
  }

  /** One sample more in the last chunk. */
  extend(): void {
    const last = this.length - 1;
    this.#sampleCounts[last] = (this.#sampleCounts[last] ?? 0) + 1;
  }

  /** Position behind the beginning of the media data. */
  offsetOf(chunk: number): number {
    return this.#offsets[chunk] ?? 0;
  }

  sampleCountOf(chunk: number): number {
    return this.#sampleCounts[chunk] ?? 0;
  }

  /** Number of the sample entry in the source. */
  entryOf(chunk: number): number {
    return this.#entries[chunk] ?? 0;
  }

  isEntryUsed(entry: number): boolean {
    return this.#usedEntries.has(entry);
  }

  #grow(): void {
    const offsets = new Float64Array(this.length * 2);
    const sampleCounts = new Uint32Array(this.length * 2);
    const entries = new Uint32Array(this.length * 2);
    offsets.set(this.#offsets);
    sampleCounts.set(this.#sampleCounts);
    entries.set(this.#entries);
    this.#offsets = offsets;
    this.#sampleCounts = sampleCounts;
    this.#entries = entries;
  }
}
