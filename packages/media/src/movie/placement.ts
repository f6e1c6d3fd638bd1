import { totalOf } from "./columns.ts";
import { malformed } from "./malformed.ts";
import type { Edits } from "./readTrack.ts";
import { type Runs, runStart } from "./runs.ts";
import type { SampleTable } from "./sampleTable.ts";

/** Where a track stands on the timeline of the movie; units of the track. */
export interface Placement {
  readonly mediaStartUnits: number;
  readonly delayUnits: number;
  /** When the last sample has been shown. */
  readonly shownSeconds: number;
}

interface PlacedTrack {
  readonly timescale: number;
  readonly edits: Edits | undefined;
}

/**
 * By edit lists, and in a fragmented file by the decode time of the first fragment of each track, which becomes 0: what
 * tracks differ by becomes delay. A piece of a longer stream begins with its first track.
 */
export const placementOf = (
  tracks: readonly PlacedTrack[],
  tables: readonly SampleTable[],
  firstTimes: readonly number[],
  movieTimescale: number,
  isFragmented: boolean,
): readonly Placement[] => {
  const starts = tracks.map((track, index) => startOf(track, firstTimes[index] ?? 0, movieTimescale));
  const populated = starts.filter((_, index) => (tables[index]?.count ?? 0) > 0);
  const earliestSeconds = Math.min(...populated.map((start) => start.shownSeconds));
  const firstSeconds = Math.min(...populated.map((start) => start.decodedSeconds));
  const leadSeconds = earliestSeconds > LONGEST_LEAD_SECONDS ? firstSeconds : 0;
  return tracks.map((track, index) => {
    const { mediaStartUnits, delayUnits } = starts[index] ?? malformed("no start");
    const moved = delayUnits + (firstTimes[index] ?? 0) - Math.round(leadSeconds * track.timescale);
    const table = tables[index];
    const endUnits = table === undefined || table.count === 0 ? 0 : compositionEndOf(table) - mediaStartUnits;
    const totalUnits = isFragmented ? 0 : (track.edits?.totalUnits ?? 0);
    const mostSeconds = totalUnits > 0 ? totalUnits / movieTimescale : Number.POSITIVE_INFINITY;
    const mediaSeconds =
      track.edits === undefined ? totalDurationOf(table) / track.timescale : endUnits / track.timescale;
    const shownSeconds = Math.max(0, Math.min(mostSeconds, mediaSeconds + moved / track.timescale));
    return { mediaStartUnits, delayUnits: moved, shownSeconds };
  });
};

/** A file whose first sample is shown later than this was cut out of a longer one, and does not wait for it. */
const LONGEST_LEAD_SECONDS = 1;

const totalDurationOf = (table: SampleTable | undefined): number =>
  table === undefined ? 0 : totalOf(table.durations);

const startOf = (track: PlacedTrack, firstTime: number, movieTimescale: number) => {
  const mediaStartUnits = track.edits?.mediaStartUnits ?? 0;
  const delayUnits = Math.round(((track.edits?.emptyUnits ?? 0) * track.timescale) / movieTimescale);
  return {
    mediaStartUnits,
    delayUnits,
    decodedSeconds: firstTime / track.timescale,
    shownSeconds: (firstTime - mediaStartUnits + delayUnits) / track.timescale,
  };
};

/** Samples are shown at most so many behind their place in decode order. */
const MOST_REORDERED = 64;

/** The end of the sample that is shown last, as composition time. */
const compositionEndOf = (table: SampleTable): number => {
  let decodeEnd = totalOf(table.durations);
  let end = Number.NEGATIVE_INFINITY;
  let durationRun = table.durations.values.length - 1;
  let offsetRun = table.offsets.values.length - 1;
  for (let sample = table.count - 1; sample >= Math.max(0, table.count - MOST_REORDERED); sample--) {
    durationRun = runBack(table.durations, durationRun, sample);
    offsetRun = runBack(table.offsets, offsetRun, sample);
    end = Math.max(end, decodeEnd + (table.offsets.values[offsetRun] ?? 0));
    decodeEnd -= table.durations.values[durationRun] ?? 0;
  }
  return end;
};

const runBack = (runs: Runs, from: number, sample: number): number => {
  let run = from;
  while (run > 0 && runStart(runs, run) > sample) run--;
  return run;
};
