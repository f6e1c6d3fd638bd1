import { contentOf } from "./boxTree.ts";
import { type BoxWriter, fitsUnsigned32 } from "./boxWriter.ts";

/** What mvhd, tkhd and mdhd have in common: version, times, a few words, a duration, and the rest. */
interface DurationHead {
  readonly flags: number;
  readonly creationTime: number;
  readonly modificationTime: number;
  /** mvhd, mdhd: time scale; tkhd: track number, reserved. */
  readonly words: readonly number[];
  /** Behind the duration. */
  readonly rest: Uint8Array;
}

/** Lengths of what follows the duration, which the formats fix. */
const REST_BYTES = { mvhd: 80, tkhd: 60, mdhd: 4 } as const;

type HeadType = keyof typeof REST_BYTES;

const readHead = (type: HeadType, box: Uint8Array): DurationHead | undefined => {
  const content = contentOf(box);
  const wordCount = type === "tkhd" ? 2 : 1;
  const isLong = content[0] === 1;
  const timeBytes = isLong ? 8 : 4;
  const wordsAt = 4 + 2 * timeBytes;
  const restAt = wordsAt + wordCount * 4 + timeBytes;
  if (content.byteLength < restAt + REST_BYTES[type]) {
    return undefined;
  }
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const timeAt = (at: number): number => (isLong ? Number(view.getBigUint64(at)) : view.getUint32(at));
  return {
    flags: view.getUint32(0) & 0xff_ff_ff,
    creationTime: timeAt(4),
    modificationTime: timeAt(4 + timeBytes),
    words: Array.from({ length: wordCount }, (_, word) => view.getUint32(wordsAt + word * 4)),
    rest: content.subarray(restAt, restAt + REST_BYTES[type]),
  };
};

/** Times of the poster, the preview and the selection in a QuickTime mvhd, which are of the source. */
const MVHD_TIMES = { start: 52, end: 76 };

/** Writes the box anew; false where it is too short to be one. */
export const writeDurationHead = (
  writer: BoxWriter,
  type: HeadType,
  box: Uint8Array,
  changed: { readonly durationUnits: number; readonly timescale?: number },
): boolean => {
  const head = readHead(type, box);
  if (head === undefined) {
    return false;
  }
  const { creationTime, modificationTime } = head;
  const isLong = ![creationTime, modificationTime, changed.durationUnits].every(fitsUnsigned32);
  const writeTime = (time: number): void => (isLong ? writer.unsigned64(time) : writer.unsigned32(time));
  writer.fullBox(type, (isLong ? 0x01_00_00_00 : 0) + head.flags, () => {
    writeTime(creationTime);
    writeTime(modificationTime);
    for (const [position, word] of head.words.entries()) {
      writer.unsigned32(position === 0 ? (changed.timescale ?? word) : word);
    }
    writeTime(changed.durationUnits);
    const rest = Uint8Array.from(head.rest);
    if (type === "mvhd") {
      rest.fill(0, MVHD_TIMES.start, MVHD_TIMES.end);
    }
    writer.bytes(rest);
  });
  return true;
};
