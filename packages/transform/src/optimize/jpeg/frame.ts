import { MARKER, type Segment } from "./segments.ts";
import { unsound } from "./unsound.ts";

export interface Component {
  readonly id: number;
  readonly horizontal: number;
  readonly vertical: number;
  readonly quantizationSlot: number;
  /** Blocks that hold pixels; those that only fill up an MCU are not kept. */
  readonly blocksWide: number;
  readonly blocksHigh: number;
}

export interface Frame {
  readonly isProgressive: boolean;
  readonly width: number;
  readonly height: number;
  readonly components: readonly Component[];
  readonly mcusWide: number;
  readonly mcusHigh: number;
  readonly blocks: number;
}

/** Blocks of an MCU of several components (T.81 B.2.3). */
export const MCU_BLOCK_LIMIT = 10;

/** Reads SOF0 to SOF2 with 8 bits per sample; others are not recoded. */
export const readFrame = (source: Uint8Array, { marker, dataStart, end }: Segment): Frame => {
  if (marker !== MARKER.SOF0 && marker !== MARKER.SOF1 && marker !== MARKER.SOF2) unsound("kind of frame");
  const data = source.subarray(dataStart, end);
  const [precision = 0, heightHigh = 0, heightLow = 0, widthHigh = 0, widthLow = 0, count = 0] = data;
  const height = (heightHigh << 8) | heightLow;
  const width = (widthHigh << 8) | widthLow;
  if (precision !== 8 || height === 0 || width === 0) unsound("precision or size");
  if (count < 1 || count > 4 || data.length !== 6 + 3 * count) unsound("number of components");

  const declared = Array.from({ length: count }, (_, index) => {
    const [id = 0, sampling = 0, quantizationSlot = 0] = data.subarray(6 + 3 * index);
    const horizontal = sampling >> 4;
    const vertical = sampling & 15;
    if (horizontal < 1 || horizontal > 4 || vertical < 1 || vertical > 4 || quantizationSlot > 3) unsound("sampling");
    return { id, horizontal, vertical, quantizationSlot };
  });
  if (new Set(declared.map(({ id }) => id)).size !== count) unsound("two components of one id");

  const mostHorizontal = Math.max(...declared.map(({ horizontal }) => horizontal));
  const mostVertical = Math.max(...declared.map(({ vertical }) => vertical));
  const components = declared.map((component) => ({
    ...component,
    blocksWide: Math.ceil(Math.ceil((width * component.horizontal) / mostHorizontal) / 8),
    blocksHigh: Math.ceil(Math.ceil((height * component.vertical) / mostVertical) / 8),
  }));
  return {
    isProgressive: marker === MARKER.SOF2,
    width,
    height,
    components,
    mcusWide: Math.ceil(width / (8 * mostHorizontal)),
    mcusHigh: Math.ceil(height / (8 * mostVertical)),
    blocks: components.reduce((sum, { blocksWide, blocksHigh }) => sum + blocksWide * blocksHigh, 0),
  };
};

export interface ScanComponent {
  readonly index: number;
  readonly component: Component;
  readonly dcSlot: number;
  readonly acSlot: number;
}

export interface ScanHeader {
  readonly components: readonly ScanComponent[];
  readonly spectralStart: number;
  readonly spectralEnd: number;
  readonly approximationHigh: number;
  readonly approximationLow: number;
}

export const readScanHeader = (source: Uint8Array, { dataStart, end }: Segment, frame: Frame): ScanHeader => {
  const data = source.subarray(dataStart, end);
  const count = data[0] ?? 0;
  if (count < 1 || count > 4 || data.length !== 4 + 2 * count) unsound("scan header");
  const components = Array.from({ length: count }, (_, place): ScanComponent => {
    const [id = 0, slots = 0] = data.subarray(1 + 2 * place);
    const index = frame.components.findIndex((candidate) => candidate.id === id);
    const component = frame.components[index] ?? unsound("scan of an unknown component");
    const dcSlot = slots >> 4;
    const acSlot = slots & 15;
    if (dcSlot > 3 || acSlot > 3) unsound("slot of a Huffman table");
    return { index, component, dcSlot, acSlot };
  });
  if (new Set(components.map(({ index }) => index)).size !== count) unsound("component twice in a scan");
  const blocks = components.reduce((sum, { component }) => sum + component.horizontal * component.vertical, 0);
  if (count > 1 && blocks > MCU_BLOCK_LIMIT) unsound("blocks of an MCU");
  const [spectralStart = 0, spectralEnd = 0, approximation = 0] = data.subarray(1 + 2 * count);
  return {
    components,
    spectralStart,
    spectralEnd,
    approximationHigh: approximation >> 4,
    approximationLow: approximation & 15,
  };
};
