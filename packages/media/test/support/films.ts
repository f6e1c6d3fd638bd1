import type { Cut, RecipePiece, Section } from "../../src/contract.ts";
import type { MediaOutcome, MovieTimeline, TimelineTrack } from "../../src/index.ts";
import { decodeRecipe } from "../../src/recipe.ts";
import type { SamplePlan, TrackPlan } from "./boxes.ts";
import { aacEntry, avcEntry } from "./entries.ts";

export const FRAME_UNITS = 512;
export const PICTURE_TIMESCALE = 12_800;
export const SOUND_TIMESCALE = 48_000;
export const SOUND_FRAME_UNITS = 1024;

/** 25 pictures a second, a key frame every so many; `offsets` are composition offsets in frames, repeated. */
export const pictures = (
  frames: number,
  keyEvery: number,
  offsets: readonly number[] = [0],
  more: Partial<TrackPlan> = {},
): TrackPlan => ({
  handler: "vide",
  timescale: PICTURE_TIMESCALE,
  entries: [avcEntry()],
  widthPixels: 160,
  heightPixels: 120,
  samples: Array.from(
    { length: frames },
    (_, index): SamplePlan => ({
      data: 40 + (index % 17),
      duration: FRAME_UNITS,
      offset: (offsets[(index % keyEvery) % offsets.length] ?? 0) * FRAME_UNITS,
      isSync: index % keyEvery === 0,
    }),
  ),
  ...more,
});

export const sound = (seconds: number, more: Partial<TrackPlan> = {}): TrackPlan => ({
  handler: "soun",
  timescale: SOUND_TIMESCALE,
  entries: [aacEntry()],
  samples: Array.from(
    { length: Math.floor((seconds * SOUND_TIMESCALE) / SOUND_FRAME_UNITS) },
    (_, index): SamplePlan => ({ data: 10 + (index % 7), duration: SOUND_FRAME_UNITS }),
  ),
  ...more,
});

/** As in a query: `3-13,20-,-5`. */
export const sections = (text: string): Section[] =>
  text.split(",").map((section) => {
    const [start = "", end = ""] = section.split("-");
    return { startSeconds: start === "" ? undefined : Number(start), endSeconds: end === "" ? undefined : Number(end) };
  });

export const single = (text: string, allTracks = false): Cut => ({
  sections: sections(text),
  allTracks,
  maxRatioPercent: undefined,
});

export const several = (text: string, maxRatioPercent = 100, allTracks = false): Cut => ({
  sections: sections(text),
  allTracks,
  maxRatioPercent,
});

/** A sample of the timeline with its new times, seconds. */
export interface TimedSample {
  readonly sample: number;
  readonly decodeSeconds: number;
  readonly shownSeconds: number;
}

export const samplesOf = ({ track, runs, mediaStartUnits, delayUnits }: TimelineTrack): TimedSample[] =>
  runs.flatMap((run) =>
    Array.from({ length: run.end - run.first }, (_, index) => {
      const sample = run.first + index;
      const decodeTime = run.decodeTime + track.decodeTimeOf(sample) - track.decodeTimeOf(run.first);
      const shown = decodeTime + track.compositionOffsetOf(sample) - mediaStartUnits + delayUnits;
      return { sample, decodeSeconds: decodeTime / track.timescale, shownSeconds: shown / track.timescale };
    }),
  );

/** Asserts that there is a timeline, and gives the track of a kind. */
export const trackOf = (timeline: MovieTimeline | "whole" | undefined, kind: string): TimelineTrack => {
  const found = typeof timeline === "object" ? timeline.tracks.find(({ track }) => track.kind === kind) : undefined;
  if (found === undefined) {
    throw new Error(`no ${kind} in ${JSON.stringify(timeline)}`);
  }
  return found;
};

export const piecesOf = (outcome: MediaOutcome): RecipePiece[] => {
  const recipe = outcome.kind === "recipe" ? decodeRecipe(outcome.recipe) : undefined;
  if (recipe === undefined) {
    throw new Error(`no recipe: ${JSON.stringify(outcome)}`);
  }
  return Array.from({ length: recipe.pieceCount }, (_, index) => recipe.pieceAt(index));
};

/** What a client gets. */
export const assemble = (outcome: MediaOutcome, file: Uint8Array): Uint8Array =>
  Uint8Array.from(
    Buffer.concat(
      piecesOf(outcome).map((piece) => (piece.kind === "bytes" ? piece.bytes : file.subarray(piece.start, piece.end))),
    ),
  );
