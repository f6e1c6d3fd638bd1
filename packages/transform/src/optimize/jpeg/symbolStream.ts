/**
 * What a scan is made of, before its Huffman codes are known. An entry is
 * `isRaw << 30 | table << 28 | symbol << 20 | bits << 16 | value`; a raw one has bits only.
 */
export class SymbolStream {
  entries = new Int32Array(16_384);
  count = 0;
  /** By table << 8 | symbol. */
  readonly frequencies = new Uint32Array(1024);
  /** Bits beside the codes. */
  plainBits = 0;
  /** Blocks of a progressive scan that have nothing more, not yet said. */
  endRun = 0;

  clear(): void {
    this.count = 0;
    this.plainBits = 0;
    this.endRun = 0;
    this.frequencies.fill(0);
  }

  /** Makes room: a block has at most 64 symbols of its own. */
  reserve(entries: number): void {
    if (this.count + entries <= this.entries.length) return;
    const larger = new Int32Array(Math.max(this.entries.length * 2, this.count + entries));
    larger.set(this.entries.subarray(0, this.count));
    this.entries = larger;
  }
}

export const RAW = 1 << 30;
