import type { MediaOutcome, MediaTask, SourcePiece } from "../contract.ts";
import type { Movie } from "../movie/contract.ts";
import { subtitlesOf } from "../subtitles/subtitlesOf.ts";
import { TICKS_PER_SECOND, TRANSPORT_START_TICKS } from "../transport/contract.ts";
import { SUBTITLES_FILE_NAME, uriIn } from "./fileNames.ts";
import { cutTimeline, openStream } from "./mediaStream.ts";
import { subtitlePlaylist } from "./playlistTexts.ts";
import { subtitleTrackOf } from "./subtitleTrackOf.ts";
import { playlistOutcome, textOutcome } from "./textOutcome.ts";

type SubtitlesTask = Extract<MediaTask, { readonly kind: "subtitles" }>;

const SIGNATURE = "WEBVTT\n";

/** The first track of text as WebVTT, on the clock of the segments (RFC 8216 3.5). */
export function buildSubtitles(movie: Movie, task: SubtitlesTask, pieces: readonly SourcePiece[]): MediaOutcome {
  const timeline = subtitleTrackOf(movie) === undefined ? undefined : cutTimeline(movie, task.cut, true);
  if (timeline === undefined) return { kind: "absent" };
  if (task.list === "playlist")
    return playlistOutcome(subtitlePlaylist(uriIn(task.uris, SUBTITLES_FILE_NAME), timeline.durationSeconds));
  const outcome = subtitlesOf(movie, timeline, pieces);
  if (outcome.kind === "needs") return outcome;
  // A cut may hold no text at all.
  const text = outcome.kind === "bytes" ? new TextDecoder().decode(outcome.body) : SIGNATURE;
  return textOutcome(withClock(text, startTicks(movie, task)), "text/vtt; charset=utf-8");
}

/** What the segments say at the beginning of the presentation. */
function startTicks(movie: Movie, { segmenting, cut }: SubtitlesTask): number {
  const opened = openStream(movie, segmenting, cut);
  const shiftSeconds = opened.kind === "stream" ? opened.stream.shiftSeconds : 0;
  return shiftSeconds * TICKS_PER_SECOND + (segmenting.form === "fmp4" ? 0 : TRANSPORT_START_TICKS);
}

const withClock = (text: string, ticks: number): string =>
  text.replace(SIGNATURE, `${SIGNATURE}X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:${ticks}\n`);
