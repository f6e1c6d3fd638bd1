import type { CleanScan } from "./cleanScan.ts";
import { BLOCK_END, type Coefficients } from "./coefficients.ts";
import { buildDecodingTable, buildFastTable, type DecodingTable, extend, findCode, TO_END } from "./decodingTable.ts";
import type { Frame, ScanComponent, ScanHeader } from "./frame.ts";
import type { TableSlots } from "./source.ts";
import { unsound } from "./unsound.ts";

interface FastTable {
  readonly table: DecodingTable;
  readonly fast: Int32Array;
}

/** Collects the coefficients of a sequential frame, scan by scan. */
export class SequentialReader {
  readonly #frame: Frame;
  readonly #components: Coefficients["components"];
  readonly #lookupBits: number;
  readonly #seen = new Set<number>();
  #tokens: Int32Array;
  #count = 0;
  #view = new DataView(new ArrayBuffer(8));
  /** In bits. */
  #position = 0;

  /** `sourceBytes`: a large source pays for larger tables. */
  constructor(frame: Frame, sourceBytes: number) {
    // A block takes two bits at least.
    if (frame.blocks > sourceBytes * 4) unsound("fewer bits than blocks");
    this.#frame = frame;
    this.#lookupBits = sourceBytes < 65_536 ? 10 : 13;
    this.#components = frame.components.map(({ blocksWide, blocksHigh }) => ({
      blocksWide,
      blocksHigh,
      dc: new Int16Array(blocksWide * blocksHigh),
      starts: new Uint32Array(blocksWide * blocksHigh),
    }));
    this.#tokens = new Int32Array(sourceBytes * 2 + frame.blocks + 66);
  }

  readScan(header: ScanHeader, clean: CleanScan, slots: TableSlots, restartInterval: number): void {
    const { components, spectralStart, spectralEnd, approximationHigh, approximationLow } = header;
    if (spectralStart !== 0 || spectralEnd !== 63 || approximationHigh !== 0 || approximationLow !== 0) {
      unsound("bands in a sequential scan");
    }
    const parts = components.map((part) => {
      if (this.#seen.has(part.index)) unsound("component in two scans");
      this.#seen.add(part.index);
      return { part, dc: this.#fastTable(slots, part.dcSlot, "dc"), ac: this.#fastTable(slots, part.acSlot, "ac") };
    });
    this.#view = clean.view;
    this.#position = 0;
    const isInterleaved = parts.length > 1;
    const [first] = components;
    if (first === undefined) return;
    const across = isInterleaved ? this.#frame.mcusWide : first.component.blocksWide;
    const down = isInterleaved ? this.#frame.mcusHigh : first.component.blocksHigh;
    const total = across * down;
    const interval = restartInterval === 0 ? total : restartInterval;
    const predictions = new Int32Array(parts.length);
    let mcu = 0;
    for (const end of clean.intervalEnds) {
      if (mcu >= total) unsound("more restart intervals than blocks");
      predictions.fill(0);
      const until = Math.min(total, mcu + interval);
      for (; mcu < until; mcu += 1) {
        const row = Math.floor(mcu / across);
        const column = mcu - row * across;
        for (let place = 0; place < parts.length; place += 1) {
          const entry = parts[place];
          if (entry === undefined) continue;
          const { part, dc, ac } = entry;
          const wide = isInterleaved ? part.component.horizontal : 1;
          const high = isInterleaved ? part.component.vertical : 1;
          let prediction = predictions[place] ?? 0;
          for (let y = row * high; y < (row + 1) * high; y += 1) {
            for (let x = column * wide; x < (column + 1) * wide; x += 1) {
              prediction = this.#readBlock(dc, ac, part, x, y, prediction);
            }
          }
          predictions[place] = prediction;
        }
        if (this.#position > end * 8) unsound("end of data in a block");
      }
      if (end * 8 - this.#position >= 8) unsound("data behind the last block");
      this.#position = end * 8;
    }
    if (mcu < total) unsound("blocks are missing");
  }

  finish(): Coefficients {
    if (this.#seen.size !== this.#frame.components.length) unsound("component without a scan");
    return { tokens: this.#tokens, components: this.#components };
  }

  #fastTable(slots: TableSlots, slot: number, kind: "dc" | "ac"): FastTable {
    const huffman = slots.huffman.get(kind === "dc" ? slot : 4 + slot) ?? unsound("no such Huffman table");
    const table = buildDecodingTable(huffman, this.#lookupBits);
    return { table, fast: buildFastTable(table, kind) };
  }

  /** Returns the DC value. Tokens of a block that only fills up an MCU are dropped. */
  #readBlock(dc: FastTable, ac: FastTable, part: ScanComponent, x: number, y: number, prediction: number): number {
    const view = this.#view;
    const shift = 32 - this.#lookupBits;
    let position = this.#position;
    let entry = dc.fast[(view.getInt32(position >>> 3) << (position & 7)) >>> shift] ?? 0;
    let value = prediction;
    if (entry !== 0) {
      position += entry & 31;
      value += entry >> 16;
    } else {
      const found = findCode(dc.table, (view.getInt32(position >>> 3) << (position & 7)) >>> 16);
      const size = found & 0xff;
      if (size > 11) unsound("size of a DC difference");
      position += found >> 8;
      value += extend(bitsAt(view, position, size), size);
      position += size;
    }
    if (value < -2048 || value > 2047) unsound("DC out of range");

    if (this.#count + 66 > this.#tokens.length) this.#grow();
    const tokens = this.#tokens;
    const start = this.#count;
    let count = start;
    const { fast } = ac;
    let place = 1;
    while (place < 64) {
      entry = fast[(view.getInt32(position >>> 3) << (position & 7)) >>> shift] ?? 0;
      if (entry === 0) {
        const found = findCode(ac.table, (view.getInt32(position >>> 3) << (position & 7)) >>> 16);
        position += found >> 8;
        const size = found & 15;
        const run = (found >> 4) & 15;
        if (size === 0) {
          if (run === 15) place += 16;
          else if (run === 0) break;
          else unsound("end of several blocks in a sequential scan");
        } else {
          if (size > 10) unsound("size of a coefficient");
          place += run + 1;
          tokens[count] = ((place - 1) << 16) | (extend(bitsAt(view, position, size), size) & 0xffff);
          count += 1;
          position += size;
        }
        continue;
      }
      position += entry & 31;
      place += (entry >> 5) & 127;
      if (entry >> 16 !== 0) {
        tokens[count] = ((place - 1) << 16) | (entry >>> 16);
        count += 1;
      } else if (((entry >> 5) & 127) === TO_END) {
        place = 64;
      }
    }
    if (place > 64) unsound("coefficient behind the last");
    this.#position = position;

    const { blocksWide, blocksHigh } = part.component;
    const target = this.#components[part.index];
    if (target !== undefined && x < blocksWide && y < blocksHigh) {
      tokens[count] = BLOCK_END;
      this.#count = count + 1;
      target.starts[y * blocksWide + x] = start;
      target.dc[y * blocksWide + x] = value;
    }
    return value;
  }

  #grow(): void {
    const tokens = new Int32Array(this.#tokens.length * 2);
    tokens.set(this.#tokens);
    this.#tokens = tokens;
  }
}

/** Up to 16 bits. */
const bitsAt = (view: DataView, position: number, size: number): number =>
  size === 0 ? 0 : (view.getInt32(position >>> 3) << (position & 7)) >>> (32 - size);
