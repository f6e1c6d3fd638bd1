/**
 * What the memory tier has of a stretch of a long body: nothing after the first use, after the second the blocks around
 * that use that were there, one behind the other.
 */
export class BodyStretch {
  readonly #start: number;
  readonly #data: Buffer | undefined;

  /** `start`: position of the data in the body. */
  constructor(start: number, data: Buffer | undefined) {
    this.#start = start;
    this.#data = data;
  }

  get memoryBytes(): number {
    return 200 + (this.#data?.length ?? 0);
  }

  /** From the byte at the position on; undefined when that is not among them. */
  from(position: number): Buffer | undefined {
    const offset = position - this.#start;
    return this.#data !== undefined && offset >= 0 && offset < this.#data.length
      ? this.#data.subarray(offset)
      : undefined;
  }
}
