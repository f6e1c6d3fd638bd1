/**
 * How an index lies in shared memory: a list of numbers in front, behind it columns of fixed width, each at a multiple of
 * eight bytes. Whoever opens it takes the numbers in the order in which they were written; columns become views.
 *
 * ```text
 * | count of numbers (f64) | numbers (f64 …) | column | column | …
 * ```
 */
export class IndexWriter {
  readonly #numbers: number[] = [];
  readonly #columns: Uint8Array[] = [];
  #columnBytes = 0;

  number(value: number): void {
    this.#numbers.push(value);
  }

  column(data: Uint8Array | Uint16Array | Uint32Array | Float64Array): void {
    this.#numbers.push(this.#columnBytes, data.byteLength);
    this.#columns.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#columnBytes += Math.ceil(data.byteLength / 8) * 8;
  }

  text(value: string): void {
    this.column(Uint8Array.from(value, (letter) => letter.charCodeAt(0)));
  }

  finish(): SharedArrayBuffer {
    const columnStart = 8 * (1 + this.#numbers.length);
    const memory = new SharedArrayBuffer(columnStart + this.#columnBytes);
    const numbers = new Float64Array(memory, 0, 1 + this.#numbers.length);
    numbers[0] = this.#numbers.length;
    numbers.set(this.#numbers, 1);
    let position = columnStart;
    for (const column of this.#columns) {
      new Uint8Array(memory, position, column.length).set(column);
      position += Math.ceil(column.length / 8) * 8;
    }
    return memory;
  }
}

/** Reads what IndexWriter wrote, in the same order. */
export class IndexReader {
  readonly #memory: ArrayBufferLike;
  readonly #numbers: Float64Array;
  readonly #columnStart: number;
  #next = 1;

  constructor(memory: ArrayBufferLike) {
    this.#memory = memory;
    const count = new Float64Array(memory, 0, 1)[0] ?? 0;
    this.#columnStart = 8 * (1 + count);
    this.#numbers = new Float64Array(memory, 0, 1 + count);
  }

  number(): number {
    return this.#numbers[this.#next++] ?? 0;
  }

  bytes(): Uint8Array {
    const start = this.#columnStart + this.number();
    return new Uint8Array(this.#memory, start, this.number());
  }

  halfWords(): Uint16Array {
    const start = this.#columnStart + this.number();
    return new Uint16Array(this.#memory, start, this.number() / 2);
  }

  words(): Uint32Array {
    const start = this.#columnStart + this.number();
    return new Uint32Array(this.#memory, start, this.number() / 4);
  }

  doubles(): Float64Array {
    const start = this.#columnStart + this.number();
    return new Float64Array(this.#memory, start, this.number() / 8);
  }

  text(): string {
    return String.fromCharCode(...this.bytes());
  }
}
