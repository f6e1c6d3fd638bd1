import { unreachable } from "@basalt/types";
import { audioSegment } from "./audio/audioSegment.ts";
import { openAudioFile } from "./audio/openAudioFile.ts";
import { trimAudio } from "./audio/trimAudio.ts";
import type { MediaFormat, MediaIndexMemory, MediaOutcome, MediaTask, SourcePiece } from "./contract.ts";
import { buildAudioPlaylist } from "./hls/audioPlaylist.ts";
import { buildManifest } from "./hls/buildManifest.ts";
import { buildPlaylist } from "./hls/buildPlaylist.ts";
import { buildInitSection, buildSegment } from "./hls/buildSegment.ts";
import { buildSubtitles } from "./hls/buildSubtitles.ts";
import type { Movie } from "./movie/contract.ts";
import { openMovie } from "./movie/openMovie.ts";
import type { ResultRoom } from "./resultRoom.ts";
import { relocateMovie } from "./write/relocateMovie.ts";
import { trimMovie } from "./write/trimMovie.ts";

/**
 * Does a task by the index of a file and the bytes that are at hand. Nothing is kept between calls, and the same index and
 * task give the same bytes anywhere (MEDIA-36). The result may lie in `room`, and is not to be used any more when that is.
 */
export function runMediaTask(
  index: MediaIndexMemory,
  format: MediaFormat,
  task: MediaTask,
  pieces: readonly SourcePiece[],
  room?: ResultRoom,
): MediaOutcome {
  if (task.kind === "key")
    return { kind: "bytes", body: Uint8Array.from(task.key), contentType: "application/octet-stream" };
  switch (format) {
    case "mp4":
      return runMovieTask(openMovie(index), task, pieces, room);
    case "mp3":
      return runAudioTask(index, task, pieces);
    default:
      return unreachable(format);
  }
}

type FileTask = Exclude<MediaTask, { readonly kind: "key" }>;

function runMovieTask(
  movie: Movie,
  task: FileTask,
  pieces: readonly SourcePiece[],
  room: ResultRoom | undefined,
): MediaOutcome {
  switch (task.kind) {
    case "relocate":
      return relocateMovie(movie);
    case "trim":
      return trimMovie(movie, task.cut);
    case "playlist":
      return buildPlaylist(movie, task);
    case "segment":
      return buildSegment(movie, task, pieces, room);
    case "init":
      return buildInitSection(movie, task);
    case "manifest":
      return buildManifest(movie, task);
    case "subtitles":
      return buildSubtitles(movie, task, pieces);
    default:
      return unreachable(task);
  }
}

function runAudioTask(index: MediaIndexMemory, task: FileTask, pieces: readonly SourcePiece[]): MediaOutcome {
  const file = openAudioFile(index);
  switch (task.kind) {
    case "relocate":
      return { kind: "unchanged", reason: "an MP3 file has no header to move" };
    case "trim":
      return trimAudio(file, task.cut, pieces);
    case "playlist":
      return buildAudioPlaylist(file, task);
    case "segment":
      return audioSegment(file, task, pieces);
    case "init":
    case "manifest":
    case "subtitles":
      return { kind: "absent" };
    default:
      return unreachable(task);
  }
}
