import { chooseScans, type ScanPlan } from "./chooseScans.ts";
import { codeBand, codeRefinement } from "./codeProgressive.ts";
import { AC_TABLES, codeMcus, tableOf } from "./codeSequential.ts";
import { packSymbols, stuff } from "./entropyWriter.ts";
import { type Frame, MCU_BLOCK_LIMIT } from "./frame.ts";
import { type HuffmanCode, makeHuffmanCode } from "./huffmanCode.ts";
import { MARKER } from "./segments.ts";
import type { JpegSource, QuantizationTable } from "./source.ts";
import { SymbolStream } from "./symbolStream.ts";

/** Of the thread: one picture at a time. Given back to the collector when a picture has made it large. */
let stream = new SymbolStream();
const LARGEST_KEPT_ENTRIES = 1 << 20;

/**
 * The picture with the shortest codes: sequential or progressive, whichever is smaller. `metadata`: segments that
 * stand in front. Undefined when it does not stay below `limitBytes`.
 */
export const writeJpeg = (
  { frame, coefficients, quantization, trailer }: Omit<JpegSource, "metadata">,
  metadata: readonly Uint8Array[],
  limitBytes: number,
): Uint8Array<ArrayBuffer> | undefined => {
  const writer = new SegmentWriter(limitBytes);
  writer.marker(MARKER.SOI);
  for (const segment of metadata) writer.bytes(segment);
  const plan = chooseScans(coefficients, stream);
  const slots = writeQuantization(writer, frame, quantization);
  // Quantization by 16 bits makes a sequential frame an extended one.
  const isBaseline = quantization.values().every(({ precision }) => precision === 0);
  writeFrame(writer, frame, slots, plan, isBaseline);
  if (plan.kind === "sequential") {
    for (const indices of groupComponents(frame)) {
      stream.clear();
      codeMcus(stream, frame, coefficients, indices, true);
      writeScan(writer, frame, indices, { start: 0, end: 63, high: 0, low: 0 });
    }
  } else {
    for (const indices of groupComponents(frame)) {
      stream.clear();
      codeMcus(stream, frame, coefficients, indices, false);
      writeScan(writer, frame, indices, { start: 0, end: 0, high: 0, low: 0 });
    }
    for (const scan of plan.scans) {
      const component = coefficients.components[scan.component];
      if (component === undefined || writer.isFull) continue;
      stream.clear();
      if (scan.isRefinement) codeRefinement(stream, coefficients.tokens, component, scan);
      else codeBand(stream, coefficients.tokens, component, scan);
      const { start, end, low } = scan;
      writeScan(writer, frame, [scan.component], { start, end, high: scan.isRefinement ? low + 1 : 0, low });
    }
  }
  writer.marker(MARKER.EOI);
  writer.bytes(trailer);
  if (stream.entries.length > LARGEST_KEPT_ENTRIES) stream = new SymbolStream();
  return writer.finish();
};

/** Components that share a scan: all, unless an MCU of them had too many blocks. */
const groupComponents = ({ components }: Frame): readonly (readonly number[])[] => {
  const blocks = components.reduce((sum, { horizontal, vertical }) => sum + horizontal * vertical, 0);
  const indices = components.map((_, index) => index);
  return components.length === 1 || blocks <= MCU_BLOCK_LIMIT ? [indices] : indices.map((index) => [index]);
};

/** Writes each table once and returns the new slot of every old one. */
const writeQuantization = (
  writer: SegmentWriter,
  { components }: Frame,
  tables: ReadonlyMap<number, QuantizationTable>,
): ReadonlyMap<number, number> => {
  const slots = new Map<number, number>();
  const written: QuantizationTable[] = [];
  for (const { quantizationSlot } of components) {
    const table = tables.get(quantizationSlot);
    if (table === undefined || slots.has(quantizationSlot)) continue;
    const same = written.findIndex(
      ({ precision, values }) => precision === table.precision && Buffer.compare(values, table.values) === 0,
    );
    slots.set(quantizationSlot, same === -1 ? written.length : same);
    if (same === -1) written.push(table);
  }
  writer.segment(
    MARKER.DQT,
    written.flatMap(({ precision, values }, slot) => [(precision << 4) | slot, ...values]),
  );
  return slots;
};

const writeFrame = (
  writer: SegmentWriter,
  { width, height, components }: Frame,
  slots: ReadonlyMap<number, number>,
  plan: ScanPlan,
  isBaseline: boolean,
): void => {
  const marker = plan.kind === "progressive" ? MARKER.SOF2 : isBaseline ? MARKER.SOF0 : MARKER.SOF1;
  writer.segment(marker, [
    8,
    ...[height >> 8, height & 0xff, width >> 8, width & 0xff],
    components.length,
    ...components.flatMap(({ id, horizontal, vertical, quantizationSlot }) => [
      id,
      (horizontal << 4) | vertical,
      slots.get(quantizationSlot) ?? 0,
    ]),
  ]);
};

interface ScanBand {
  readonly start: number;
  readonly end: number;
  readonly high: number;
  readonly low: number;
}

/** Writes the tables of the stream's symbols, the head of the scan and its data. */
const writeScan = (writer: SegmentWriter, frame: Frame, indices: readonly number[], band: ScanBand): void => {
  const isAcOnly = band.start > 0;
  const codes = [0, 1, 2, 3].map((table): HuffmanCode | undefined => {
    const frequencies = stream.frequencies.subarray(table << 8, (table + 1) << 8);
    return frequencies.some((frequency) => frequency > 0) ? makeHuffmanCode(frequencies) : undefined;
  });
  writer.segment(
    MARKER.DHT,
    codes.flatMap((code, table) => {
      if (code === undefined) return [];
      const isAc = isAcOnly || table >= AC_TABLES;
      return [((isAc ? 1 : 0) << 4) | (table & 1), ...code.declaration];
    }),
  );
  writer.segment(MARKER.SOS, [
    indices.length,
    ...indices.flatMap((index) => [frame.components[index]?.id ?? 0, isAcOnly ? 0 : slotsOf(index, band)]),
    ...[band.start, band.end, (band.high << 4) | band.low],
  ]);
  writer.entropy(stream, codes);
};

const slotsOf = (index: number, { end }: ScanBand): number => (tableOf(index) << 4) | (end > 0 ? tableOf(index) : 0);

/** Collects a file that has to stay below a size. */
class SegmentWriter {
  readonly #target: Uint8Array<ArrayBuffer>;
  #at = 0;
  isFull = false;

  constructor(limitBytes: number) {
    this.#target = new Uint8Array(limitBytes);
  }

  marker(marker: number): void {
    this.bytes(Uint8Array.of(0xff, marker));
  }

  /** Nothing is written where there are no data. */
  segment(marker: number, data: readonly number[]): void {
    if (data.length === 0) return;
    const length = data.length + 2;
    this.bytes(Uint8Array.of(0xff, marker, length >> 8, length & 0xff, ...data));
  }

  bytes(bytes: Uint8Array): void {
    if (this.isFull || this.#at + bytes.length > this.#target.length) {
      this.isFull = true;
      return;
    }
    this.#target.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  entropy(symbols: SymbolStream, codes: readonly (HuffmanCode | undefined)[]): void {
    if (this.isFull) return;
    const at = stuff(this.#target, this.#at, packSymbols(symbols, codes));
    if (at === -1) this.isFull = true;
    else this.#at = at;
  }

  /** A copy of its own memory. */
  finish(): Uint8Array<ArrayBuffer> | undefined {
    return this.isFull ? undefined : this.#target.slice(0, this.#at);
  }
}
