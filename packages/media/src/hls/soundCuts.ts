import type { TrackSequence } from "./trackSequence.ts";

/** Pictures at the end in the order of decoding among which the one is that is shown last. */
const LAST_PICTURES = 16;

/** Cuts behind the last picture keep this distance from it, so that the clock of pictures and that of sound do not meet. */
const BEHIND_PICTURE_SECONDS = 0.001;

/** So much sound or less, which most films have behind their last picture, is no segment of its own. */
const TRAILING_SECONDS = 1;

/** Where sound goes on behind the last picture, seconds: each next cut is told by the one in front (MEDIA-30). */
export class SoundCuts {
  readonly #sound: TrackSequence;
  readonly #earliestSeconds: number;
  readonly #latestSeconds: number;
  readonly #endSeconds: number;

  constructor(pictures: TrackSequence, sound: TrackSequence, endSeconds: number) {
    this.#sound = sound;
    this.#earliestSeconds = lastShownSeconds(pictures) + BEHIND_PICTURE_SECONDS;
    this.#latestSeconds = Math.min(endSeconds, this.#secondsAt(sound.length)) - TRAILING_SECONDS;
    this.#endSeconds = endSeconds;
  }

  /**
   * As with key frames: the last frame of sound that begins not later than `wantedSeconds` behind the start, and if there
   * is none, the next one. Undefined: the segment reaches to the end.
   */
  after(startSeconds: number, wantedSeconds: number): number | undefined {
    if (startSeconds + wantedSeconds >= this.#endSeconds) return undefined;
    const seconds = this.#lastUntil(startSeconds, startSeconds + wantedSeconds) ?? this.#firstBehind(startSeconds);
    return seconds !== undefined && seconds <= this.#latestSeconds ? seconds : undefined;
  }

  #lastUntil(startSeconds: number, seconds: number): number | undefined {
    const position = this.#positionAt(Math.floor(seconds * this.#sound.track.timescale));
    const found = position < 0 ? undefined : this.#secondsAt(position);
    return found !== undefined && found > startSeconds && found >= this.#earliestSeconds ? found : undefined;
  }

  #firstBehind(startSeconds: number): number | undefined {
    const { timescale } = this.#sound.track;
    const units = Math.max(Math.floor(startSeconds * timescale) + 1, Math.ceil(this.#earliestSeconds * timescale));
    const position = this.#positionAt(units - 1) + 1;
    const found = position < this.#sound.length ? this.#secondsAt(position) : undefined;
    return found !== undefined && found > startSeconds ? found : undefined;
  }

  /** The last frame that begins at or before the time of presentation. */
  #positionAt(units: number): number {
    return this.#sound.positionByDecodeTime(units - this.#shift());
  }

  #secondsAt(position: number): number {
    return (this.#sound.decodeTimeAt(position) + this.#shift()) / this.#sound.track.timescale;
  }

  #shift(): number {
    return this.#sound.offsetAt(0) + this.#sound.presentationShift;
  }
}

function lastShownSeconds(pictures: TrackSequence): number {
  let last = Number.NEGATIVE_INFINITY;
  for (let position = Math.max(0, pictures.length - LAST_PICTURES); position < pictures.length; position++)
    last = Math.max(last, pictures.presentationTimeAt(position));
  return last / pictures.track.timescale;
}
