import { collectSegments, type Playlist, readPlaylist } from "@basalt/testkit/media";
import type { Cut, MediaTask, Segmenting } from "../../../src/index.ts";
import type { MediaFile } from "./mediaFile.ts";

const PREFIX = "/film/hls/";

export const segmentingOf = (form: Segmenting["form"], durationSeconds = 10): Segmenting => ({
  form,
  durationSeconds,
  sequence: 0,
});

export const playlistTask = (segmenting: Segmenting, cut?: Cut): MediaTask => ({
  kind: "playlist",
  list: "segments",
  version: 3,
  segmenting,
  cut,
  uris: { prefix: PREFIX, suffix: "" },
  variantName: "playlist.m3u8",
  iframesName: undefined,
  subtitlesName: undefined,
  encryption: undefined,
});

export interface Stream {
  readonly playlist: Playlist;
  readonly bytes: Buffer;
}

/** Everything that the playlist names, one behind the other. */
export const streamOf = async (file: MediaFile, segmenting: Segmenting, cut?: Cut): Promise<Stream> => {
  const playlist = readPlaylist(file.text(playlistTask(segmenting, cut)));
  const bytes = await collectSegments(playlist, (uri) => {
    const name = uri.slice(PREFIX.length);
    if (name === "init.mp4") return file.bytes({ kind: "init", segmenting, cut });
    return file.bytes({ kind: "segment", number: Number.parseInt(name, 10), segmenting, cut, encryption: undefined });
  });
  return { playlist, bytes };
};

/** One section, as `?start=…&end=…` asks for it. */
export const cutOf = (startSeconds: number | undefined, endSeconds: number | undefined, allTracks = false): Cut => ({
  sections: [{ startSeconds, endSeconds }],
  allTracks,
  maxRatioPercent: undefined,
});
