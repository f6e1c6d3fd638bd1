/**
 * What this package makes of media files. It has no I/O: whoever calls reads the byte ranges that it asks for, and repeats
 * the call with them. Everything that crosses a thread is plain data.
 */

/** Bytes `[start, end)` of the source file. */
export interface SourceRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes of the source file that are at hand. */
export interface SourcePiece {
  readonly start: number;
  readonly bytes: Uint8Array;
}

export type MediaFormat = "mp4" | "mp3";

/** One section as a client wrote it, seconds; undefined: from the beginning, to the end (MEDIA-74, MEDIA-92). */
export interface Section {
  readonly startSeconds: number | undefined;
  readonly endSeconds: number | undefined;
}

/** What of a file is wanted, and in which order. */
export interface Cut {
  /** At least one. */
  readonly sections: readonly Section[];
  /** Tracks beside sound and picture are kept too (MEDIA-73). */
  readonly allTracks: boolean;
  /**
   * Percent by which the playing time of the result may exceed that of the source (MEDIA-93); undefined for a single
   * section by start and end, where start > end means the whole file (MEDIA-75).
   */
  readonly maxRatioPercent: number | undefined;
}

/** How a source is cut into segments: equal values give equal segments. */
export interface Segmenting {
  /** `mp3` only of MP3 sources. */
  readonly form: "ts" | "mp3" | "fmp4";
  readonly durationSeconds: number;
  /** Number of the first segment (MEDIA-16). */
  readonly sequence: number;
  /** Of fmp4: that track alone, as DASH has them; undefined: sound and picture in one segment. */
  readonly tracks?: "video" | "audio";
}

/** URIs of a playlist are `prefix + name + suffix`, percent-encoded already and absolute paths (MEDIA-25, MEDIA-103). */
export interface StreamUris {
  readonly prefix: string;
  readonly suffix: string;
}

/** What a client asks to be made of a media file. Equal tasks on equal sources give equal bytes (MEDIA-36). */
export type MediaTask =
  /** MEDIA-60: the header in front. */
  | { readonly kind: "relocate" }
  /** MEDIA-70, MEDIA-90: a file of its own. */
  | { readonly kind: "trim"; readonly cut: Cut }
  | {
      readonly kind: "playlist";
      /** `master` names one variant, `variantName`; `iframes` lists key frames (RFC 8216 4.3.3.6). */
      readonly list: "segments" | "master" | "iframes";
      /** `<Index Ver>`; 3 becomes 7 where the form is fmp4, and 4 for `iframes`. */
      readonly version: 1 | 3;
      readonly segmenting: Segmenting;
      readonly cut: Cut | undefined;
      readonly uris: StreamUris;
      /** `<AlternatesName>`. */
      readonly variantName: string;
      /** Name of the I-frame playlist that a master playlist names; undefined: none. */
      readonly iframesName: string | undefined;
      /** Name of the subtitle playlist of the first text track that a master playlist names; undefined: none. */
      readonly subtitlesName: string | undefined;
      readonly encryption: SegmentEncryption | undefined;
    }
  | {
      readonly kind: "segment";
      /** As in the URL; out of range is `absent`. */
      readonly number: number;
      readonly segmenting: Segmenting;
      readonly cut: Cut | undefined;
      readonly encryption: SegmentEncryption | undefined;
    }
  /** The initialisation section of fmp4. */
  | { readonly kind: "init"; readonly segmenting: Segmenting; readonly cut: Cut | undefined }
  /** A static DASH manifest over fmp4 segments. */
  | {
      readonly kind: "manifest";
      readonly segmenting: Segmenting;
      readonly cut: Cut | undefined;
      readonly uris: StreamUris;
    }
  /** The first text track as one WebVTT file, and the playlist that names it. */
  | {
      readonly kind: "subtitles";
      readonly list: "playlist" | "webvtt";
      /** Of the stream beside which the text is shown: its time stamps are those of WebVTT too. */
      readonly segmenting: Segmenting;
      readonly cut: Cut | undefined;
      readonly uris: StreamUris;
    }
  /** The key of encrypted segments, as it is (`application/octet-stream`). */
  | { readonly kind: "key"; readonly key: Uint8Array };

/** AES-128 of whole segments (RFC 8216 4.3.2.4); the initialisation vector is the segment's number. */
export interface SegmentEncryption {
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** Where players get the key. */
  readonly keyUri: string;
}

/** A file in pieces, so that nothing of the media data need be copied: bytes of its own and ranges of the source. */
export type RecipePiece =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "source"; readonly start: number; readonly end: number };

/**
 * Answer of `runMediaTask`. `needs`: these ranges of the source (sorted, merged, not overlapping) have to be among the
 * pieces; call again with them, and best with memory for so many bytes of result (`resultBytes`, where it is known about;
 * see `ResultRoom`). `absent`: there is no such segment (404). `unchanged`: the source serves as it is
 * (MEDIA-06, MEDIA-64, MEDIA-75). `unreadable`: nothing can be made of such a file.
 */
export type MediaOutcome =
  | { readonly kind: "needs"; readonly ranges: readonly SourceRange[]; readonly resultBytes?: number }
  | {
      readonly kind: "bytes";
      readonly body: Uint8Array<ArrayBuffer>;
      readonly contentType: string;
      /** How long it plays: of segments. */
      readonly playSeconds?: number;
    }
  /** Encoded by `encodeRecipe`: the result has the Content-Type of the source. */
  | { readonly kind: "recipe"; readonly recipe: Uint8Array<ArrayBuffer> }
  | { readonly kind: "unchanged"; readonly reason: string }
  | { readonly kind: "absent" }
  | { readonly kind: "unreadable"; readonly detail: string };

/**
 * What is known of a file after its analysis, in one piece of memory that all threads share: encoded by the reader of
 * the format, opened by `openMovie` or `openAudioFile`.
 */
export type MediaIndexMemory = SharedArrayBuffer;
