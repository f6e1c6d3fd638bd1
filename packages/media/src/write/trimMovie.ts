import type { Cut, MediaOutcome, RecipePiece } from "../contract.ts";
import type { Movie, TimelineTrack } from "../movie/contract.ts";
import { encodeRecipe, MAX_RECIPE_PIECES } from "../recipe.ts";
import { type CutTimeline, timelineOf } from "../timeline/timelineOf.ts";
import { ChunkTable } from "./chunkTable.ts";
import { planMedia } from "./mediaPlan.ts";
import { writeMovieHeader } from "./movieFile.ts";
import { tabulate } from "./sampleTables.ts";
import type { TrackPlan } from "./trackBox.ts";

/** Edits are stated in units of the movie; coarser ones than these would shift sound against picture. */
const LEAST_TIMESCALE = 600;
const FINE_TIMESCALE = 1000;

const planTrack = (
  timelineTrack: TimelineTrack,
  chunks: ChunkTable,
  durationSeconds: number,
  movieTimescale: number,
): TrackPlan => {
  const { track, delayUnits } = timelineTrack;
  const tables = tabulate(
    timelineTrack,
    durationSeconds * track.timescale + timelineTrack.mediaStartUnits - delayUnits,
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
};

const writeTimeline = (movie: Movie, timeline: CutTimeline): MediaOutcome => {
  const plan = planMedia(timeline);
  const isInside = plan.ranges.every(({ start, end }) => start >= 0 && end <= movie.fileBytes);
  if (!isInside || plan.ranges.length >= MAX_RECIPE_PIECES) {
    return { kind: "unreadable", detail: isInside ? "samples too scattered" : "samples outside the file" };
  }
  const timescale = movie.timescale >= LEAST_TIMESCALE ? movie.timescale : FINE_TIMESCALE;
  const tracks = timeline.tracks.map((track, position) =>
    planTrack(track, plan.chunks[position] ?? new ChunkTable(), timeline.durationSeconds, timescale),
  );
  const header = writeMovieHeader(movie, tracks, timescale, plan.mediaBytes);
  if (header === undefined) {
    return { kind: "unreadable", detail: "the header lacks boxes of a movie" };
  }
  const media = plan.ranges.map(({ start, end }): RecipePiece => ({ kind: "source", start, end }));
  return { kind: "recipe", recipe: encodeRecipe([{ kind: "bytes", bytes: header }, ...media]) };
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
    : writeTimeline(movie, timeline);
};
