import type { MediaOutcome, SourcePiece } from "../contract.ts";
import { subtitleTrackOf } from "../hls/subtitleTrackOf.ts";
import { mergeRanges } from "../hls/wantedRanges.ts";
import type { Movie, MovieTimeline, TimelineTrack } from "../movie/contract.ts";
import { bytesAt } from "../movie/pieces.ts";
import { type CueText, readTimedText } from "./timedText.ts";
import { readWebVttSample } from "./webVttSample.ts";

/** A sample of text with the time at which it is shown, seconds of the timeline. */
interface ShownSample {
  readonly sample: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** No text of a cue is longer: what is, is no text. */
const MOST_SAMPLE_BYTES = 256 * 1024;
/** Subtitles of all languages of the longest films have a fraction of that, and of these numbers. */
const MOST_TEXT_BYTES = 16 * 1024 * 1024;
const MOST_SHOWN_SAMPLES = 100_000;
const MOST_SAMPLES = 1_000_000;

const WEBVTT_TYPE = "text/vtt; charset=utf-8";

const shownSamples = (
  { track, runs, mediaStartUnits, delayUnits }: TimelineTrack,
  endSeconds: number,
): ShownSample[] => {
  const shown: ShownSample[] = [];
  let totalBytes = 0;
  let samplesLeft = MOST_SAMPLES;
  for (const [index, run] of runs.entries()) {
    const shift = run.decodeTime - track.decodeTimeOf(run.first) - mediaStartUnits + delayUnits;
    const limit = (runs[index + 1]?.decodeTime ?? Number.POSITIVE_INFINITY) - mediaStartUnits + delayUnits;
    for (let sample = run.first; sample < run.end && samplesLeft > 0; sample += 1) {
      samplesLeft -= 1;
      const start = track.decodeTimeOf(sample) + shift;
      const end = Math.min(track.decodeTimeOf(sample + 1) + shift, limit, endSeconds * track.timescale);
      const sizeBytes = track.sizeOf(sample);
      // A sample of two bytes or less has no text.
      if (end > Math.max(0, start) && sizeBytes > 2 && sizeBytes <= MOST_SAMPLE_BYTES) {
        totalBytes += sizeBytes;
        if (totalBytes > MOST_TEXT_BYTES || shown.length === MOST_SHOWN_SAMPLES) {
          return shown;
        }
        shown.push({ sample, startSeconds: Math.max(0, start) / track.timescale, endSeconds: end / track.timescale });
      }
    }
  }
  return shown;
};

const digits = (value: number, count: number): string => String(value).padStart(count, "0");

const timestamp = (seconds: number): string => {
  const ms = Math.round(seconds * 1000);
  const wholeSeconds = Math.floor(ms / 1000);
  const minutes = Math.floor(wholeSeconds / 60);
  const hours = digits(Math.floor(minutes / 60), 2);
  return `${hours}:${digits(minutes % 60, 2)}:${digits(wholeSeconds % 60, 2)}.${digits(ms % 1000, 3)}`;
};

const cuesOf = ({ track }: TimelineTrack, bytes: Uint8Array): readonly CueText[] =>
  track.codec.kind === "tx3g" ? [readTimedText(bytes)] : readWebVttSample(bytes);

/**
 * The text track of the timeline as WebVTT; `absent` where there is none. The timeline has to be one with all tracks. Needs
 * the samples of text, which lie scattered over the file.
 */
export const subtitlesOf = (movie: Movie, timeline: MovieTimeline, pieces: readonly SourcePiece[]): MediaOutcome => {
  const wanted = subtitleTrackOf(movie);
  const timelineTrack = timeline.tracks.find(({ track }) => track === wanted);
  if (timelineTrack === undefined) {
    return { kind: "absent" };
  }
  const { track } = timelineTrack;
  const shown = shownSamples(timelineTrack, timeline.durationSeconds);
  const sorted = [...pieces].sort((one, other) => one.start - other.start);
  const blocks = ["WEBVTT"];
  for (const { sample, startSeconds, endSeconds } of shown) {
    const start = track.offsetOf(sample);
    const bytes = bytesAt(sorted, { start, end: start + track.sizeOf(sample) });
    if (bytes === undefined) {
      const ranges = shown.map((one) => {
        const offset = track.offsetOf(one.sample);
        return { start: offset, end: offset + track.sizeOf(one.sample) };
      });
      return { kind: "needs", ranges: mergeRanges(ranges) };
    }
    const times = `${timestamp(startSeconds)} --> ${timestamp(endSeconds)}`;
    for (const { text, settings } of cuesOf(timelineTrack, bytes)) {
      if (text !== "") {
        blocks.push(`${settings === "" ? times : `${times} ${settings}`}\n${text}`);
      }
    }
  }
  return { kind: "bytes", body: new TextEncoder().encode(`${blocks.join("\n\n")}\n`), contentType: WEBVTT_TYPE };
};
