import { cutAudioTimeline } from "../audio/audioSegment.ts";
import { audioSegments } from "../audio/audioSegments.ts";
import type { AudioFile } from "../audio/contract.ts";
import { TIMESTAMP_TAG_BYTES } from "../audio/packedAudio.ts";
import type { MediaOutcome, MediaTask } from "../contract.ts";
import { uriIn } from "./fileNames.ts";
import { soundSegmentBytes } from "./measureStream.ts";
import { isTooLong, masterPlaylist, ratesOf, segmentPlaylist } from "./playlistTexts.ts";
import { playlistOutcome } from "./textOutcome.ts";

type PlaylistTask = Extract<MediaTask, { readonly kind: "playlist" }>;

/** Playlists of MP3 sources (MEDIA-50); what could not be analysed is missing at their end (MEDIA-53). */
export function buildAudioPlaylist(file: AudioFile, task: PlaylistTask): MediaOutcome {
  const { segmenting, uris, version } = task;
  if (segmenting.form === "fmp4")
    return {
      kind: "unreadable",
      detail: "fragments are made of MP4 files only",
    };
  if (task.list === "iframes") return { kind: "absent" };
  const timeline = cutAudioTimeline(file, task.cut);
  const segments = audioSegments(file, timeline, segmenting);
  if (task.list === "segments" && segments !== undefined && isTooLong(segments.length, uris))
    return { kind: "unreadable", detail: "too long a playlist" };
  if (segments === undefined) return { kind: "unreadable", detail: "too many segments" };
  const boundsSeconds = [...segments.map(({ startSeconds }) => startSeconds), timeline.durationSeconds];
  if (task.list === "segments")
    return playlistOutcome(
      segmentPlaylist({
        version,
        segmenting,
        uris,
        boundsSeconds,
        encryption: task.encryption,
        isIndependent: true,
      }),
    );
  const bytes = segments.map(({ byteCount, durationSeconds, firstFrame, endFrame }) =>
    segmenting.form === "ts"
      ? soundSegmentBytes(endFrame - firstFrame, byteCount, durationSeconds)
      : TIMESTAMP_TAG_BYTES + byteCount,
  );
  return playlistOutcome(
    masterPlaylist({
      version,
      form: segmenting.form,
      variantUri: uriIn(uris, task.variantName),
      facts: {
        ...ratesOf(bytes, boundsSeconds),
        picture: undefined,
        codecs: undefined,
        isIndependent: true,
      },
      keyFrames: undefined,
      subtitles: undefined,
    }),
  );
}
