import type { Movie, MovieTrack } from "../movie/contract.ts";
import { editedUnits } from "./editedUnits.ts";

/** Samples behind the last key frame in which the one that is shown last is looked for. */
const LAST_SAMPLES = 64;

/** A track with what lies between its composition times and the time at which they are shown. */
export interface PresentedTrack {
  readonly track: MovieTrack;
  /** Presentation time = composition time + this, units of the track. */
  readonly shiftUnits: number;
  /** Where the track's last sample, or its edit, ends: presentation time in units of the track. */
  readonly endUnits: number;
}

export interface PresentedMovie {
  /** Those that are kept and have samples, in the order of the file. */
  readonly tracks: readonly PresentedTrack[];
  /** End of the longest track of sound or picture. */
  readonly endSeconds: number;
}

export const durationOf = (track: MovieTrack, sample: number): number =>
  track.decodeTimeOf(sample + 1) - track.decodeTimeOf(sample);

export const compositionOf = (track: MovieTrack, sample: number): number =>
  track.decodeTimeOf(sample) + track.compositionOffsetOf(sample);

export const presentationOf = ({ track, shiftUnits }: PresentedTrack, sample: number): number =>
  compositionOf(track, sample) + shiftUnits;

/** The first sample whose decode time is at or behind the time; `sampleCount` when there is none. */
export const sampleAtOrAfter = (track: MovieTrack, decodeTime: number): number => {
  const before = track.sampleAt(decodeTime);
  return before >= 0 && track.decodeTimeOf(before) >= decodeTime ? before : before + 1;
};

/** Key frames whose composition offset differs from their neighbours' are looked for this far. */
const KEY_FRAME_STEPS = 32;

/** The first key frame behind the sample; `sampleCount` when there is none. */
export const nextKeyFrame = (track: MovieTrack, sample: number): number =>
  sample + 1 >= track.sampleCount ? track.sampleCount : track.syncAtOrAfter(sample + 1);

/** The last key frame that is presented at or before the time; -1 when there is none. */
export const keyFrameAtOrBefore = (presented: PresentedTrack, units: number): number => {
  const { track } = presented;
  const keyBefore = (sample: number): number => (sample < 0 ? -1 : track.syncAtOrBefore(sample));
  let key = keyBefore(track.sampleAt(units - presented.shiftUnits));
  for (let step = 0; step < KEY_FRAME_STEPS && key >= 0 && presentationOf(presented, key) > units; step += 1) {
    key = keyBefore(key - 1);
  }
  for (let step = 0; step < KEY_FRAME_STEPS; step += 1) {
    const next = nextKeyFrame(track, key);
    if (next >= track.sampleCount || presentationOf(presented, next) > units) {
      break;
    }
    key = next;
  }
  return key;
};

const lastCompositionOf = (track: MovieTrack): number => {
  let last = 0;
  for (let sample = Math.max(0, track.sampleCount - LAST_SAMPLES); sample < track.sampleCount; sample += 1) {
    last = Math.max(last, compositionOf(track, sample) + durationOf(track, sample));
  }
  return last;
};

const beginningSecondsOf = (track: MovieTrack): number =>
  (compositionOf(track, 0) + track.delayUnits - track.mediaStartUnits) / track.timescale;

/**
 * The tracks that are kept: sound and picture, or all. Fragments of a live recording may begin at any time: a fragmented
 * file counts from where its first track does.
 */
export const presentMovie = (movie: Movie, allTracks: boolean): PresentedMovie => {
  const kept = movie.tracks.filter(
    (track) => track.sampleCount > 0 && (allTracks || track.kind === "video" || track.kind === "audio"),
  );
  const beginnings = movie.isFragmented ? kept.map((track) => beginningSecondsOf(track)) : [];
  const originSeconds = beginnings.length === 0 ? 0 : Math.max(0, Math.min(...beginnings));
  const tracks = kept.map((track): PresentedTrack => {
    const shiftUnits = track.delayUnits - track.mediaStartUnits - Math.round(originSeconds * track.timescale);
    const bySamples = lastCompositionOf(track) + shiftUnits;
    const edited = movie.isFragmented ? undefined : editedUnits(track, movie.timescale);
    return {
      track,
      shiftUnits,
      endUnits: edited === undefined ? bySamples : Math.min(bySamples, track.delayUnits + edited),
    };
  });
  const lasting = tracks.filter(({ track }) => track.kind === "video" || track.kind === "audio");
  const ends = (lasting.length > 0 ? lasting : tracks).map(({ track, endUnits }) => endUnits / track.timescale);
  return { tracks, endSeconds: Math.max(0, ...ends) };
};
