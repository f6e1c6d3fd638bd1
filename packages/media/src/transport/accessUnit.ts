import type { PacketWriter } from "./packetWriter.ts";
import { avcTypeOf, hevcTypeOf, type PictureFormat, START_CODE } from "./pictureFormat.ts";

/** More units than a picture has by any level of either standard: what follows them is dropped as broken. */
const MAX_UNITS = 4_096;

/** What a sample holds, as bits. */
const HAS_VIDEO_SET = 1;
const HAS_SEQUENCE_SET = 2;
const HAS_PICTURE_SET = 4;
/** Decoding can begin here, whatever the file says. */
export const IS_ENTRY_POINT = 8;
const HAS_PICTURE = 16;

/** What one look at a sample tells of it: all that is needed to know the size of its access unit. */
export interface SampleScan {
  /** Bits. */
  content: number;
  /** Of its units with start codes, delimiters left out. */
  unitBytes: number;
}

/** Length of the unit at the position; -1 where what remains of the sample is broken. */
const unitLengthAt = (memory: Uint8Array, at: number, end: number, lengthBytes: 1 | 2 | 4): number => {
  let length = 0;
  for (let index = 0; index < lengthBytes; index++) length = length * 256 + (memory[at + index] ?? 0);
  return at + lengthBytes + length <= end ? length : -1;
};

const isPicture = (format: PictureFormat, header: number): boolean => {
  if (!format.isAvc) return hevcTypeOf(header) < 32;
  const type = avcTypeOf(header);
  return type >= 1 && type <= 5;
};

const isDelimiter = (format: PictureFormat, header: number): boolean =>
  format.isAvc ? avcTypeOf(header) === 9 : hevcTypeOf(header) === 35;

const avcBitOf = (header: number): number => {
  switch (avcTypeOf(header)) {
    case 5:
      return IS_ENTRY_POINT;
    case 7:
      return HAS_SEQUENCE_SET;
    case 8:
      return HAS_PICTURE_SET;
    default:
      return 0;
  }
};

const hevcBitOf = (header: number): number => {
  const type = hevcTypeOf(header);
  if (type >= 16 && type <= 21) return IS_ENTRY_POINT;
  if (type === 32) return HAS_VIDEO_SET;
  if (type === 33) return HAS_SEQUENCE_SET;
  return type === 34 ? HAS_PICTURE_SET : 0;
};

/** Of the sample that lies at `[start, end)` of the memory; up to where a length is broken. */
export const scanSample = (
  memory: Uint8Array,
  start: number,
  end: number,
  format: PictureFormat,
  scan: SampleScan,
): void => {
  const bitOf = format.isAvc ? avcBitOf : hevcBitOf;
  const lengthBytes = format.nalLengthBytes;
  scan.content = 0;
  scan.unitBytes = 0;
  for (let at = start, unit = 0; unit < MAX_UNITS && at + lengthBytes < end; unit++) {
    const length = unitLengthAt(memory, at, end, lengthBytes);
    if (length < 0) break;
    at += lengthBytes;
    const header = memory[at] ?? 0;
    at += length;
    if (length === 0) continue;
    scan.content |= bitOf(header);
    if (isDelimiter(format, header)) continue;
    if (isPicture(format, header)) scan.content |= HAS_PICTURE;
    scan.unitBytes += START_CODE.length + length;
  }
};

const has = (content: number, bit: number): boolean => (content & bit) !== 0;

/** Whether the picture sets go in front of the first picture of a sample that has sequence sets, but not these. */
const lacksPictureSets = (content: number): boolean => has(content, HAS_SEQUENCE_SET) && !has(content, HAS_PICTURE_SET);

/** Parameter sets that go in front of a sample which is to begin with them, as far as it lacks them. */
const setsInFront = (format: PictureFormat, content: number): readonly Uint8Array[] => {
  const sets: Uint8Array[] = [];
  if (!has(content, HAS_VIDEO_SET)) sets.push(format.videoSets);
  if (has(content, HAS_SEQUENCE_SET)) return sets;
  sets.push(format.sequenceSets);
  if (!has(content, HAS_PICTURE_SET)) sets.push(format.pictureSets);
  return sets;
};

/** Length of what `putAccessUnit` puts. */
export const accessUnitBytes = (
  format: PictureFormat,
  content: number,
  unitBytes: number,
  withSets: boolean,
): number => {
  const bytes = format.delimiter.length + unitBytes;
  if (!withSets) return bytes;
  const inside = lacksPictureSets(content) && has(content, HAS_PICTURE) ? format.pictureSets.length : 0;
  return setsInFront(format, content).reduce((sum, set) => sum + set.length, bytes + inside);
};

/**
 * The access unit of the sample at `[start, end)` of the memory: a delimiter of ours in place of the sample's, the
 * parameter sets that it lacks (with `withSets`), and its units up to where a length is broken.
 */
export const putAccessUnit = (
  memory: Uint8Array,
  start: number,
  end: number,
  format: PictureFormat,
  content: number,
  withSets: boolean,
  writer: PacketWriter,
): void => {
  writer.put(format.delimiter);
  if (withSets) for (const set of setsInFront(format, content)) writer.put(set);
  let pictureSetsAreDue = withSets && lacksPictureSets(content);
  const lengthBytes = format.nalLengthBytes;
  for (let at = start, unit = 0; unit < MAX_UNITS && at + lengthBytes < end; unit++) {
    const length = unitLengthAt(memory, at, end, lengthBytes);
    if (length < 0) break;
    const from = at + lengthBytes;
    at = from + length;
    if (length === 0) continue;
    const header = memory[from] ?? 0;
    if (isDelimiter(format, header)) continue;
    if (pictureSetsAreDue && isPicture(format, header)) {
      writer.put(format.pictureSets);
      pictureSetsAreDue = false;
    }
    writer.put(START_CODE);
    writer.copy(from, length);
  }
};
