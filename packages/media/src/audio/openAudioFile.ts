import type { MediaIndexMemory, SourceRange } from "../contract.ts";
import { AUDIO_TICKS_PER_SECOND, type AudioFile } from "./contract.ts";
import { frameBytesOf, frameTicksOf, isMonoHeader, layerOf, sampleRateOf } from "./frameHeader.ts";
import { AUDIO_INDEX_MAGIC, CHECKPOINT_FRAMES, FIELDS, headerOfWord, layoutOf, reachBackOfWord } from "./frameTable.ts";

/** Whether the memory holds an index of MPEG audio, and not one of a movie. */
export const isAudioIndex = (memory: MediaIndexMemory): boolean =>
  memory.byteLength >= 8 && new Uint32Array(memory, 0, 1)[0] === AUDIO_INDEX_MAGIC;

/** `memory` as `AudioIndexer.finish` gave it. */
export const openAudioFile = (memory: MediaIndexMemory): AudioFile => new IndexedAudioFile(memory);

class IndexedAudioFile implements AudioFile {
  readonly fileBytes: number;
  readonly isComplete: boolean;
  readonly frameCount: number;
  readonly durationTicks: number;
  readonly durationSeconds: number;
  readonly audioBytes: number;
  readonly meanBitsPerSecond: number;
  readonly peakBitsPerSecond: number;
  readonly isVariable: boolean;
  readonly layer: 2 | 3;
  readonly sampleRateHz: number;
  readonly channelCount: 1 | 2;
  readonly encoderDelaySamples: number | undefined;
  readonly encoderPaddingSamples: number | undefined;
  readonly #runFirst: Float64Array;
  readonly #runPositions: Float64Array;
  readonly #runTicks: Float64Array;
  readonly #runHeaders: Uint32Array;
  readonly #checkpoints: Float64Array;
  readonly #words: Uint16Array;

  constructor(memory: MediaIndexMemory) {
    const head = new Float64Array(memory, 0, Math.max(...Object.values(FIELDS)) + 1);
    const field = (slot: number): number => head[slot] ?? 0;
    const runs = field(FIELDS.runs);
    this.fileBytes = field(FIELDS.fileBytes);
    this.frameCount = field(FIELDS.frames);
    this.durationTicks = field(FIELDS.ticks);
    this.durationSeconds = this.durationTicks / AUDIO_TICKS_PER_SECOND;
    this.audioBytes = field(FIELDS.audioBytes);
    this.meanBitsPerSecond = Math.round((this.audioBytes * 8) / this.durationSeconds);
    this.peakBitsPerSecond = field(FIELDS.peakBitsPerSecond);
    this.isComplete = field(FIELDS.isComplete) === 1;
    this.isVariable = field(FIELDS.isVariable) === 1;
    const delaySamples = field(FIELDS.delaySamples);
    const paddingSamples = field(FIELDS.paddingSamples);
    this.encoderDelaySamples = delaySamples < 0 ? undefined : delaySamples;
    this.encoderPaddingSamples = paddingSamples < 0 ? undefined : paddingSamples;
    const layout = layoutOf(this.frameCount, runs);
    this.#runFirst = new Float64Array(memory, layout.runColumns, runs);
    this.#runPositions = new Float64Array(memory, layout.runColumns + runs * 8, runs);
    this.#runTicks = new Float64Array(memory, layout.runColumns + runs * 16, runs);
    this.#checkpoints = new Float64Array(memory, layout.checkpoints, layout.checkpointCount);
    this.#runHeaders = new Uint32Array(memory, layout.headers, runs);
    this.#words = new Uint16Array(memory, layout.words, this.frameCount);
    const first = this.headerOf(0);
    this.layer = layerOf(first);
    this.sampleRateHz = sampleRateOf(first);
    this.channelCount = isMonoHeader(first) ? 1 : 2;
  }

  ticksOf(frame: number): number {
    if (frame >= this.frameCount) return this.durationTicks;
    const run = lastAtOrBefore(this.#runFirst, frame);
    return this.#at(this.#runTicks, run) + (frame - this.#at(this.#runFirst, run)) * this.#frameTicksIn(run);
  }

  frameAt(ticks: number): number {
    const run = lastAtOrBefore(this.#runTicks, ticks);
    const frame =
      this.#at(this.#runFirst, run) + Math.floor((ticks - this.#at(this.#runTicks, run)) / this.#frameTicksIn(run));
    return Math.min(Math.max(frame, 0), this.frameCount - 1);
  }

  offsetOf(frame: number): number {
    const run = lastAtOrBefore(this.#runFirst, frame);
    const checkpoint = frame - (frame % CHECKPOINT_FRAMES);
    const runFirst = this.#at(this.#runFirst, run);
    const isInRun = checkpoint >= runFirst;
    const first = isInRun ? checkpoint : runFirst;
    let offset = isInRun
      ? this.#at(this.#checkpoints, checkpoint / CHECKPOINT_FRAMES)
      : this.#at(this.#runPositions, run);
    const header = this.#at(this.#runHeaders, run);
    for (let index = first; index < frame; index++)
      offset += frameBytesOf(headerOfWord(header, this.#at(this.#words, index)));
    return offset;
  }

  sizeOf(frame: number): number {
    return frameBytesOf(this.headerOf(frame));
  }

  reachBackOf(frame: number): number {
    return reachBackOfWord(this.#at(this.#words, frame));
  }

  headerOf(frame: number): number {
    const run = lastAtOrBefore(this.#runFirst, frame);
    return headerOfWord(this.#at(this.#runHeaders, run), this.#at(this.#words, frame));
  }

  runStartOf(frame: number): number {
    return this.#at(this.#runFirst, lastAtOrBefore(this.#runFirst, frame));
  }

  rangesOf(first: number, end: number): readonly SourceRange[] {
    const ranges: { start: number; end: number }[] = [];
    let frame = first;
    for (let run = lastAtOrBefore(this.#runFirst, first); frame < end; run++) {
      const runEnd = Math.min(end, this.#runFirst[run + 1] ?? this.frameCount);
      const start = this.offsetOf(frame);
      const rangeEnd = this.offsetOf(runEnd - 1) + this.sizeOf(runEnd - 1);
      const last = ranges[ranges.length - 1];
      if (last?.end === start) last.end = rangeEnd;
      else ranges.push({ start, end: rangeEnd });
      frame = runEnd;
    }
    return ranges;
  }

  bytesOf(first: number, end: number): number {
    return this.rangesOf(first, end).reduce((sum, range) => sum + range.end - range.start, 0);
  }

  #frameTicksIn(run: number): number {
    return frameTicksOf(this.#at(this.#runHeaders, run));
  }

  #at(column: ArrayLike<number>, index: number): number {
    return column[index] ?? 0;
  }
}

/** The last element that is not above the value, 0 when there is none; elements ascend. */
const lastAtOrBefore = (column: Float64Array, value: number): number => {
  let low = 0;
  let high = column.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((column[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
};
