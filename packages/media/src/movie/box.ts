import { malformed } from "./malformed.ts";

/** A box of ISO/IEC 14496-12 within a view; positions are those of the view. */
export interface Box {
  readonly type: number;
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

export const typeCode = (name: string): number =>
  [...name].reduce((code, letter) => code * 256 + (letter.codePointAt(0) ?? 0), 0);

/** Four characters; what is not printable ASCII becomes a full stop. */
export const typeName = (code: number): string =>
  [24, 16, 8, 0]
    .map((shift) => (code >>> shift) & 0xff)
    .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."))
    .join("");

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const bytesOf = (view: DataView, start: number, end: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + start, end - start);

/** Undefined where 64 bits hold more than a position in a file or a time can be. */
export const safeUint64 = (view: DataView, position: number): number | undefined => {
  const value = view.getUint32(position) * 2 ** 32 + view.getUint32(position + 4);
  return Number.isSafeInteger(value) ? value : undefined;
};

/**
 * Boxes one behind the other. Less than eight bytes at the end are no box (QuickTime ends some lists with a zero).
 * Throws MalformedMovie for a box that does not fit.
 */
export function* boxesIn(view: DataView, start: number, end: number): Generator<Box, void, void> {
  let position = start;
  while (position + 8 <= end) {
    const box = boxAt(view, position, end);
    yield box;
    position = box.end;
  }
}

export const boxAt = (view: DataView, start: number, limit: number): Box => {
  const size = view.getUint32(start);
  const type = view.getUint32(start + 4);
  if (size === 0) return { type, start, contentStart: start + 8, end: limit };
  const isLong = size === 1;
  if (isLong && start + 16 > limit) malformed(`box ${typeName(type)} is cut off`);
  const length = isLong ? (safeUint64(view, start + 8) ?? Number.POSITIVE_INFINITY) : size;
  const headerBytes = isLong ? 16 : 8;
  if (length < headerBytes || start + length > limit) malformed(`box ${typeName(type)} has the wrong size`);
  return { type, start, contentStart: start + headerBytes, end: start + length };
};

/** The first child of that type. */
export const childOf = (view: DataView, parent: Box, type: number): Box | undefined => {
  for (const box of boxesIn(view, parent.contentStart, parent.end)) if (box.type === type) return box;
  return undefined;
};

/** Throws MalformedMovie unless the box has so many bytes of content. */
export const requireContent = (box: Box, byteCount: number): void => {
  if (box.end - box.contentStart < byteCount) malformed(`box ${typeName(box.type)} is too short`);
};

/** The count of a table of equal rows, which stands at `position`; throws MalformedMovie unless all of them are there. */
export const rowCount = (view: DataView, box: Box, position: number, rowBytes: number): number => {
  requireContent(box, position + 4 - box.contentStart);
  const count = view.getUint32(position);
  if (count * rowBytes > box.end - position - 4) malformed(`table ${typeName(box.type)} is longer than its box`);
  return count;
};
