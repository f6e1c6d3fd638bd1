import type { DashSettings, HlsSettings, Mp4HlsSettings, VhostSettings } from "@basalt/config";
import {
  type Cut,
  type MediaTask,
  readStreamFileName,
  type SegmentEncryption,
  type Segmenting,
  type StreamUris,
  SUBTITLES_FILE_NAME,
} from "@basalt/media";
import { KEY_FILE_NAME } from "./encryption.ts";

/** Names of what the guide has no names for. */
const IFRAMES_NAME = "iframes.m3u8";
const SUBTITLES_NAME = "subtitles.m3u8";

/** What a stream is made of beside its settings. */
export interface StreamScene {
  readonly cut: Cut | undefined;
  readonly uris: StreamUris;
  readonly encryption: SegmentEncryption | undefined;
}

/** The task behind a name; undefined: there is nothing of that name. */
export type StreamTasks = (fileName: string, scene: StreamScene) => MediaTask | undefined;

/** What of `<MP4HLS>` MP3 sources lack. */
type Extras = Pick<Mp4HlsSettings, "iframes" | "subtitles"> & { readonly servesKey: boolean };

const NO_EXTRAS: Extras = { iframes: false, subtitles: false, servesKey: false };

type Fold = (text: string) => string;

/** HLS of one kind of files, and the names that URLs use. */
interface Hls {
  readonly settings: HlsSettings;
  readonly segmenting: Segmenting;
  readonly extras: Extras;
}

const hlsOf = (settings: HlsSettings, form: Segmenting["form"], extras: Extras): Hls => {
  const { durationSeconds, sequence } = settings;
  return { settings, segmenting: { form, durationSeconds, sequence }, extras };
};

type PlaylistTask = Extract<MediaTask, { readonly kind: "playlist" }>;

const playlistTask = (
  { settings, segmenting, extras }: Hls,
  list: PlaylistTask["list"],
  { cut, uris, encryption }: StreamScene,
  variantName = settings.alternatesName,
): PlaylistTask => ({
  kind: "playlist",
  list,
  version: settings.version,
  segmenting,
  cut,
  uris,
  variantName,
  iframesName: extras.iframes ? IFRAMES_NAME : undefined,
  subtitlesName: extras.subtitles ? SUBTITLES_NAME : undefined,
  encryption,
});

const compileHls = (hls: Hls, fold: Fold): StreamTasks => {
  const { settings, segmenting, extras } = hls;
  const { alternates, alternatesName } = settings;
  const { form } = segmenting;
  const playlist = (list: PlaylistTask["list"], scene: StreamScene): MediaTask => playlistTask(hls, list, scene);
  const named = new Map<string, (scene: StreamScene) => MediaTask | undefined>();
  if (extras.servesKey) {
    named.set(KEY_FILE_NAME, ({ encryption }) =>
      encryption === undefined ? undefined : { kind: "key", key: encryption.key },
    );
  }
  if (extras.subtitles) {
    const subtitles = (list: "playlist" | "webvtt", { cut, uris }: StreamScene): MediaTask => ({
      kind: "subtitles",
      list,
      segmenting,
      cut,
      uris,
    });
    named.set(SUBTITLES_FILE_NAME, (scene) => subtitles("webvtt", scene));
    named.set(SUBTITLES_NAME, (scene) => subtitles("playlist", scene));
  }
  if (extras.iframes) named.set(IFRAMES_NAME, (scene) => playlist("iframes", scene));
  // What is configured goes before names that were chosen here.
  if (alternates) named.set(fold(alternatesName), (scene) => playlist("segments", scene));
  named.set(fold(settings.indexName), (scene) => playlist(alternates ? "master" : "segments", scene));
  return (fileName, scene) => {
    const make = named.get(fold(fileName));
    if (make !== undefined) return make(scene);
    const file = readStreamFileName(form, fold(fileName));
    if (file === undefined || file.tracks !== undefined) return undefined;
    const { cut, encryption } = scene;
    if (file.number === undefined) return { kind: "init", segmenting, cut };
    return { kind: "segment", number: file.number, segmenting, cut, encryption };
  };
};

const compileDash = ({ manifestName, durationSeconds }: DashSettings, fold: Fold): StreamTasks => {
  const segmenting: Segmenting = { form: "fmp4", durationSeconds, sequence: 0 };
  return (fileName, { cut, uris }) => {
    if (fold(fileName) === fold(manifestName)) return { kind: "manifest", segmenting, cut, uris };
    const file = readStreamFileName("fmp4", fold(fileName));
    if (file?.tracks === undefined) return undefined;
    const ofTrack = { ...segmenting, tracks: file.tracks };
    if (file.number === undefined) return { kind: "init", segmenting: ofTrack, cut };
    return { kind: "segment", number: file.number, segmenting: ofTrack, cut, encryption: undefined };
  };
};

export interface StreamRules {
  readonly mp4Hls: StreamTasks;
  readonly mp3Hls: StreamTasks;
  readonly dash: StreamTasks;
  /** A master playlist that names the playlist of the segments of an MP4, whatever name that has. */
  readonly mp4HlsVariant: (scene: StreamScene) => PlaylistTask;
}

export const compileStreams = ({ media, options }: VhostSettings): StreamRules => {
  const fold: Fold = options.caseSensitive ? (text) => text : (text) => text.toLowerCase();
  const { mp4Hls, mp3Hls, dash } = media;
  const servesKey = mp4Hls.encryption.status === "Active" && mp4Hls.encryption.servesKey;
  const { iframes, subtitles, alternates, alternatesName, indexName } = mp4Hls;
  const ofMovies = hlsOf(mp4Hls, mp4Hls.form === "FMP4" ? "fmp4" : "ts", { iframes, subtitles, servesKey });
  const ofAudio = hlsOf(mp3Hls, mp3Hls.segmentType === "MP3" ? "mp3" : "ts", NO_EXTRAS);
  const variantName = alternates ? alternatesName : indexName;
  return {
    mp4Hls: compileHls(ofMovies, fold),
    mp3Hls: compileHls(ofAudio, fold),
    dash: compileDash(dash, fold),
    mp4HlsVariant: (scene) => playlistTask(ofMovies, "master", scene, variantName),
  };
};
