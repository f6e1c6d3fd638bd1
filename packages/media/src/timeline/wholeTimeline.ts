import type { Movie, MovieTimeline } from "../movie/contract.ts";
import { presentMovie } from "./presentation.ts";
import { beginAsInSource, TrackRuns } from "./trackRuns.ts";

/** All of a movie, with the times of the source. */
export const wholeTimeline = (movie: Movie, options: { readonly allTracks: boolean }): MovieTimeline => {
  const presented = presentMovie(movie, options.allTracks);
  const tracks = presented.tracks.map((track) => {
    const runs = new TrackRuns(track);
    beginAsInSource(runs, track.track.sampleCount);
    return runs.finish();
  });
  return { durationSeconds: presented.endSeconds, tracks };
};
