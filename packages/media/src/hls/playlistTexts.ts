import type { SegmentEncryption, Segmenting, StreamUris } from "../contract.ts";
import { initFileName, segmentFileName, uriIn } from "./fileNames.ts";

/** Texts of playlists; tags stand in the order of the guide's samples. */

/** Highest version that is needed: EXT-X-MAP outside I-frame playlists came with 6, players of fragments expect 7. */
const FRAGMENT_VERSION = 7;
/** EXT-X-MEDIA, EXT-X-I-FRAMES-ONLY and byte ranges. */
const RENDITIONS_VERSION = 4;
/** PROGRAM-ID was removed with this one. */
const WITHOUT_PROGRAM_VERSION = 6;

/** Duration of each segment in milliseconds, rounded so that their sum is that of the whole (MEDIA-28). */
export const durationsMs = (boundsSeconds: readonly number[]): number[] =>
  boundsSeconds.slice(1).map((end, index) => Math.round(end * 1000) - Math.round((boundsSeconds[index] ?? 0) * 1000));

/** MEDIA-27: the longest duration as players round it (RFC 8216 4.3.3.1), and never 0. */
const targetDuration = (milliseconds: readonly number[]): number =>
  milliseconds.reduce((longest, duration) => Math.max(longest, Math.round(duration / 1000)), 1);

const written = (lines: readonly string[]): string => `${lines.join("\n")}\n`;

/** Control characters and quotes cannot stand in a quoted string. */
const quoted = (text: string): string => `"${text.replace(/["\p{Cc}]/gu, "")}"`;

const secondsText = (milliseconds: number): string => (milliseconds / 1000).toFixed(3);

/** Beside the name of a segment, about. */
const ENTRY_CHARACTERS = 40;
const MOST_PLAYLIST_CHARACTERS = 32 * 1024 * 1024;

/** A client may give a query string of any length, which each of the URIs has. */
export const isTooLong = (segmentCount: number, { prefix, suffix }: StreamUris): boolean =>
  segmentCount * (prefix.length + suffix.length + ENTRY_CHARACTERS) > MOST_PLAYLIST_CHARACTERS;

export interface SegmentPlaylist {
  readonly version: 1 | 3;
  readonly segmenting: Segmenting;
  readonly uris: StreamUris;
  readonly boundsSeconds: readonly number[];
  readonly encryption: SegmentEncryption | undefined;
  /** Each segment can be decoded without the one in front. */
  readonly isIndependent: boolean;
}

/** MEDIA-13, MEDIA-16, MEDIA-27, MEDIA-28. */
export function segmentPlaylist(playlist: SegmentPlaylist): string {
  const { version, segmenting, uris, encryption } = playlist;
  const isFragments = segmenting.form === "fmp4";
  const durations = durationsMs(playlist.boundsSeconds);
  const isWhole = version === 1 && !isFragments;
  const durationText = (milliseconds: number): string =>
    isWhole ? `${Math.round(milliseconds / 1000)}` : secondsText(milliseconds);
  return written([
    "#EXTM3U",
    `#EXT-X-TARGETDURATION:${targetDuration(durations)}`,
    ...(isWhole ? [] : [`#EXT-X-VERSION:${isFragments ? FRAGMENT_VERSION : version}`]),
    `#EXT-X-MEDIA-SEQUENCE:${segmenting.sequence}`,
    ...(isFragments ? ["#EXT-X-PLAYLIST-TYPE:VOD"] : []),
    ...(isFragments && playlist.isIndependent ? ["#EXT-X-INDEPENDENT-SEGMENTS"] : []),
    // In front of the key: the initialisation section is not encrypted.
    ...(isFragments ? [mapTag(uris, segmenting)] : []),
    ...(encryption === undefined ? [] : [`#EXT-X-KEY:METHOD=AES-128,URI=${quoted(encryption.keyUri)}`]),
    ...durations.flatMap((milliseconds, index) => [
      `#EXTINF:${durationText(milliseconds)},`,
      uriIn(uris, segmentFileName(segmenting, segmenting.sequence + index)),
    ]),
    "#EXT-X-ENDLIST",
  ]);
}

const mapTag = (uris: StreamUris, segmenting: Segmenting): string =>
  `#EXT-X-MAP:URI=${quoted(uriIn(uris, initFileName(segmenting)))}`;

/** A key frame: the bytes of its segment up to its end. */
export interface KeyFrameEntry {
  readonly segmentNumber: number;
  readonly durationMs: number;
  readonly bytes: number;
}

/** RFC 8216 4.3.3.6, of segments in fragments. */
export function keyFramePlaylist(segmenting: Segmenting, uris: StreamUris, entries: readonly KeyFrameEntry[]): string {
  return written([
    "#EXTM3U",
    `#EXT-X-TARGETDURATION:${targetDuration(entries.map(({ durationMs }) => durationMs))}`,
    `#EXT-X-VERSION:${FRAGMENT_VERSION}`,
    `#EXT-X-MEDIA-SEQUENCE:${segmenting.sequence}`,
    "#EXT-X-PLAYLIST-TYPE:VOD",
    "#EXT-X-I-FRAMES-ONLY",
    mapTag(uris, segmenting),
    ...entries.flatMap(({ segmentNumber, durationMs, bytes }) => [
      `#EXTINF:${secondsText(durationMs)},`,
      `#EXT-X-BYTERANGE:${bytes}@0`,
      uriIn(uris, segmentFileName(segmenting, segmentNumber)),
    ]),
    "#EXT-X-ENDLIST",
  ]);
}

/** What a master playlist says of its variant. */
export interface VariantFacts {
  readonly peakBitsPerSecond: number;
  readonly meanBitsPerSecond: number;
  /** Undefined without pictures (MEDIA-29). */
  readonly picture:
    | {
        readonly widthPixels: number;
        readonly heightPixels: number;
        readonly framesPerSecond: number;
      }
    | undefined;
  /** Undefined where one of the codecs is unknown. */
  readonly codecs: string | undefined;
  readonly isIndependent: boolean;
}

export interface MasterPlaylist {
  readonly version: 1 | 3;
  readonly form: Segmenting["form"];
  readonly variantUri: string;
  readonly facts: VariantFacts;
  readonly keyFrames:
    | {
        readonly uri: string;
        readonly peakBitsPerSecond: number;
        readonly codecs: string | undefined;
      }
    | undefined;
  readonly subtitles: { readonly uri: string; readonly language: string } | undefined;
}

const SUBTITLE_GROUP = "subtitles";

/** Always one variant (MEDIA-14). */
export function masterPlaylist(playlist: MasterPlaylist): string {
  const { form, facts, keyFrames, subtitles } = playlist;
  const isFragments = form === "fmp4";
  const needed = subtitles === undefined ? 1 : RENDITIONS_VERSION;
  const version = isFragments ? FRAGMENT_VERSION : Math.max(playlist.version, needed);
  const { picture } = facts;
  const resolution = picture === undefined ? [] : [`RESOLUTION=${picture.widthPixels}x${picture.heightPixels}`];
  const attributes = [
    ...(version < WITHOUT_PROGRAM_VERSION ? ["PROGRAM-ID=1"] : []),
    `BANDWIDTH=${facts.peakBitsPerSecond}`,
    ...(isFragments ? [`AVERAGE-BANDWIDTH=${facts.meanBitsPerSecond}`] : []),
    ...(isFragments && facts.codecs !== undefined ? [`CODECS=${quoted(facts.codecs)}`] : []),
    ...resolution,
    ...(isFragments && picture !== undefined ? [`FRAME-RATE=${picture.framesPerSecond.toFixed(3)}`] : []),
    ...(subtitles === undefined ? [] : [`SUBTITLES=${quoted(SUBTITLE_GROUP)}`]),
  ];
  return written([
    "#EXTM3U",
    ...(version === 1 ? [] : [`#EXT-X-VERSION:${version}`]),
    ...(isFragments && facts.isIndependent ? ["#EXT-X-INDEPENDENT-SEGMENTS"] : []),
    ...(subtitles === undefined ? [] : [subtitlesTag(subtitles.uri, subtitles.language)]),
    `#EXT-X-STREAM-INF:${attributes.join(",")}`,
    playlist.variantUri,
    ...(keyFrames === undefined
      ? []
      : [
          `#EXT-X-I-FRAME-STREAM-INF:${[
            `BANDWIDTH=${keyFrames.peakBitsPerSecond}`,
            ...(keyFrames.codecs === undefined ? [] : [`CODECS=${quoted(keyFrames.codecs)}`]),
            ...resolution,
            `URI=${quoted(keyFrames.uri)}`,
          ].join(",")}`,
        ]),
  ]);
}

function subtitlesTag(uri: string, language: string): string {
  const isKnown = /^[a-z]{3}$/.test(language) && language !== "und";
  const attributes = [
    "TYPE=SUBTITLES",
    `GROUP-ID=${quoted(SUBTITLE_GROUP)}`,
    `NAME=${quoted(isKnown ? language : "Subtitles")}`,
    ...(isKnown ? [`LANGUAGE=${quoted(language)}`] : []),
    "DEFAULT=NO",
    "AUTOSELECT=YES",
    `URI=${quoted(uri)}`,
  ];
  return `#EXT-X-MEDIA:${attributes.join(",")}`;
}

/** One WebVTT file for the whole film. */
export const subtitlePlaylist = (uri: string, durationSeconds: number): string => {
  const milliseconds = Math.round(durationSeconds * 1000);
  return written([
    "#EXTM3U",
    `#EXT-X-TARGETDURATION:${targetDuration([milliseconds])}`,
    "#EXT-X-VERSION:3",
    "#EXT-X-MEDIA-SEQUENCE:0",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    `#EXTINF:${secondsText(milliseconds)},`,
    uri,
    "#EXT-X-ENDLIST",
  ]);
};

/**
 * Highest rate of consecutive segments that last half to one and a half times the target duration together (RFC 8216
 * 4.3.4.2), and the rate of all; bits per second.
 */
export function ratesOf(
  bytes: readonly number[],
  boundsSeconds: readonly number[],
): { readonly peakBitsPerSecond: number; readonly meanBitsPerSecond: number } {
  const durations = durationsMs(boundsSeconds);
  const targetMs = targetDuration(durations) * 1000;
  const wholeMs = Math.max(
    1,
    durations.reduce((sum, duration) => sum + duration, 0),
  );
  const mean = (bytes.reduce((sum, size) => sum + size, 0) * 8000) / wholeMs;
  let peak = mean;
  let end = 0;
  let milliseconds = 0;
  let size = 0;
  for (let first = 0; first < bytes.length; first++) {
    for (; end < bytes.length && milliseconds < targetMs / 2; end++) {
      milliseconds += durations[end] ?? 0;
      size += bytes[end] ?? 0;
    }
    if (milliseconds >= targetMs / 2 && milliseconds <= targetMs * 1.5)
      peak = Math.max(peak, (size * 8000) / milliseconds);
    milliseconds -= durations[first] ?? 0;
    size -= bytes[first] ?? 0;
  }
  return {
    peakBitsPerSecond: Math.ceil(peak),
    meanBitsPerSecond: Math.ceil(mean),
  };
}
