/** Room for many more than the tier holds: objects whose bodies are elsewhere come back after thousands of others. */
const SMALLEST_SLOTS = 1 << 14;
const LARGEST_SLOTS = 1 << 20;
/** Marks stay small integers, which cost an entry no allocation. */
const MARK_BITS = 0x3fffffff;

/** FNV-1a over the URL, begun with the space. */
export const computeMark = (space: number, url: string): number => {
  let hash = 0x811c9dc5 ^ space;
  for (let index = 0; index < url.length; index += 1) hash = Math.imul(hash ^ url.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 15)) & MARK_BITS;
};

/**
 * Objects that left the tier a short while ago, four bytes each: a table that newer marks overwrite. A false answer
 * either way only puts an object into the other queue.
 */
export class GhostTable {
  #slots = new Int32Array(SMALLEST_SLOTS);

  remember(mark: number, liveEntries: number): void {
    if (liveEntries > this.#slots.length && this.#slots.length < LARGEST_SLOTS) this.#grow(liveEntries);
    this.#slots[mark & (this.#slots.length - 1)] = mark + 1;
  }

  /** Whether the object was here lately; forgets it. */
  recall(mark: number): boolean {
    const slot = mark & (this.#slots.length - 1);
    if (this.#slots[slot] !== mark + 1) return false;
    this.#slots[slot] = 0;
    return true;
  }

  #grow(liveEntries: number): void {
    let size = this.#slots.length;
    while (size < liveEntries && size < LARGEST_SLOTS) size *= 2;
    const grown = new Int32Array(size);
    for (const stored of this.#slots) if (stored !== 0) grown[(stored - 1) & (size - 1)] = stored;
    this.#slots = grown;
  }
}
