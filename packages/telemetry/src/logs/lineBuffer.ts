const MOST_GROWTH = 1024 * 1024;
/** From this length on a call of the runtime beats a loop over characters. */
const LONG_TEXT = 48;

const BLANK = 32;
const DELETE = 127;
const DASH = 45;
const PLUS = 43;
const PERCENT = 37;
const ZERO = 48;
const HEX = Buffer.from("0123456789ABCDEF", "latin1");

/** Bytes of log lines in the making; text is latin1, one character one byte. */
export class LineBuffer {
  memory: Buffer;
  length = 0;

  constructor(memory: Buffer) {
    this.memory = memory;
  }

  byte(value: number): void {
    if (this.length === this.memory.length) this.#grow(1);
    this.memory[this.length++] = value;
  }

  bytes(source: Uint8Array): void {
    const count = source.length;
    if (this.length + count > this.memory.length) this.#grow(count);
    const { memory } = this;
    let at = this.length;
    if (count > LONG_TEXT) memory.set(source, at);
    else for (let index = 0; index < count; index++) memory[at + index] = source[index] ?? 0;
    at += count;
    this.length = at;
  }

  /** As it is. */
  text(value: string): void {
    const count = value.length;
    if (this.length + count > this.memory.length) this.#grow(count);
    if (count > LONG_TEXT) {
      this.memory.write(value, this.length, count, "latin1");
    } else {
      const { memory } = this;
      const at = this.length;
      for (let index = 0; index < count; index++) memory[at + index] = value.charCodeAt(index);
    }
    this.length += count;
  }

  /** A whole number that is not negative. */
  number(value: number): void {
    if (!(value >= 0 && value < 1_000_000_000)) {
      this.text(String(value));
      return;
    }
    let rest = value | 0;
    let count = 1;
    for (let bound = 10; bound <= rest; bound *= 10) count++;
    if (this.length + count > this.memory.length) this.#grow(count);
    const end = this.length + count;
    for (let at = end - 1; at >= this.length; at--) {
      const next = (rest / 10) | 0;
      this.memory[at] = ZERO + rest - next * 10;
      rest = next;
    }
    this.length = end;
  }

  /** One field of a line whose fields are separated by blanks (LOG-29, LOG-30). */
  field(value: string | undefined): void {
    if (value === undefined || value === "") {
      this.byte(DASH);
      return;
    }
    this.part(value);
  }

  /** As `field`, but a missing value is nothing. */
  part(value: string): void {
    const count = value.length;
    if (this.length + count * 3 > this.memory.length) this.#grow(count * 3);
    for (let index = 0; index < count; index++) {
      const code = value.charCodeAt(index);
      if (code > BLANK && code !== DELETE) this.memory[this.length++] = code;
      else if (code === BLANK) this.memory[this.length++] = PLUS;
      else this.#percent(code);
    }
  }

  /**
   * Free text: a line end or another control character becomes `%0A`. Inside of quotes `quote` and the backslash are
   * escaped with a backslash, so that no text ends its quotes.
   */
  plain(value: string, quote = 0): void {
    const count = value.length;
    if (this.length + count * 3 > this.memory.length) this.#grow(count * 3);
    for (let index = 0; index < count; index++) {
      const code = value.charCodeAt(index);
      if (code < BLANK || code === DELETE) this.#percent(code);
      else {
        if (quote !== 0 && (code === quote || code === BACKSLASH)) this.memory[this.length++] = BACKSLASH;
        this.memory[this.length++] = code;
      }
    }
  }

  #percent(code: number): void {
    this.memory[this.length++] = PERCENT;
    this.memory[this.length++] = HEX[(code >> 4) & 15] ?? ZERO;
    this.memory[this.length++] = HEX[code & 15] ?? ZERO;
  }

  #grow(count: number): void {
    const { length } = this.memory;
    const memory = Buffer.allocUnsafeSlow(Math.max(Math.min(length * 2, length + MOST_GROWTH), this.length + count));
    this.memory.copy(memory, 0, 0, this.length);
    this.memory = memory;
  }
}

const BACKSLASH = 92;

/** The bytes that `write` makes, for pieces that are kept. */
export const bytesOf = (write: (line: LineBuffer) => void): Uint8Array => {
  const line = new LineBuffer(Buffer.allocUnsafeSlow(256));
  write(line);
  return new Uint8Array(line.memory.subarray(0, line.length));
};
