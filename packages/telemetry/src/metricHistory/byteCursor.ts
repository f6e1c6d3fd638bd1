/** Whole numbers from 0 in as few bytes as they need, seven bits in each, the low ones first. */
export class ByteWriter {
  readonly #bytes: number[] = [];

  number(value: number): void {
    let rest = Math.max(0, Math.round(value));
    while (rest >= 128) {
      this.#bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.#bytes.push(rest);
  }

  take(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** Numbers up to 2^53 have no more. */
const MOST_BYTES = 8;

/** Reads what ByteWriter wrote; NaN from where it is not that. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(): number {
    let value = 0;
    let weight = 1;
    for (let count = 0; count < MOST_BYTES; count++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 127) * weight;
      if (byte < 128) return Number.isSafeInteger(value) ? value : Number.NaN;
      weight *= 128;
    }
    return Number.NaN;
  }
}
