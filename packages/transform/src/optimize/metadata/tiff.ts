/** The TIFF structure inside EXIF; every position is checked, as the structure is the source's. */
export class Tiff {
  readonly #view: DataView;
  readonly #isLittle: boolean;

  private constructor(view: DataView, isLittle: boolean) {
    this.#view = view;
    this.#isLittle = isLittle;
  }

  /** Undefined unless the bytes begin as TIFF does. */
  static open(bytes: Uint8Array): Tiff | undefined {
    if (bytes.length < 14) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const order = view.getUint16(0);
    if (order !== 0x4949 && order !== 0x4d4d) return undefined;
    return view.getUint16(2, order === 0x4949) === 42 ? new Tiff(view, order === 0x4949) : undefined;
  }

  get length(): number {
    return this.#view.byteLength;
  }

  short(at: number): number {
    return at >= 0 && at + 2 <= this.length ? this.#view.getUint16(at, this.#isLittle) : 0;
  }

  long(at: number): number {
    return at >= 0 && at + 4 <= this.length ? this.#view.getUint32(at, this.#isLittle) : 0;
  }

  writeShort(at: number, value: number): void {
    if (at >= 0 && at + 2 <= this.length) this.#view.setUint16(at, value, this.#isLittle);
  }

  clear(from: number, to: number): void {
    for (let at = Math.max(0, from); at < Math.min(to, this.length); at += 1) this.#view.setUint8(at, 0);
  }

  /** Moves what lies in `from` to `to` back to `target`. */
  move(target: number, from: number, to: number): void {
    for (let at = from; at < Math.min(to, this.length); at += 1) {
      this.#view.setUint8(target + at - from, this.#view.getUint8(at));
    }
  }

  /** Positions of the directories that hang together from the first on. */
  directories(): readonly number[] {
    const found: number[] = [];
    for (let at = this.long(4); this.isDirectory(at) && !found.includes(at) && found.length < DIRECTORY_LIMIT; ) {
      found.push(at);
      at = this.long(at + 2 + this.short(at) * ENTRY_BYTES);
    }
    return found;
  }

  /** Whether all entries of a directory at this position lie within the bytes. */
  isDirectory(at: number): boolean {
    return at >= 8 && at + 2 + this.short(at) * ENTRY_BYTES <= this.length && this.short(at) > 0;
  }

  /** Positions of the entries of a directory. */
  entries(directory: number): readonly number[] {
    return Array.from({ length: this.short(directory) }, (_, index) => directory + 2 + index * ENTRY_BYTES);
  }
}

export const ENTRY_BYTES = 12;
const DIRECTORY_LIMIT = 8;

/** Bytes of a value of each TIFF type. */
export const TYPE_BYTES: readonly number[] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4];
