import type { CleanScan } from "./cleanScan.ts";
import { BLOCK_END, type Coefficients } from "./coefficients.ts";
import { buildDecodingTable, type DecodingTable, extend, findCode } from "./decodingTable.ts";
import type { Frame, ScanComponent, ScanHeader } from "./frame.ts";
import type { TableSlots } from "./source.ts";
import { unsound } from "./unsound.ts";

/** All coefficients lie in memory, 128 bytes per block: 64 megapixels with the usual subsampling. */
const BLOCK_LIMIT = 1_500_000;

/** Visits of all scans to blocks, per block: scripts in use stay far below. */
const VISIT_LIMIT = 20;

const LOOKUP_BITS = 10;

/** What the scans have said of a coefficient: nothing yet. Otherwise the lowest bit that is known. */
const UNKNOWN = -1;

/** Collects the coefficients of a progressive frame, scan by scan. */
export class ProgressiveReader {
  readonly #frame: Frame;
  readonly #blocks: readonly Int16Array[];
  readonly #known: readonly Int8Array[];
  #visits = 0;
  #view = new DataView(new ArrayBuffer(8));
  /** In bits. */
  #position = 0;
  /** Blocks that follow without a coefficient of their own (T.81 G.1.2.2). */
  #endRun = 0;

  constructor(frame: Frame, sourceBytes: number) {
    if (frame.blocks > BLOCK_LIMIT || frame.blocks > sourceBytes * 8) unsound("too many blocks");
    this.#frame = frame;
    this.#blocks = frame.components.map(({ blocksWide, blocksHigh }) => new Int16Array(blocksWide * blocksHigh * 64));
    this.#known = frame.components.map(() => new Int8Array(64).fill(UNKNOWN));
  }

  readScan(header: ScanHeader, clean: CleanScan, slots: TableSlots, restartInterval: number): void {
    this.#advance(header);
    const { components, spectralStart, approximationHigh } = header;
    const [first] = components;
    if (first === undefined) return;
    const isInterleaved = components.length > 1;
    const across = isInterleaved ? this.#frame.mcusWide : first.component.blocksWide;
    const down = isInterleaved ? this.#frame.mcusHigh : first.component.blocksHigh;
    const total = across * down;
    const interval = restartInterval === 0 ? total : restartInterval;
    const isDc = spectralStart === 0;
    const tables = components.map((part) => {
      if (isDc && approximationHigh > 0) return undefined;
      const huffman = slots.huffman.get(isDc ? part.dcSlot : 4 + part.acSlot) ?? unsound("no such Huffman table");
      return buildDecodingTable(huffman, LOOKUP_BITS);
    });
    this.#view = clean.view;
    this.#position = 0;
    this.#endRun = 0;
    const predictions = new Int32Array(components.length);
    let mcu = 0;
    for (const end of clean.intervalEnds) {
      if (mcu >= total) unsound("more restart intervals than blocks");
      if (this.#endRun > 0) unsound("run of blocks beyond a restart");
      predictions.fill(0);
      const until = Math.min(total, mcu + interval);
      for (; mcu < until; mcu += 1) {
        if (isDc) {
          const row = Math.floor(mcu / across);
          this.#readDc(header, tables, predictions, mcu - row * across, row, isInterleaved);
        } else if (approximationHigh === 0) {
          this.#readAc(header, tables[0], first, mcu);
        } else {
          this.#refineAc(header, tables[0], first, mcu);
        }
        if (this.#position > end * 8) unsound("end of data in a block");
      }
      if (end * 8 - this.#position >= 8) unsound("data behind the last block");
      this.#position = end * 8;
    }
    if (mcu < total || this.#endRun > 0) unsound("blocks are missing");
  }

  /** Pixels of an unfinished image are a decoder's own guess: only a finished one is certain. */
  finish(): Coefficients {
    if (this.#known.some((bits) => bits.some((lowest) => lowest !== 0))) unsound("unfinished progression");
    let tokens = new Int32Array(this.#frame.blocks * 8 + 66);
    let count = 0;
    const components = this.#frame.components.map(({ blocksWide, blocksHigh }, index) => {
      const blocks = this.#blocks[index] ?? unsound("no such component");
      const dc = new Int16Array(blocksWide * blocksHigh);
      const starts = new Uint32Array(blocksWide * blocksHigh);
      for (let block = 0; block < dc.length; block += 1) {
        if (count + 66 > tokens.length) {
          const larger = new Int32Array(tokens.length * 2);
          larger.set(tokens);
          tokens = larger;
        }
        const offset = block * 64;
        dc[block] = blocks[offset] ?? 0;
        starts[block] = count;
        for (let place = 1; place < 64; place += 1) {
          const value = blocks[offset + place] ?? 0;
          if (value === 0) continue;
          if (value > 1023 || value < -1023) unsound("size of a coefficient");
          tokens[count] = (place << 16) | (value & 0xffff);
          count += 1;
        }
        tokens[count] = BLOCK_END;
        count += 1;
      }
      return { blocksWide, blocksHigh, dc, starts };
    });
    return { tokens, components };
  }

  /** The rules of T.81 G.1.1.1: every bit of every coefficient is sent once, from high to low. */
  #advance({ components, spectralStart, spectralEnd, approximationHigh, approximationLow }: ScanHeader): void {
    if (spectralEnd > 63 || spectralStart > spectralEnd || approximationLow > 10) unsound("band");
    if (spectralStart === 0 ? spectralEnd !== 0 : components.length !== 1) unsound("band of several components");
    if (approximationHigh > 0 && approximationLow !== approximationHigh - 1) unsound("refinement of several bits");
    for (const { index, component } of components) {
      const known = this.#known[index] ?? unsound("no such component");
      if (spectralStart > 0 && known[0] === UNKNOWN) unsound("AC before DC");
      const expected = approximationHigh === 0 ? UNKNOWN : approximationHigh;
      for (let place = spectralStart; place <= spectralEnd; place += 1) {
        if (known[place] !== expected) unsound("progression out of order");
        known[place] = approximationLow;
      }
      this.#visits += component.blocksWide * component.blocksHigh;
    }
    if (this.#visits > this.#frame.blocks * VISIT_LIMIT) unsound("too many scans");
  }

  #readDc(
    { components, approximationHigh, approximationLow }: ScanHeader,
    tables: readonly (DecodingTable | undefined)[],
    predictions: Int32Array,
    column: number,
    row: number,
    isInterleaved: boolean,
  ): void {
    for (let part = 0; part < components.length; part += 1) {
      const entry = components[part];
      if (entry === undefined) continue;
      const { component, index } = entry;
      const blocks = this.#blocks[index];
      const table = tables[part];
      const wide = isInterleaved ? component.horizontal : 1;
      const high = isInterleaved ? component.vertical : 1;
      for (let y = row * high; y < (row + 1) * high; y += 1) {
        for (let x = column * wide; x < (column + 1) * wide; x += 1) {
          const isKept = x < component.blocksWide && y < component.blocksHigh;
          const offset = (y * component.blocksWide + x) * 64;
          if (approximationHigh > 0) {
            const bit = this.#readBits(1) << approximationLow;
            if (isKept && blocks !== undefined) blocks[offset] = (blocks[offset] ?? 0) | bit;
            continue;
          }
          const size = this.#readSymbol(table);
          if (size > 11) unsound("size of a DC difference");
          const value = (predictions[part] ?? 0) + extend(this.#readBits(size), size);
          predictions[part] = value;
          const scaled = value << approximationLow;
          if (scaled < -2048 || scaled > 2047) unsound("DC out of range");
          if (isKept && blocks !== undefined) blocks[offset] = scaled;
        }
      }
    }
  }

  #readAc(header: ScanHeader, table: DecodingTable | undefined, { index }: ScanComponent, block: number): void {
    if (this.#endRun > 0) {
      this.#endRun -= 1;
      return;
    }
    const blocks = this.#blocks[index];
    const { spectralStart, spectralEnd, approximationLow } = header;
    for (let place = spectralStart; place <= spectralEnd; place += 1) {
      const symbol = this.#readSymbol(table);
      const run = symbol >> 4;
      const size = symbol & 15;
      if (size === 0) {
        if (run < 15) {
          this.#endRun = (1 << run) + this.#readBits(run) - 1;
          return;
        }
        place += 15;
        continue;
      }
      if (size + approximationLow > 10) unsound("size of a coefficient");
      place += run;
      if (place > spectralEnd) unsound("coefficient behind the last");
      const value = extend(this.#readBits(size), size) << approximationLow;
      if (blocks !== undefined) blocks[block * 64 + place] = value;
    }
  }

  #refineAc(header: ScanHeader, table: DecodingTable | undefined, { index }: ScanComponent, block: number): void {
    const blocks = this.#blocks[index];
    if (blocks === undefined) return;
    const { spectralStart, spectralEnd, approximationLow } = header;
    const bit = 1 << approximationLow;
    const offset = block * 64;
    let place = spectralStart;
    while (this.#endRun === 0 && place <= spectralEnd) {
      const symbol = this.#readSymbol(table);
      let run = symbol >> 4;
      const size = symbol & 15;
      let value = 0;
      if (size > 1) unsound("refinement with a size");
      if (size === 1) {
        value = this.#readBits(1) === 1 ? bit : -bit;
      } else if (run < 15) {
        this.#endRun = (1 << run) + this.#readBits(run);
        break;
      }
      for (; place <= spectralEnd; place += 1) {
        const known = blocks[offset + place] ?? 0;
        if (known !== 0) {
          if (this.#readBits(1) === 1) blocks[offset + place] = known > 0 ? known + bit : known - bit;
        } else if (run === 0) {
          break;
        } else {
          run -= 1;
        }
      }
      if (value !== 0) {
        if (place > spectralEnd) unsound("coefficient behind the last");
        blocks[offset + place] = value;
      }
      place += 1;
    }
    if (this.#endRun === 0) return;
    this.#endRun -= 1;
    for (; place <= spectralEnd; place += 1) {
      const known = blocks[offset + place] ?? 0;
      if (known !== 0 && this.#readBits(1) === 1) blocks[offset + place] = known > 0 ? known + bit : known - bit;
    }
  }

  #readSymbol(table: DecodingTable | undefined): number {
    if (table === undefined) return unsound("no such Huffman table");
    const bits = (this.#view.getInt32(this.#position >>> 3) << (this.#position & 7)) >>> 16;
    const found = table.codes[bits >>> (16 - LOOKUP_BITS)] || findCode(table, bits);
    this.#position += found >> 8;
    return found & 0xff;
  }

  #readBits(size: number): number {
    if (size === 0) return 0;
    const bits = (this.#view.getInt32(this.#position >>> 3) << (this.#position & 7)) >>> (32 - size);
    this.#position += size;
    return bits;
  }
}
