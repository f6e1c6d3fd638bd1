import { MAX_HEADER_BYTES, rateOf, type Step, type Steps } from "./steps.ts";

interface Frame {
  readonly byteCount: number;
  readonly bytesPerSecond: number;
  readonly sampleRate: number;
  readonly samples: number;
  /** Of the side information, behind which a Xing header begins. */
  readonly sideBytes: number;
}

/** Kbps of layer III by the four bits of a frame header; 0: free format, which says nothing. */
const KILOBITS_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KILOBITS_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const SAMPLE_RATES = [44_100, 48_000, 32_000];

const FRAME_HEADER_BYTES = 4;

/** ISO/IEC 11172-3 and 13818-3, layer III only; undefined for what is no header of a frame. */
const parseFrame = (header: number): Frame | undefined => {
  if (header >>> 21 !== 0x7ff || ((header >>> 17) & 3) !== 1) return undefined;
  const version = (header >>> 19) & 3;
  if (version === 1) return undefined;
  const isFirst = version === 3;
  const kilobits = (isFirst ? KILOBITS_1 : KILOBITS_2)[(header >>> 12) & 15] ?? 0;
  const baseRate = SAMPLE_RATES[(header >>> 10) & 3] ?? 0;
  if (kilobits === 0 || baseRate === 0) return undefined;
  const sampleRate = isFirst ? baseRate : version === 2 ? baseRate / 2 : baseRate / 4;
  const samples = isFirst ? 1_152 : 576;
  const isMono = ((header >>> 6) & 3) === 3;
  const bytesPerSecond = kilobits * 125;
  return {
    byteCount: Math.floor(((samples / 8) * kilobits * 1000) / sampleRate) + ((header >>> 9) & 1),
    bytesPerSecond,
    sampleRate,
    samples,
    sideBytes: isFirst ? (isMono ? 17 : 32) : isMono ? 9 : 17,
  };
};

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
  readonly frame: Frame;
}

/** The first frame; without a tag in front it has to stand at the very beginning. */
function* findFrame(tagEnd: number, totalBytes: number): Generator<Step, Found | undefined, DataView> {
  const most = tagEnd === 0 ? FRAME_HEADER_BYTES : PADDING_BYTES;
  const length = totalBytes < 0 ? most : Math.min(most, totalBytes - tagEnd);
  if (length < FRAME_HEADER_BYTES) return undefined;
  const window = yield { start: tagEnd, length };
  for (let offset = 0; offset + FRAME_HEADER_BYTES <= length; offset++) {
    const frame = parseFrame(window.getUint32(offset));
    if (frame !== undefined) return { start: tagEnd + offset, frame };
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
const summaryOf = (content: DataView, { sideBytes }: Frame): { frames: number; byteCount: number } | undefined => {
  const xingAt = FRAME_HEADER_BYTES + sideBytes;
  const kind = content.getUint32(xingAt);
  if (kind === XING || kind === INFO) {
    const flags = content.getUint32(xingAt + 4);
    if ((flags & 1) === 0) return undefined;
    return { frames: content.getUint32(xingAt + 8), byteCount: (flags & 2) === 0 ? 0 : content.getUint32(xingAt + 12) };
  }
  if (content.getUint32(VBRI_AT) !== VBRI) return undefined;
  return { byteCount: content.getUint32(VBRI_AT + 10), frames: content.getUint32(VBRI_AT + 14) };
};

/** MP3. Recognised only if a second frame follows the first, or the file ends there. */
export function* readMpegAudio(totalBytes: number): Steps {
  const tagEnd = yield* skipTags();
  if (tagEnd === undefined) return undefined;
  const found = yield* findFrame(tagEnd, totalBytes);
  if (found === undefined) return undefined;
  const { start, frame } = found;
  let bytesPerSecond: number | undefined = frame.bytesPerSecond;
  if (frame.byteCount >= SUMMARY_BYTES) {
    const summary = summaryOf(yield { start, length: SUMMARY_BYTES }, frame);
    const byteCount = summary?.byteCount || totalBytes - start;
    if (summary !== undefined && summary.frames > 0 && byteCount > 0) {
      bytesPerSecond = rateOf(byteCount, (summary.frames * frame.samples) / frame.sampleRate);
    }
  }
  const end = start + frame.byteCount;
  if (totalBytes !== end) {
    const next = yield { start: end, length: FRAME_HEADER_BYTES };
    if (parseFrame(next.getUint32(0)) === undefined) return undefined;
  }
  return { headerBytes: end, bytesPerSecond };
}
