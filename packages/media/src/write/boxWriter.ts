const FIRST_BYTES = 64 * 1024;
const MOST_UNSIGNED_32 = 4_294_967_295;
const FOUR_GB = 4_294_967_296;

/** Whether a field of 32 bits holds the number. */
export const fitsUnsigned32 = (value: number): boolean => value <= MOST_UNSIGNED_32;

/** Boxes one behind the other in memory that grows; numbers that do not fit a field become the largest that does. */
export class BoxWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Room for so many bytes more, so that writing them does not grow the memory step by step. */
  reserve(byteCount: number): void {
    const needed = this.#length + byteCount;
    if (needed <= this.#bytes.byteLength) {
      return;
    }
    const grown = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  unsigned16(value: number): void {
    this.reserve(2);
    this.#view.setUint16(this.#length, value);
    this.#length += 2;
  }

  unsigned32(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.#length, Math.min(value, MOST_UNSIGNED_32));
    this.#length += 4;
  }

  unsigned64(value: number): void {
    this.reserve(8);
    this.#view.setUint32(this.#length, Math.floor(value / FOUR_GB));
    this.#view.setUint32(this.#length + 4, value % FOUR_GB);
    this.#length += 8;
  }

  /** Each as a field of 32 bits. */
  numbers(numbers: Uint32Array): void {
    this.reserve(numbers.length * 4);
    const view = this.#view;
    let at = this.#length;
    for (let index = 0; index < numbers.length; index += 1) {
      view.setUint32(at, numbers[index] ?? 0);
      at += 4;
    }
    this.#length = at;
  }

  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.byteLength);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.byteLength;
  }

  characters(text: string): void {
    this.reserve(text.length);
    for (let index = 0; index < text.length; index += 1) {
      this.#bytes[this.#length + index] = text.charCodeAt(index);
    }
    this.#length += text.length;
  }

  /** A box with what `content` writes into it. */
  box(type: string, content: () => void): void {
    const start = this.#length;
    this.unsigned32(0);
    this.characters(type);
    content();
    this.#view.setUint32(start, this.#length - start);
  }

  /** A box whose header states its size in 64 bits. */
  longBox(type: string, content: () => void): void {
    const start = this.#length;
    this.unsigned32(1);
    this.characters(type);
    this.unsigned64(0);
    content();
    this.setUnsigned64(start + 8, this.#length - start);
  }

  /** A box that begins with a version and flags. */
  fullBox(type: string, versionAndFlags: number, content: () => void): void {
    this.box(type, () => {
      this.unsigned32(versionAndFlags);
      content();
    });
  }

  /** Writes over what is there. */
  setUnsigned32(position: number, value: number): void {
    this.#view.setUint32(position, value);
  }

  setUnsigned64(position: number, value: number): void {
    this.#view.setUint32(position, Math.floor(value / FOUR_GB));
    this.#view.setUint32(position + 4, value % FOUR_GB);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }
}
