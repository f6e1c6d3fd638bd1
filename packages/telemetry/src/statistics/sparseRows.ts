/** Rows of figures for few of many keys, in one array. A row appears with its first figure and goes with `clear`. */
export class SparseRows<Key> {
  readonly #width: number;
  readonly #rows = new Map<Key, number>();
  #values = new Float64Array(0);

  constructor(width: number) {
    this.#width = width;
  }

  get size(): number {
    return this.#rows.size;
  }

  get keys(): Iterable<Key> {
    return this.#rows.keys();
  }

  has(key: Key): boolean {
    return this.#rows.has(key);
  }

  add(key: Key, slot: number, amount: number): void {
    const index = this.#rowOf(key) * this.#width + slot;
    this.#values[index] = (this.#values[index] ?? 0) + amount;
  }

  addAll(key: Key, amounts: Float64Array): void {
    const from = this.#rowOf(key) * this.#width;
    for (let slot = 0; slot < amounts.length; slot++) {
      const amount = amounts[slot] ?? 0;
      if (amount !== 0) this.#values[from + slot] = (this.#values[from + slot] ?? 0) + amount;
    }
  }

  /** A view, until the next row appears; undefined: all 0. */
  find(key: Key): Float64Array | undefined {
    const row = this.#rows.get(key);
    return row === undefined ? undefined : this.#values.subarray(row * this.#width, (row + 1) * this.#width);
  }

  /** Adds all rows to another set of them. */
  addTo(other: SparseRows<Key>): void {
    for (const [key, row] of this.#rows) {
      other.addAll(key, this.#values.subarray(row * this.#width, (row + 1) * this.#width));
    }
  }

  clear(): void {
    this.#values.fill(0, 0, this.#rows.size * this.#width);
    this.#rows.clear();
  }

  #rowOf(key: Key): number {
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const row = this.#rows.size;
    this.#rows.set(key, row);
    if ((row + 1) * this.#width > this.#values.length) {
      const larger = new Float64Array(Math.max(4 * this.#width, 2 * this.#values.length));
      larger.set(this.#values);
      this.#values = larger;
    }
    return row;
  }
}
