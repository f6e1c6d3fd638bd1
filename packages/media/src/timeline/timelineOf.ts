import type { Cut } from "../contract.ts";
import type { Movie, MovieTimeline } from "../movie/contract.ts";
import { followSection, type PlacedSection } from "./followSection.ts";
import { type PresentedMovie, type PresentedTrack, presentationOf, presentMovie } from "./presentation.ts";
import { behindLeadingPictures, type ReferenceSection, sectionOf } from "./sectionOf.ts";
import { beginAsInSource, TrackRuns } from "./trackRuns.ts";

/** By how much a result may be longer than `MaxRatio` allows, for the sake of rounding. */
const GROWTH_TOLERANCE_SECONDS = 0.001;

/** Sections that repeat a dense part of a file over and over end when they have so many samples, ... */
const MOST_SAMPLES_OF_SOURCE = 4;
/** ... which short files may have in any case. */
const SAMPLES_ALLOWED = 100_000;
/** Tables of the result are made in memory: as many as a file may have that is read at all. */
const MOST_SAMPLES_OF_RESULT = 20_000_000;

/** The track whose key frames decide where to cut: the first picture that is enabled, else the first sound. */
const referenceOf = ({ tracks }: PresentedMovie): PresentedTrack | undefined =>
  tracks.find(({ track }) => track.kind === "video" && track.isEnabled) ??
  tracks.find(({ track }) => track.kind === "video") ??
  tracks.find(({ track }) => track.kind === "audio");

/**
 * The sections that are taken, in their order (MEDIA-90, 91): those that name nothing and those that would make the result
 * too long are passed over (MEDIA-93).
 */
const sectionsOf = (presented: PresentedMovie, reference: PresentedTrack, cut: Cut): ReferenceSection[] => {
  const growth = 1 + (cut.maxRatioPercent ?? 0) / 100;
  const limitSeconds =
    cut.maxRatioPercent === undefined
      ? Number.POSITIVE_INFINITY
      : presented.endSeconds * growth + GROWTH_TOLERANCE_SECONDS;
  const taken: ReferenceSection[] = [];
  let seconds = 0;
  for (const wanted of cut.sections) {
    const section = sectionOf(reference, wanted, presented.endSeconds);
    if (section === undefined) {
      continue;
    }
    const length = (section.endUnits - section.startUnits) / reference.track.timescale;
    if (seconds + length <= limitSeconds) {
      taken.push(section);
      seconds += length;
    }
  }
  return taken;
};

/** Adds the section to the reference track and says where in the new timeline it begins, in units of the track. */
const placeReference = (runs: TrackRuns, section: ReferenceSection, atUnits: number): number => {
  const { track, presented } = runs;
  const { first, end } = section;
  if (runs.isEmpty && section.startUnits === 0 && first === 0) {
    beginAsInSource(runs, end);
    return 0;
  }
  const behind = first === 0 ? 1 : behindLeadingPictures(track, first, end);
  const offset = track.compositionOffsetOf(first);
  const intoSection = presentationOf(presented, first) - section.startUnits;
  if (runs.isEmpty) {
    runs.begin(first, first + 1, atUnits + intoSection, offset);
    runs.resume(behind, end);
    return atUnits;
  }
  // What the source hides in front of its beginning is shown where the beginning is not the first section.
  const shown = Math.max(0, intoSection);
  const presentation = runs.append(first, first + 1, atUnits + shown - offset + runs.decodeShift);
  runs.resume(behind, end);
  return presentation - intoSection;
};

/** A timeline with the sections that it consists of. */
export interface CutTimeline extends MovieTimeline {
  /** By section, by position in `tracks`: how many samples the track has up to the end of the section. */
  readonly sectionEnds: readonly (readonly number[])[];
}

/**
 * What a cut selects of a movie, between key frames (MEDIA-76), every section with its tracks in step. `"whole"`: all of it,
 * because the cut says so or names nothing that there is (MEDIA-75). Undefined: no sound and no picture is left.
 */
export const timelineOf = (movie: Movie, cut: Cut | undefined): CutTimeline | "whole" | undefined => {
  const presented = presentMovie(movie, cut?.allTracks ?? false);
  const reference = referenceOf(presented);
  if (reference === undefined) {
    return undefined;
  }
  const sections = cut === undefined ? [] : sectionsOf(presented, reference, cut);
  if (sections.length === 0) {
    return "whole";
  }
  const { timescale } = reference.track;
  const tracks = presented.tracks.map((track) => new TrackRuns(track));
  const ends: number[][] = [];
  const sampleCount = presented.tracks.reduce((sum, { track }) => sum + track.sampleCount, 0);
  const sampleLimit = Math.min(SAMPLES_ALLOWED + MOST_SAMPLES_OF_SOURCE * sampleCount, MOST_SAMPLES_OF_RESULT);
  let atUnits = 0;
  for (const [position, section] of sections.entries()) {
    const own = tracks.find((runs) => runs.presented === reference);
    const placedAt = own === undefined ? atUnits : placeReference(own, section, atUnits);
    const placed: PlacedSection = {
      startSeconds: section.startUnits / timescale,
      endSeconds: section.endUnits / timescale,
      atSeconds: placedAt / timescale,
      isBeginning: position === 0 && section.first === 0 && section.startUnits === 0,
      isToTheEnd: section.isToTheEnd,
    };
    for (const runs of tracks) {
      if (runs !== own) {
        followSection(runs, placed);
      }
    }
    atUnits = placedAt + section.endUnits - section.startUnits;
    ends.push(tracks.map((runs) => runs.sampleCount));
    if (tracks.reduce((sum, runs) => sum + runs.sampleCount, 0) > sampleLimit) {
      break;
    }
  }
  if (ends.length === 1 && tracks.every((runs) => runs.isWhole())) {
    return "whole";
  }
  return {
    durationSeconds: atUnits / timescale,
    tracks: tracks.filter((runs) => !runs.isEmpty).map((runs) => runs.finish()),
    sectionEnds: ends.map((counts) => counts.filter((_, position) => tracks[position]?.isEmpty === false)),
  };
};
