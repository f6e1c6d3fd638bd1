/**
 * Gauges summed over seconds: each second counts with the level at its end. A level that does not change costs nothing
 * until the sum is asked for, and there are thousands of such.
 */
export class LevelSums {
  readonly #levels: () => ReadonlyMap<number, number>;
  #ended = 0;
  /** Of levels that are not 0: the seconds that had ended when they were last added to the sums. */
  readonly #addedAt = new Map<number, number>();
  readonly #sums = new Map<number, number>();
  /** Of levels that have changed since the last second ended: what they were then. */
  readonly #atSecondEnd = new Map<number, number>();

  /** `levels`: those at present that are not 0, by place. */
  constructor(levels: () => ReadonlyMap<number, number>) {
    this.#levels = levels;
  }

  /** To be called before a level changes. */
  changes(place: number, from: number, to: number): void {
    if (!this.#atSecondEnd.has(place)) this.#atSecondEnd.set(place, from);
    this.#add(place, from);
    if (to === 0) this.#addedAt.delete(place);
    else this.#addedAt.set(place, this.#ended);
  }

  endSecond(): void {
    this.#ended += 1;
    this.#atSecondEnd.clear();
  }

  /** The levels at the end of the last second, by place. */
  addSecondTo(sums: Map<number, number>): void {
    if (this.#ended === 0) return;
    for (const [place, level] of this.#levels()) {
      const ended = this.#atSecondEnd.get(place) ?? level;
      if (ended !== 0) sums.set(place, ended);
    }
    for (const [place, level] of this.#atSecondEnd) if (level !== 0) sums.set(place, level);
  }

  /** Adds the sums of the seconds since the last call, by place. */
  moveTo(sums: Map<number, number>): void {
    for (const [place, level] of this.#levels()) {
      this.#add(place, level);
      this.#addedAt.set(place, this.#ended);
    }
    for (const [place, sum] of this.#sums) sums.set(place, (sums.get(place) ?? 0) + sum);
    this.#sums.clear();
  }

  #add(place: number, level: number): void {
    const seconds = this.#ended - (this.#addedAt.get(place) ?? this.#ended);
    const sum = level * seconds;
    if (sum !== 0) this.#sums.set(place, (this.#sums.get(place) ?? 0) + sum);
  }
}
