import { cleanScan } from "./cleanScan.ts";
import type { Coefficients } from "./coefficients.ts";
import { type HuffmanTable, readHuffmanTables } from "./decodingTable.ts";
import { type Frame, readFrame, readScanHeader } from "./frame.ts";
import { ProgressiveReader } from "./readProgressive.ts";
import { SequentialReader } from "./readSequential.ts";
import { isMetadata, MARKER, readSegments, type Segment } from "./segments.ts";
import { unsound } from "./unsound.ts";

/** By slot: 0 to 3 DC, 4 to 7 AC. */
export interface TableSlots {
  readonly huffman: Map<number, HuffmanTable>;
}

export interface JpegSource {
  readonly frame: Frame;
  readonly coefficients: Coefficients;
  /** By slot: precision (0: 8 bits, 1: 16 bits) and 64 values as DQT has them. */
  readonly quantization: ReadonlyMap<number, QuantizationTable>;
  /** APP0 to APP15 and COM in their order. */
  readonly metadata: readonly Segment[];
  /** Behind EOI. */
  readonly trailer: Uint8Array;
}

export interface QuantizationTable {
  readonly precision: number;
  readonly values: Uint8Array;
}

/** Throws UnsoundJpeg unless every coefficient is certain. */
export const readJpeg = (source: Uint8Array): JpegSource => {
  const { list, imageEnd } = readSegments(source);
  const slots: TableSlots = { huffman: new Map() };
  const quantization = new Map<number, QuantizationTable>();
  let restartInterval = 0;
  let frame: Frame | undefined;
  let reader: SequentialReader | ProgressiveReader | undefined;
  let hasScan = false;
  for (const segment of list) {
    const { marker, dataStart, end } = segment;
    if (isMetadata(segment)) continue;
    const data = source.subarray(dataStart, end);
    switch (marker) {
      case MARKER.DHT:
        readHuffmanTables(data, slots.huffman);
        break;
      case MARKER.DQT:
        if (hasScan) unsound("quantization table behind a scan");
        readQuantizationTables(data, quantization);
        break;
      case MARKER.DRI:
        if (data.length !== 2) unsound("restart interval");
        restartInterval = ((data[0] ?? 0) << 8) | (data[1] ?? 0);
        break;
      case MARKER.SOS: {
        if (frame === undefined || reader === undefined) return unsound("scan before the frame");
        hasScan = true;
        const header = readScanHeader(source, segment, frame);
        const clean = cleanScan(source, end, segment.scanEnd, restartInterval > 0);
        reader.readScan(header, clean, slots, restartInterval);
        break;
      }
      default:
        if (frame !== undefined) unsound("second frame, or a marker that is not known");
        frame = readFrame(source, segment);
        reader = frame.isProgressive
          ? new ProgressiveReader(frame, source.length)
          : new SequentialReader(frame, source.length);
    }
  }
  if (frame === undefined || reader === undefined) return unsound("no frame");
  for (const { quantizationSlot } of frame.components) {
    if (!quantization.has(quantizationSlot)) unsound("no such quantization table");
  }
  return {
    frame,
    coefficients: reader.finish(),
    quantization,
    metadata: list.filter(isMetadata),
    trailer: source.subarray(imageEnd),
  };
};

const readQuantizationTables = (data: Uint8Array, slots: Map<number, QuantizationTable>): void => {
  let at = 0;
  while (at < data.length) {
    const where = data[at] ?? 0;
    const precision = where >> 4;
    const length = precision === 0 ? 64 : 128;
    const values = data.subarray(at + 1, at + 1 + length);
    if (precision > 1 || (where & 15) > 3 || values.length !== length) unsound("quantization table");
    slots.set(where & 15, { precision, values });
    at += 1 + length;
  }
};
