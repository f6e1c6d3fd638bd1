import type { MovieTrack, SampleRun, TimelineTrack } from "../movie/contract.ts";
import { durationOf, type PresentedTrack, presentationOf } from "./presentation.ts";

/** Runs of one track as they come about, and where the next can begin. */
export class TrackRuns {
  readonly presented: PresentedTrack;
  readonly #runs: SampleRun[] = [];
  #mediaStartUnits = 0;
  #delayUnits = 0;
  #lastDecodeTime = -1;
  #decodeEnd = 0;
  #sampleCount = 0;

  constructor(presented: PresentedTrack) {
    this.presented = presented;
  }

  get track(): MovieTrack {
    return this.presented.track;
  }

  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  /** Of all runs so far. */
  get sampleCount(): number {
    return this.#sampleCount;
  }

  /** Decode time at which the last sample ends. */
  get decodeEnd(): number {
    return this.#decodeEnd;
  }

  /** Decode time of the new timeline less presentation time, but for the composition offset. */
  get decodeShift(): number {
    return this.#mediaStartUnits - this.#delayUnits;
  }

  /**
   * The first run of the track, its first sample presented at the time; what would be shown before 0 is decoded and not
   * shown. `mediaStartUnits`: composition time of what is shown first.
   */
  begin(first: number, end: number, presentationUnits: number, mediaStartUnits: number): void {
    const delay = Math.round(presentationUnits) - this.track.compositionOffsetOf(first) + mediaStartUnits;
    this.#mediaStartUnits = mediaStartUnits + Math.max(0, -delay);
    this.#delayUnits = Math.max(0, delay);
    this.#push(first, end, 0);
  }

  /**
   * Another run, at the decode time or, where samples lie there already, right behind them. Answers when its first sample is
   * presented.
   */
  append(first: number, end: number, decodeTime: number): number {
    const placed = Math.max(Math.round(decodeTime), this.#lastDecodeTime + 1);
    this.#push(first, end, placed);
    return placed + this.track.compositionOffsetOf(first) - this.decodeShift;
  }

  /** Goes on with the last run behind samples that are left out; what is kept keeps its time. */
  resume(first: number, end: number): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && first < end) {
      this.#push(first, end, last.decodeTime + this.track.decodeTimeOf(first) - this.track.decodeTimeOf(last.first));
    }
  }

  /** What follows may begin here, in the middle of the last sample. */
  endAt(decodeTime: number): void {
    this.#decodeEnd = Math.min(this.#decodeEnd, Math.max(Math.round(decodeTime), this.#lastDecodeTime + 1));
  }

  /** Whether these are all samples of the track. */
  isWhole(): boolean {
    const [only, ...others] = this.#runs;
    return only !== undefined && others.length === 0 && only.first === 0 && only.end === this.track.sampleCount;
  }

  finish(): TimelineTrack {
    return {
      track: this.track,
      runs: this.#runs,
      mediaStartUnits: this.#mediaStartUnits,
      delayUnits: this.#delayUnits,
    };
  }

  #push(first: number, end: number, decodeTime: number): void {
    const { track } = this;
    const last = this.#runs.at(-1);
    const start = track.decodeTimeOf(first);
    this.#sampleCount += end - first;
    this.#decodeEnd = decodeTime + track.decodeTimeOf(end) - start;
    this.#lastDecodeTime = this.#decodeEnd - durationOf(track, end - 1);
    if (last?.end === first && decodeTime === last.decodeTime + start - track.decodeTimeOf(last.first)) {
      this.#runs[this.#runs.length - 1] = { first: last.first, end, decodeTime: last.decodeTime };
    } else {
      this.#runs.push({ first, end, decodeTime });
    }
  }
}

/** A track from its beginning, with the edits of the source: up to `end`, `startUnits` being the new 0. */
export const beginAsInSource = (runs: TrackRuns, end: number): void => {
  runs.begin(0, end, presentationOf(runs.presented, 0), runs.track.mediaStartUnits);
};
