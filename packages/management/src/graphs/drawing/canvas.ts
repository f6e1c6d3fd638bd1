import { crc32, deflateSync } from "node:zlib";
import { textWidthPx, traceText } from "./font.ts";

const MOST_COLORS = 256;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Eight bits, each the number of a color. */
const DEPTH = 8;
const INDEXED = 3;

const chunk = (name: string, body: Buffer): Buffer => {
  const named = Buffer.concat([Buffer.from(name, "latin1"), body]);
  const bytes = Buffer.alloc(named.length + 8);
  bytes.writeUInt32BE(body.length, 0);
  named.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(named), named.length + 4);
  return bytes;
};

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A picture of whole pixels in a few colors (`#RRGGBB`); what is outside of it is not drawn. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly #pixels: Uint8Array;
  /** By number; the first is that of the ground. */
  readonly #colors = new Map<string, number>();

  constructor(width: number, height: number, ground: string) {
    this.width = width;
    this.height = height;
    this.#pixels = new Uint8Array(width * height);
    this.#number(ground);
  }

  dot(x: number, y: number, color: string): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    this.#pixels[y * this.width + x] = this.#number(color);
  }

  fill({ x, y, width, height }: Rectangle, color: string): void {
    for (let row = y; row < y + height; row++) for (let at = x; at < x + width; at++) this.dot(at, row, color);
  }

  /** Every second pixel of a row. */
  dotted(x: number, y: number, width: number, color: string): void {
    for (let at = x; at < x + width; at += 2) this.dot(at, y, color);
  }

  /** Every second pixel of a column. */
  dottedDown(x: number, y: number, height: number, color: string): void {
    for (let at = y; at < y + height; at += 2) this.dot(x, at, color);
  }

  text(text: string, x: number, y: number, color: string): void {
    traceText(text, (column, row) => this.dot(x + column, y + row, color));
  }

  /** Ends before `right`. */
  textUpTo(text: string, right: number, y: number, color: string): void {
    this.text(text, right - textWidthPx(text), y, color);
  }

  png(): Uint8Array {
    const head = Buffer.alloc(13);
    head.writeUInt32BE(this.width, 0);
    head.writeUInt32BE(this.height, 4);
    head[8] = DEPTH;
    head[9] = INDEXED;
    const palette = Buffer.from([...this.#colors.keys()].map((color) => color.slice(1)).join(""), "hex");
    // A byte before each row says that it is as it is.
    const rows = Buffer.alloc((this.width + 1) * this.height);
    for (let y = 0; y < this.height; y++) {
      rows.set(this.#pixels.subarray(y * this.width, (y + 1) * this.width), y * (this.width + 1) + 1);
    }
    const parts = [chunk("IHDR", head), chunk("PLTE", palette), chunk("IDAT", deflateSync(rows))];
    return Buffer.concat([SIGNATURE, ...parts, chunk("IEND", Buffer.alloc(0))]);
  }

  #number(color: string): number {
    const known = this.#colors.get(color);
    if (known !== undefined) return known;
    if (this.#colors.size >= MOST_COLORS) return 0;
    this.#colors.set(color, this.#colors.size);
    return this.#colors.size - 1;
  }
}
