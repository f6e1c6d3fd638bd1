import type { SourceRange } from "../contract.ts";

/**
 * An MP4 or M4A file as the rest of the package sees it: tracks of samples, whatever boxes they came from (progressive or
 * fragmented, 32 or 64 bits). Opened from shared memory without copying; lookups take O(log n) at most.
 */
export interface Movie {
  /** Length of the source file. */
  readonly fileBytes: number;
  /** The `ftyp` box with which the file begins, whole; undefined where it does not. */
  readonly fileType: Uint8Array | undefined;
  readonly isFragmented: boolean;
  /** The end of the file is missing, and with it samples that its header names: they are left out here. */
  readonly isTruncated: boolean;
  /** The whole `moov` as it is in the file, for what is copied unread (metadata, unknown boxes). */
  readonly header: { readonly range: SourceRange; readonly bytes: Uint8Array };
  /** Where media data begins: the lowest sample offset; `fileBytes` without samples. */
  readonly firstMediaByte: number;
  /** Units per second of `mvhd`. */
  readonly timescale: number;
  /** Of the longest track of sound or picture, by its edit list; seconds. */
  readonly durationSeconds: number;
  /** In the order of the file. */
  readonly tracks: readonly MovieTrack[];
}

export interface MovieTrack {
  /** Position in `Movie.tracks`. */
  readonly position: number;
  /** `track_ID`. */
  readonly id: number;
  readonly kind: "video" | "audio" | "text" | "other";
  readonly isEnabled: boolean;
  readonly codec: Codec;
  /** RFC 6381, as `avc1.64001f`; undefined where unknown. */
  readonly codecs: string | undefined;
  /** The whole `trak` box as it is in the file. */
  readonly box: Uint8Array;
  /** The content of `stsd` behind its own header and counts: the sample entries. Samples of several entries: see `entryOf`. */
  readonly sampleEntries: readonly Uint8Array[];
  readonly timescale: number;
  /** ISO 639-2, `und` where unknown. */
  readonly language: string;
  /** As shown, after pixel aspect ratio but not rotation; 0 for sound. */
  readonly widthPixels: number;
  readonly heightPixels: number;
  /** Clockwise. */
  readonly rotationDegrees: 0 | 90 | 180 | 270;
  /**
   * Composition time that is shown at `delayUnits` (the media time of the first edit that is not empty), and the empty
   * time in front of it; both in units of `timescale`. 0 and 0 without an edit list. Presentation time of a sample =
   * composition time - mediaStartUnits + delayUnits.
   */
  readonly mediaStartUnits: number;
  readonly delayUnits: number;
  /** Length of the track's media by its samples. */
  readonly durationUnits: number;
  readonly sampleCount: number;
  /** Bytes of all samples. */
  readonly totalBytes: number;
  readonly syncCount: number;
  /** Lowest of the composition offsets of all samples, negative or not; 0 without samples. */
  readonly lowestCompositionOffset: number;
  /** Decode time of a sample; of `sampleCount`: the end of the last one. */
  decodeTimeOf(sample: number): number;
  /** Composition less decode time; may be negative. */
  compositionOffsetOf(sample: number): number;
  sizeOf(sample: number): number;
  /** Position in the source file. Samples need not lie in order. */
  offsetOf(sample: number): number;
  /** As `offsetOf`, for who goes through the samples in order: `end` is where the one in front of it ends. */
  offsetBehind(sample: number, end: number): number;
  isSync(sample: number): boolean;
  /** Index into `sampleEntries`. */
  entryOf(sample: number): number;
  /** The last sample whose decode time is at or before the time; -1 when there is none. */
  sampleAt(decodeTime: number): number;
  /** The last key frame at or before the sample; -1 when there is none. */
  syncAtOrBefore(sample: number): number;
  /** The first key frame at or behind the sample; `sampleCount` when there is none. */
  syncAtOrAfter(sample: number): number;
}

export type Codec =
  | {
      readonly kind: "avc";
      readonly nalLengthBytes: 1 | 2 | 4;
      readonly sequenceSets: readonly Uint8Array[];
      readonly pictureSets: readonly Uint8Array[];
    }
  /** VPS, SPS, PPS and the rest, in the order of the record. */
  | { readonly kind: "hevc"; readonly nalLengthBytes: 1 | 2 | 4; readonly parameterSets: readonly Uint8Array[] }
  | { readonly kind: "av1" }
  | {
      readonly kind: "aac";
      /** AudioSpecificConfig, whole. */
      readonly config: Uint8Array;
      /** As ADTS needs them, of the core stream: 2 for LC also under SBR. */
      readonly objectType: number;
      readonly frequencyIndex: number;
      readonly sampleRateHz: number;
      readonly channelConfiguration: number;
    }
  | { readonly kind: "mp3" }
  | { readonly kind: "ac3" }
  | { readonly kind: "eac3" }
  | { readonly kind: "tx3g" }
  | { readonly kind: "other"; readonly fourCharacters: string };

/**
 * Consecutive samples `[first, end)` of one track, in decode order. The last of them lasts until the next run begins, which
 * may be later (pictures left out between them) or earlier (a subtitle cut short) than its own duration says; the last of
 * all lasts as in the source, at most to the end of the timeline where it is no sound and no picture.
 */
export interface SampleRun {
  readonly first: number;
  readonly end: number;
  /** Decode time of the first sample in the new timeline, units of the track; runs of a track follow each other. */
  readonly decodeTime: number;
}

/**
 * A movie, or sections of it one after the other, on a timeline of its own that begins at 0: what trimming writes and
 * what HLS cuts into segments (MEDIA-100: trim first, then HLS).
 */
export interface MovieTimeline {
  readonly durationSeconds: number;
  /** The tracks that are kept, each at least with one run. */
  readonly tracks: readonly TimelineTrack[];
}

export interface TimelineTrack {
  readonly track: MovieTrack;
  readonly runs: readonly SampleRun[];
  /**
   * What takes the place of the track's own: presentation time of a sample = its composition time in the new timeline
   * - mediaStartUnits + delayUnits, so that a key frame before the start is decoded and not shown where that is wanted.
   */
  readonly mediaStartUnits: number;
  readonly delayUnits: number;
}
