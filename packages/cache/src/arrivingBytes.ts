import { TAIL_BYTES } from "./limits.ts";

interface Chunk {
  readonly start: number;
  readonly data: Buffer;
}

/** Bytes of all of them together. */
export const lengthOf = (chunks: readonly Buffer[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

/**
 * Bytes that arrive in order from `start` on: kept until they are written, and the last TAIL_BYTES of them for readers
 * who keep up. Without a store (`pass`) they are kept until every reader has passed them.
 */
export class ArrivingBytes {
  #chunks: Chunk[] = [];
  #receivedTo: number;
  #writtenTo: number;

  constructor(start: number) {
    this.#receivedTo = start;
    this.#writtenTo = start;
  }

  get receivedTo(): number {
    return this.#receivedTo;
  }

  /** Everything before this position is on disk. */
  get writtenTo(): number {
    return this.#writtenTo;
  }

  /** First position that is still in memory. */
  get heldFrom(): number {
    return this.#chunks[0]?.start ?? this.#receivedTo;
  }

  get heldBytes(): number {
    return this.#receivedTo - this.heldFrom;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push({ start: this.#receivedTo, data: chunk });
    this.#receivedTo += chunk.length;
  }

  peek(position: number): Buffer | undefined {
    const chunks = this.#chunks;
    for (let index = chunks.length - 1; index >= 0; index--) {
      const chunk = chunks[index];
      if (chunk === undefined || position >= chunk.start + chunk.data.length) return undefined;
      if (position >= chunk.start) {
        return position === chunk.start ? chunk.data : chunk.data.subarray(position - chunk.start);
      }
    }
    return undefined;
  }

  /** What waits to be written, in order; empty when nothing does. */
  unwritten(): readonly Buffer[] {
    return this.#chunks.filter((chunk) => chunk.start >= this.#writtenTo).map(({ data }) => data);
  }

  wrote(bytes: number): void {
    this.#writtenTo += bytes;
    this.forgetBefore(Math.min(this.#writtenTo, this.#receivedTo - TAIL_BYTES));
  }

  /** Forgets what has arrived from the position on. */
  cutAt(position: number): void {
    if (position >= this.#receivedTo) return;
    this.#receivedTo = position;
    const kept = this.#chunks.filter((chunk) => chunk.start < position);
    this.#chunks = kept.map(({ start, data }) => ({ start, data: data.subarray(0, position - start) }));
  }

  /** Lets go of chunks that end at or before the position. */
  forgetBefore(position: number): void {
    let count = 0;
    for (const chunk of this.#chunks) {
      if (chunk.start + chunk.data.length > position) break;
      count++;
    }
    if (count > 0) this.#chunks.splice(0, count);
  }

  /**
   * One copy of everything held, in memory of its own: a chunk is a view into the socket's read buffer, many times its
   * size.
   */
  copyHeld(): Buffer {
    const from = this.heldFrom;
    const copy = Buffer.allocUnsafeSlow(this.#receivedTo - from);
    for (const { start, data } of this.#chunks) data.copy(copy, start - from);
    return copy;
  }

  clear(): void {
    this.#chunks = [];
  }
}
