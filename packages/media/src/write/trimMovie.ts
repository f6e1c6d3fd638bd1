import type { Cut, MediaOutcome, RecipePiece } from "../contract.ts";
import type { Movie, TimelineTrack } from "../movie/contract.ts";
import { encodeRecipe, MAX_RECIPE_PIECES } from "../recipe.ts";
import { type CutTimeline, timelineOf } from "../timeline/timelineOf.ts";
import { ChunkTable } from "./chunkTable.ts";
import { hasLightHeader } from "./headerWork.ts";
import { planMedia } from "./mediaPlan.ts";
import { writeMovieHeader } from "./movieFile.ts";
import { tabulate } from "./sampleTables.ts";
import { finishNow, type Sliced, Slices } from "./slices.ts";
import type { TrackPlan } from "./trackBox.ts";

/** Edits are stated in units of the movie; coarser ones than these would shift sound against picture. */
const LEAST_TIMESCALE = 600;
const FINE_TIMESCALE = 1000;

function* planTrack(
  timelineTrack: TimelineTrack,
  chunks: ChunkTable,
  durationSeconds: number,
  movieTimescale: number,
  slices: Slices,
): Sliced<TrackPlan> {
  const { track, delayUnits } = timelineTrack;
  const tables = yield* tabulate(
    timelineTrack,
    durationSeconds * track.timescale + timelineTrack.mediaStartUnits - delayUnits,
    slices,
  );
  const mediaStartUnits = timelineTrack.mediaStartUnits + tables.addedOffsetUnits;
  const shownUnits = Math.min(
    tables.compositionEndUnits - mediaStartUnits,
    durationSeconds * track.timescale - delayUnits,
  );
  const toMovie = movieTimescale / track.timescale;
  return {
    timelineTrack,
    tables,
    chunks,
    delayMovieUnits: Math.round(delayUnits * toMovie),
    shownMovieUnits: Math.max(1, Math.round(shownUnits * toMovie)),
    mediaStartUnits,
  };
}

function* writeTimeline(movie: Movie, timeline: CutTimeline, mostPieces: number): Sliced<MediaOutcome> {
  const slices = new Slices();
  const plan = yield* planMedia(timeline, slices);
  const isInside = plan.ranges.every(({ start, end }) => start >= 0 && end <= movie.fileBytes);
  if (!isInside || plan.ranges.length >= mostPieces) {
    return { kind: "unreadable", detail: isInside ? "samples too scattered" : "samples outside the file" };
  }
  const timescale = movie.timescale >= LEAST_TIMESCALE ? movie.timescale : FINE_TIMESCALE;
  const tracks: TrackPlan[] = [];
  for (const [position, track] of timeline.tracks.entries()) {
    const chunks = plan.chunks[position] ?? new ChunkTable();
    tracks.push(yield* planTrack(track, chunks, timeline.durationSeconds, timescale, slices));
  }
  if (slices.isOver(samplesIn(timeline))) {
    yield;
  }
  const header = writeMovieHeader(movie, tracks, timescale, plan.mediaBytes);
  if (header === undefined) {
    return { kind: "unreadable", detail: "the header lacks boxes of a movie" };
  }
  const media = plan.ranges.map(({ start, end }): RecipePiece => ({ kind: "source", start, end }));
  return { kind: "recipe", recipe: encodeRecipe([{ kind: "bytes", bytes: header }, ...media]) };
}

const samplesIn = ({ sectionEnds }: CutTimeline): number =>
  (sectionEnds.at(-1) ?? []).reduce((sum, sampleCount) => sum + sampleCount, 0);

/**
 * What `trimInSlices` does in front of the samples grows with the sections and the tracks: so many take half a millisecond
 * in a film that is made to be slow.
 */
const MOST_TRACKS_OF_SECTIONS = 16;
/** What is done behind the samples grows with the pieces. */
const MOST_PIECES_OF_SLICES = 4096;

/**
 * As `trimMovie`, but only of no more than so many samples, and in slices, each less than a millisecond: for who has other
 * things to do. Undefined where it would be more, or nothing is left out; `unreadable` also where it has too many pieces.
 */
export const trimInSlices = (movie: Movie, cut: Cut, mostSamples: number): Sliced<MediaOutcome> | undefined => {
  const isShort = cut.sections.length * movie.tracks.length <= MOST_TRACKS_OF_SECTIONS && hasLightHeader(movie);
  const timeline = isShort && !movie.isTruncated ? timelineOf(movie, cut) : undefined;
  const isCut = timeline !== undefined && timeline !== "whole" && samplesIn(timeline) <= mostSamples;
  return isCut ? writeTimeline(movie, timeline, MOST_PIECES_OF_SLICES) : undefined;
};

/**
 * A file of its own with what the cut selects (MEDIA-70 to 77, 90 to 95): a new header, and the samples from the source.
 * `unchanged` where the cut selects everything or nothing that there is.
 */
export const trimMovie = (movie: Movie, cut: Cut): MediaOutcome => {
  if (movie.isTruncated) {
    return { kind: "unchanged", reason: "the end of the file is missing" };
  }
  const timeline = timelineOf(movie, cut);
  if (timeline === undefined) {
    return { kind: "unreadable", detail: "no sound and no picture" };
  }
  return timeline === "whole"
    ? { kind: "unchanged", reason: "the whole file is asked for" }
    : finishNow(writeTimeline(movie, timeline, MAX_RECIPE_PIECES));
};
