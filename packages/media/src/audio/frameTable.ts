import {
  bitRateIndexOf,
  bitsPerSecondOf,
  frameBytesOf,
  frameTicksOf,
  hasChecksum,
  haveOneForm,
  isMonoHeader,
} from "./frameHeader.ts";

/**
 * An index of MPEG audio in one piece of memory:
 *
 * ```text
 * magic u32, 0 u32 | FIELDS f64 | runs: first frame, position, ticks f64 each | checkpoints f64 | run headers u32 | frames u16
 * ```
 *
 * A run is a series of frames of one form without gaps. A checkpoint is the position of each 64th frame. A frame's 16 bits:
 * bit rate (4), padding, one channel, checksum, `main_data_begin` (9).
 */
export const AUDIO_INDEX_MAGIC = 0x334d4142;

export const FIELDS = {
  fileBytes: 1,
  frames: 2,
  runs: 3,
  ticks: 4,
  audioBytes: 5,
  peakBitsPerSecond: 6,
  isComplete: 7,
  isVariable: 8,
  /** -1: unknown, as the next. */
  delaySamples: 9,
  paddingSamples: 10,
} as const;

const HEAD_SLOTS = 11;

export const CHECKPOINT_FRAMES = 64;

/** 58 hours and more; what is behind the last one is not analysed. */
const MAX_FRAMES = 8_000_000;
/** A file with more gaps than this is not analysed further. */
const MAX_RUNS = 65_536;

const CHUNK_FRAMES = 65_536;

export const wordOf = (header: number, reachBack: number): number =>
  (bitRateIndexOf(header) << 12) |
  (((header >>> 9) & 1) << 11) |
  (isMonoHeader(header) ? 1 << 10 : 0) |
  (hasChecksum(header) ? 1 << 9 : 0) |
  reachBack;

/** Bits of the header that a word stands for. */
const WORD_MASK = 0x0001f200;
const MODE_MASK = 0xc0;

export const headerOfWord = (runHeader: number, word: number): number => {
  const isMono = (word & (1 << 10)) !== 0;
  const mode = isMono ? MODE_MASK : isMonoHeader(runHeader) ? 0 : runHeader & MODE_MASK;
  const bits = ((word >>> 12) << 12) | (((word >>> 11) & 1) << 9) | ((word & (1 << 9)) === 0 ? 1 << 16 : 0);
  return ((runHeader & ~(WORD_MASK | MODE_MASK)) | bits | mode) >>> 0;
};

export const reachBackOfWord = (word: number): number => word & 0x1ff;

/** Where the columns of an index begin, in bytes. */
export const layoutOf = (frames: number, runs: number) => {
  const runColumns = HEAD_SLOTS * 8;
  const checkpoints = runColumns + runs * 24;
  const checkpointCount = Math.ceil(frames / CHECKPOINT_FRAMES);
  const headers = checkpoints + checkpointCount * 8;
  const words = headers + runs * 4;
  return { runColumns, checkpoints, checkpointCount, headers, words, totalBytes: words + frames * 2 };
};

export interface FrameTableEnd {
  readonly fileBytes: number;
  readonly isComplete: boolean;
  readonly delaySamples: number | undefined;
  readonly paddingSamples: number | undefined;
}

/** Takes the frames of a file in, in their order. */
export class FrameTable {
  readonly #chunks: Uint16Array[] = [];
  readonly #checkpoints: number[] = [];
  readonly #runFirst: number[] = [];
  readonly #runPositions: number[] = [];
  readonly #runTicks: number[] = [];
  readonly #runHeaders: number[] = [];
  #frames = 0;
  #ticks = 0;
  #audioBytes = 0;
  #endPosition = -1;
  #header = 0;
  #bitsPerSecond = 0;
  #peakBitsPerSecond = 0;
  #isVariable = false;

  get frameCount(): number {
    return this.#frames;
  }

  /** False when there is room for no more. */
  append(position: number, header: number, reachBack: number): boolean {
    if (this.#frames === MAX_FRAMES) return false;
    if (position !== this.#endPosition || !haveOneForm(header, this.#header)) {
      if (this.#runFirst.length === MAX_RUNS) return false;
      this.#beginRun(position, header);
    }
    const within = this.#frames % CHUNK_FRAMES;
    if (within === 0) this.#chunks.push(new Uint16Array(CHUNK_FRAMES));
    const chunk = this.#chunks[this.#chunks.length - 1];
    if (chunk !== undefined) chunk[within] = wordOf(header, reachBack);
    if (this.#frames % CHECKPOINT_FRAMES === 0) this.#checkpoints.push(position);
    const byteCount = frameBytesOf(header);
    this.#noteBitRate(bitsPerSecondOf(header));
    this.#frames++;
    this.#header = header;
    this.#ticks += frameTicksOf(header);
    this.#audioBytes += byteCount;
    this.#endPosition = position + byteCount;
    return true;
  }

  /** Takes back the last frame if it ends behind `end`, since the file does not have all of it. */
  dropCutFrame(end: number): void {
    if (this.#frames === 0 || this.#endPosition <= end) return;
    this.#frames--;
    const byteCount = frameBytesOf(this.#header);
    this.#ticks -= frameTicksOf(this.#header);
    this.#audioBytes -= byteCount;
    this.#endPosition -= byteCount;
    if (this.#frames % CHECKPOINT_FRAMES === 0) this.#checkpoints.pop();
    if (this.#runFirst[this.#runFirst.length - 1] === this.#frames) {
      for (const column of [this.#runFirst, this.#runPositions, this.#runTicks, this.#runHeaders]) column.pop();
    }
  }

  encode(end: FrameTableEnd): SharedArrayBuffer {
    const runs = this.#runFirst.length;
    const layout = layoutOf(this.#frames, runs);
    const memory = new SharedArrayBuffer(layout.totalBytes);
    new Uint32Array(memory, 0, 2)[0] = AUDIO_INDEX_MAGIC;
    const head = new Float64Array(memory, 0, HEAD_SLOTS);
    head[FIELDS.fileBytes] = end.fileBytes;
    head[FIELDS.frames] = this.#frames;
    head[FIELDS.runs] = runs;
    head[FIELDS.ticks] = this.#ticks;
    head[FIELDS.audioBytes] = this.#audioBytes;
    head[FIELDS.peakBitsPerSecond] = this.#peakBitsPerSecond;
    head[FIELDS.isComplete] = end.isComplete ? 1 : 0;
    head[FIELDS.isVariable] = this.#isVariable ? 1 : 0;
    head[FIELDS.delaySamples] = end.delaySamples ?? -1;
    head[FIELDS.paddingSamples] = end.paddingSamples ?? -1;
    const runColumns = new Float64Array(memory, layout.runColumns, runs * 3);
    runColumns.set(this.#runFirst);
    runColumns.set(this.#runPositions, runs);
    runColumns.set(this.#runTicks, runs * 2);
    new Float64Array(memory, layout.checkpoints, layout.checkpointCount).set(this.#checkpoints);
    new Uint32Array(memory, layout.headers, runs).set(this.#runHeaders);
    const words = new Uint16Array(memory, layout.words, this.#frames);
    for (const [index, chunk] of this.#chunks.entries()) {
      const start = index * CHUNK_FRAMES;
      words.set(chunk.subarray(0, Math.max(0, this.#frames - start)), start);
    }
    return memory;
  }

  #beginRun(position: number, header: number): void {
    this.#runFirst.push(this.#frames);
    this.#runPositions.push(position);
    this.#runTicks.push(this.#ticks);
    this.#runHeaders.push(header);
  }

  #noteBitRate(bitsPerSecond: number): void {
    if (bitsPerSecond === this.#bitsPerSecond) return;
    this.#isVariable = this.#isVariable || this.#frames > 0;
    this.#bitsPerSecond = bitsPerSecond;
    this.#peakBitsPerSecond = Math.max(this.#peakBitsPerSecond, bitsPerSecond);
  }
}
