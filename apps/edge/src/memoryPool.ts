/**
 * A few memories of equal length that are used again and again, since the pages of fresh memory cost more than what is
 * done with them. They are made when they are needed, touched only as far as they are used, and never given up: whoever
 * takes one finds what somebody else has left in it.
 */
export class MemoryPool<Memory extends ArrayBufferLike> {
  readonly #most: number;
  readonly #make: () => Memory;
  readonly #spare: Memory[] = [];
  #lent = 0;

  /** Of `most` at a time. */
  constructor(most: number, make: () => Memory) {
    this.#most = most;
    this.#make = make;
  }

  get spareCount(): number {
    return this.#spare.length;
  }

  /** The one that was given last; undefined: all are lent. */
  take(): Memory | undefined {
    if (this.#lent === this.#most) return undefined;
    this.#lent++;
    return this.#spare.pop() ?? this.#make();
  }

  /** What was taken here and nobody else uses any more. */
  give(memory: Memory): void {
    this.#lent--;
    this.#spare.push(memory);
  }

  /** One that was taken may be in use for some time yet: another takes its place. */
  writeOff(): void {
    this.#lent--;
  }
}
