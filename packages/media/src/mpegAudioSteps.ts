import { AUDIO_TICKS_PER_SECOND } from "./audio/contract.ts";
import {
  bitsPerSecondOf,
  FRAME_HEADER_BYTES,
  frameBytesOf,
  frameTicksOf,
  haveOneForm,
  sideBytesOf,
} from "./audio/frameHeader.ts";
import { MAX_HEADER_BYTES, rateOf, type Step, type Steps } from "./steps.ts";

const ID3_HEADER_BYTES = 10;
const MOST_TAGS = 4;
/** How far behind a tag the first frame may begin. */
const PADDING_BYTES = 1024;

/** Where the tags in front end; undefined for a damaged one. */
function* skipTags(): Generator<Step, number | undefined, DataView> {
  let start = 0;
  for (let count = 0; count < MOST_TAGS; count++) {
    const header = yield { start, length: ID3_HEADER_BYTES };
    if (header.getUint16(0) !== 0x4944 || header.getUint8(2) !== 0x33) return start;
    const size = header.getUint32(6);
    if ((size & 0x80808080) !== 0) return undefined;
    const contentBytes =
      ((size >>> 24) << 21) | (((size >>> 16) & 0x7f) << 14) | (((size >>> 8) & 0x7f) << 7) | (size & 0x7f);
    const hasFooter = (header.getUint8(5) & 0x10) !== 0;
    start += ID3_HEADER_BYTES + contentBytes + (hasFooter ? ID3_HEADER_BYTES : 0);
    if (start > MAX_HEADER_BYTES) return undefined;
  }
  return start;
}

interface Found {
  readonly start: number;
  readonly header: number;
}

/** The first frame; without a tag in front it has to stand at the very beginning. */
function* findFrame(tagEnd: number, totalBytes: number): Generator<Step, Found | undefined, DataView> {
  const most = tagEnd === 0 ? FRAME_HEADER_BYTES : PADDING_BYTES;
  const length = totalBytes < 0 ? most : Math.min(most, totalBytes - tagEnd);
  if (length < FRAME_HEADER_BYTES) return undefined;
  const window = yield { start: tagEnd, length };
  for (let offset = 0; offset + FRAME_HEADER_BYTES <= length; offset++) {
    const header = window.getUint32(offset);
    if (frameBytesOf(header) > 0) return { start: tagEnd + offset, header };
  }
  return undefined;
}

const XING = 0x58696e67;
const INFO = 0x496e666f;
const VBRI = 0x56425249;
const VBRI_AT = 36;
/** Up to here both kinds of header have said what counts here. */
const SUMMARY_BYTES = 56;

/** Number of frames, and of their bytes where that is said. */
const summaryOf = (content: DataView, header: number): { frames: number; byteCount: number } | undefined => {
  const xingAt = FRAME_HEADER_BYTES + sideBytesOf(header);
  const kind = content.getUint32(xingAt);
  if (kind === XING || kind === INFO) {
    const flags = content.getUint32(xingAt + 4);
    if ((flags & 1) === 0) return undefined;
    return { frames: content.getUint32(xingAt + 8), byteCount: (flags & 2) === 0 ? 0 : content.getUint32(xingAt + 12) };
  }
  if (content.getUint32(VBRI_AT) !== VBRI) return undefined;
  return { byteCount: content.getUint32(VBRI_AT + 10), frames: content.getUint32(VBRI_AT + 14) };
};

/** MP3. Recognised only by a summary, or if a second frame follows the first, or the file ends there. */
export function* readMpegAudio(totalBytes: number): Steps {
  const tagEnd = yield* skipTags();
  if (tagEnd === undefined) return undefined;
  const found = yield* findFrame(tagEnd, totalBytes);
  if (found === undefined) return undefined;
  const { start, header } = found;
  const end = start + frameBytesOf(header);
  if (end - start >= SUMMARY_BYTES) {
    const summary = summaryOf(yield { start, length: SUMMARY_BYTES }, header);
    const byteCount = summary?.byteCount || totalBytes - start;
    if (summary !== undefined && summary.frames > 0 && byteCount > 0) {
      const seconds = (summary.frames * frameTicksOf(header)) / AUDIO_TICKS_PER_SECOND;
      return { headerBytes: end, bytesPerSecond: rateOf(byteCount, seconds) };
    }
  }
  if (totalBytes !== end) {
    const next = (yield { start: end, length: FRAME_HEADER_BYTES }).getUint32(0);
    if (frameBytesOf(next) === 0 || !haveOneForm(header, next)) return undefined;
  }
  return { headerBytes: end, bytesPerSecond: bitsPerSecondOf(header) / 8 };
}
