import { unreachable } from "@basalt/types";
import type { MediaOutcome, MediaTask } from "../contract.ts";
import type { Movie } from "../movie/contract.ts";
import { uriIn } from "./fileNames.ts";
import { codecsOf, isIndependent, keyFramesOf, variantFacts } from "./measureStream.ts";
import { type MediaStream, openStream } from "./mediaStream.ts";
import { isTooLong, keyFramePlaylist, masterPlaylist, ratesOf, segmentPlaylist } from "./playlistTexts.ts";
import { subtitleTrackOf } from "./subtitleTrackOf.ts";
import { playlistOutcome } from "./textOutcome.ts";

type PlaylistTask = Extract<MediaTask, { readonly kind: "playlist" }>;

/** Playlists need nothing of the source but its index (MEDIA-41). */
export function buildPlaylist(movie: Movie, task: PlaylistTask): MediaOutcome {
  const { segmenting, uris } = task;
  const opened = openStream(movie, segmenting, task.cut);
  if (opened.kind !== "stream") return opened;
  const { stream } = opened;
  if (task.list !== "master" && isTooLong(stream.segmentation.count, uris))
    return { kind: "unreadable", detail: "too long a playlist" };
  switch (task.list) {
    case "segments":
      return playlistOutcome(
        segmentPlaylist({
          version: task.version,
          segmenting,
          uris,
          boundsSeconds: stream.segmentation.boundsSeconds,
          encryption: task.encryption,
          isIndependent: segmenting.form === "fmp4" && isIndependent(stream),
        }),
      );
    case "iframes":
      return hasKeyFrameList(stream, task)
        ? playlistOutcome(keyFramePlaylist(segmenting, uris, keyFramesOf(stream, segmenting)))
        : { kind: "absent" };
    case "master":
      return playlistOutcome(masterOf(movie, stream, task));
    default:
      return unreachable(task.list);
  }
}

/** Byte positions are known in advance of fragments only, and ranges of encrypted segments cannot be read. */
const hasKeyFrameList = ({ video }: MediaStream, { segmenting, encryption }: PlaylistTask): boolean =>
  segmenting.form === "fmp4" && encryption === undefined && video !== undefined;

function masterOf(movie: Movie, stream: MediaStream, task: PlaylistTask): string {
  const { segmenting, uris, iframesName, subtitlesName } = task;
  const uriOf = (name: string): string => uriIn(uris, name);
  const text = subtitlesName === undefined ? undefined : subtitleTrackOf(movie);
  return masterPlaylist({
    version: task.version,
    form: segmenting.form,
    variantUri: uriOf(task.variantName),
    facts: variantFacts(stream, segmenting),
    keyFrames:
      iframesName !== undefined && hasKeyFrameList(stream, task)
        ? { uri: uriOf(iframesName), ...keyFrameFacts(stream, task) }
        : undefined,
    subtitles:
      subtitlesName !== undefined && text !== undefined
        ? { uri: uriOf(subtitlesName), language: text.language }
        : undefined,
  });
}

function keyFrameFacts(
  stream: MediaStream,
  { segmenting }: PlaylistTask,
): { readonly peakBitsPerSecond: number; readonly codecs: string | undefined } {
  const entries = keyFramesOf(stream, segmenting);
  const bounds = [0];
  for (const { durationMs } of entries) bounds.push((bounds.at(-1) ?? 0) + durationMs / 1000);
  const { peakBitsPerSecond } = ratesOf(
    entries.map(({ bytes }) => bytes),
    bounds,
  );
  return { peakBitsPerSecond, codecs: stream.video && codecsOf(stream.video) };
}
