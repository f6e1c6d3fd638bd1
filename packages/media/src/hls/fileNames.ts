import type { Segmenting, StreamUris } from "../contract.ts";

/** Names behind the keyword that playlists use and that URLs are read by: one place, so that the two agree. */

const EXTENSIONS: Record<Segmenting["form"], string> = {
  ts: ".ts",
  mp3: ".mp3",
  fmp4: ".m4s",
};

const trackPrefix = (segmenting: Pick<Segmenting, "tracks">): string =>
  segmenting.tracks === undefined ? "" : `${segmenting.tracks}-`;

/** `{n}.ts`, `{n}.mp3`, `{n}.m4s`, of DASH `video-{n}.m4s` and `audio-{n}.m4s`. `number` may be a place holder. */
export const segmentFileName = (segmenting: Pick<Segmenting, "form" | "tracks">, number: number | string): string =>
  `${trackPrefix(segmenting)}${number}${EXTENSIONS[segmenting.form]}`;

/** `init.mp4`, of DASH `video-init.mp4` and `audio-init.mp4`. */
export const initFileName = (segmenting: Pick<Segmenting, "tracks">): string => `${trackPrefix(segmenting)}init.mp4`;

export const uriIn = ({ prefix, suffix }: StreamUris, name: string): string => `${prefix}${name}${suffix}`;

/** What the subtitle playlist names. */
export const SUBTITLES_FILE_NAME = "subtitles.vtt";

export interface StreamFile {
  readonly tracks: "video" | "audio" | undefined;
  /** Undefined for the initialisation section. */
  readonly number: number | undefined;
}

const FILE_NAME = /^(?:(video|audio)-)?(?:(0|[1-9]\d{0,14})(\.ts|\.mp3|\.m4s)|(init\.mp4))$/;

/** What a name that the two functions above made stands for; undefined for any other name. */
export function readStreamFileName(form: Segmenting["form"], name: string): StreamFile | undefined {
  const found = FILE_NAME.exec(name);
  if (found === null) return undefined;
  const [, prefix, number, extension] = found;
  const tracks = prefix === "video" || prefix === "audio" ? prefix : undefined;
  if (form !== "fmp4" && (tracks !== undefined || number === undefined)) return undefined;
  if (number !== undefined && extension !== EXTENSIONS[form]) return undefined;
  return { tracks, number: number === undefined ? undefined : Number(number) };
}
