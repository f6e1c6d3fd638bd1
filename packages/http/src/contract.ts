/**
 * Shapes of HTTP/1.1 messages as the rest of Basalt sees them. Pure: no sockets, no clocks.
 * Field text is latin1 (RFC 9110 5.5): one character is one byte, both ways.
 */

export interface HeadLimits {
  /** Longest request target in bytes; longer answers 414. */
  readonly targetBytes: number;
  /** Longest head (request line, fields, blank line) in bytes; longer answers 431. */
  readonly headBytes: number;
  /** Most field lines; more answer 431. */
  readonly fieldCount: number;
}

/** Method codes: the hot path compares small integers. Anything not listed is `OTHER` (the name is kept). */
export const METHOD = {
  GET: 0,
  HEAD: 1,
  POST: 2,
  PUT: 3,
  DELETE: 4,
  PATCH: 5,
  OPTIONS: 6,
  TRACE: 7,
  CONNECT: 8,
  PURGE: 9,
  EXPIRE: 10,
  EXPIREAFTER: 11,
  HARDPURGE: 12,
  OTHER: 13,
} as const;
export type Method = (typeof METHOD)[keyof typeof METHOD];

/** Facts of a field block that decide the path of a request, as bits of `FieldBlock.flags`. */
export const FIELD = {
  /** `Connection: close` was sent. */
  CLOSE: 1 << 0,
  /** `Connection: keep-alive` was sent. */
  KEEP_ALIVE: 1 << 1,
  /** `Connection: upgrade` together with an `Upgrade` field. */
  UPGRADE: 1 << 2,
  /** `Expect: 100-continue`. */
  EXPECT_CONTINUE: 1 << 3,
  /** Any `Expect` other than 100-continue. */
  EXPECT_OTHER: 1 << 4,
  RANGE: 1 << 5,
  IF_RANGE: 1 << 6,
  IF_NONE_MATCH: 1 << 7,
  IF_MODIFIED_SINCE: 1 << 8,
  IF_MATCH: 1 << 9,
  IF_UNMODIFIED_SINCE: 1 << 10,
  AUTHORIZATION: 1 << 11,
  COOKIE: 1 << 12,
  /** `Cache-Control` or `Pragma` present. */
  CACHE_CONTROL: 1 << 13,
  /** `Accept-Encoding` offers gzip or x-gzip with q > 0 (or `*` with q > 0 and no explicit gzip;q=0). */
  ACCEPTS_GZIP: 1 << 14,
  /** `Accept-Encoding` offers gzip or deflate with q > 0 (KEY-02, OPEN 11 reading B). */
  ACCEPTS_COMPRESSION: 1 << 15,
  CHUNKED: 1 << 16,
  TE: 1 << 17,
  X_FORWARDED_FOR: 1 << 18,
  CONTENT_LENGTH: 1 << 19,
  /** `Accept-Encoding` names br with q > 0. */
  ACCEPTS_BROTLI: 1 << 20,
  /** `Accept-Encoding` names zstd with q > 0. */
  ACCEPTS_ZSTD: 1 << 21,
} as const;

/**
 * Above the bits of FIELD: for gzip, br and zstd, in that order and two bits each, how many of the others the client
 * likes better. Without meaning for a coding that it does not take.
 */
export const CODING_RANKS = { shift: 22, mask: 0b11_11_11 } as const;

/**
 * One block of field lines, parsed once and immutable. A connection whose next request carries the same bytes
 * gets the very same object again, so whatever a caller derives from it may be cached by identity.
 */
export interface FieldBlock {
  /** Number of field lines. */
  readonly count: number;
  /** Field name as sent. */
  name(index: number): string;
  /** Field value, outer white space removed. */
  value(index: number): string;
  /** Combined value of all lines of that name ("a, b"); the name in lower case. */
  get(lowerCaseName: string): string | undefined;
  /** All lines of that name, in order. */
  getAll(lowerCaseName: string): readonly string[];
  has(lowerCaseName: string): boolean;
  /** Flat name, value, name, value … as sent: what is handed to an origin before hop-by-hop removal. */
  toFlatArray(): string[];
  /** Bits of FIELD. */
  readonly flags: number;
  /** The Host field: validated, lower case, with port if sent; undefined when absent. */
  readonly host: string | undefined;
  /** Value of Content-Length, or -1. */
  readonly contentLength: number;
}

/** Why a head was refused: always an entry of the error register, plus a phrase for the log. */
export interface Rejection {
  readonly code:
    | "REQUEST_MALFORMED"
    | "REQUEST_TARGET_TOO_LONG"
    | "REQUEST_HEAD_TOO_LARGE"
    | "VERSION_NOT_SUPPORTED"
    | "TRANSFER_CODING_NOT_IMPLEMENTED";
  readonly detail: string;
}

export const PARSE_NEED_MORE = -1;
export const PARSE_REJECTED = -2;

/**
 * Incremental request-head parser of one connection. Strict by RFC 9112: CRLF only, no obs-fold, no space before
 * the colon, tokens only in names, no control characters in values, one Host, no Content-Length beside
 * Transfer-Encoding, `chunked` last and alone, digits only in Content-Length, HTTP/1.0 and 1.1 only.
 *
 * `parse` reads `buffer[start, end)` without keeping a reference to it, and returns the index behind the head,
 * PARSE_NEED_MORE (call again with the same start and a larger end, or a copy), or PARSE_REJECTED (`rejection` is
 * set). Results stay valid until the next call. A head whose bytes equal the connection's previous one costs one
 * comparison and allocates nothing; one whose field block equals the previous costs the request line only.
 * Empty lines (CRLF) before a request line are skipped, at most two (RFC 9112 2.2).
 */
export interface RequestHeadParser {
  parse(buffer: Buffer, start: number, end: number): number;
  readonly method: Method;
  /** Method as sent. */
  readonly methodName: string;
  /** Request target as sent (origin-form, absolute-form, authority-form or `*`), validated: printable ASCII only. */
  readonly target: string;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minorVersion: 0 | 1;
  readonly fields: FieldBlock;
  readonly rejection: Rejection | undefined;
}

/** Where a decoder stands after `decode`. */
export const CHUNK_NEED_MORE = 0;
export const CHUNK_DONE = 1;
export const CHUNK_REJECTED = 2;

/**
 * Strict incremental decoder of the chunked coding (RFC 9112 7.1): CRLF only, extensions within a limit and
 * ignored, trailers within limits, chunk sizes of at most 15 hex digits.
 */
export interface ChunkedDecoder {
  /**
   * Consumes `buffer[start, end)`; calls `onData` with sub-ranges of it (views are valid during the call only).
   * Returns one of CHUNK_*; `position` tells how far it read.
   */
  decode(
    buffer: Buffer,
    start: number,
    end: number,
    onData: (buffer: Buffer, from: number, to: number) => void,
  ): number;
  readonly position: number;
  /** Flat trailer fields after CHUNK_DONE. */
  readonly trailers: readonly string[];
  readonly rejection: Rejection | undefined;
  reset(): void;
}

/** A byte range as asked for (RFC 9110 14.1.2): `first` and `last` inclusive, or the last `suffix` bytes. */
export type RangeSpec =
  | { readonly kind: "range"; readonly first: number; readonly last: number | undefined }
  | { readonly kind: "suffix"; readonly length: number };

/** A satisfied range: half-open, in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Cache-Control of a request or a response; numbers are delta-seconds; unknown directives are kept by name. */
export interface CacheControl {
  readonly noCache: boolean;
  readonly noCacheFields: readonly string[];
  readonly noStore: boolean;
  readonly noTransform: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly isPublic: boolean;
  readonly isPrivate: boolean;
  readonly privateFields: readonly string[];
  readonly immutable: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAge: number | undefined;
  readonly sMaxAge: number | undefined;
  /** `max-stale` without a value is Infinity. */
  readonly maxStale: number | undefined;
  readonly minFresh: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
}

export interface EntityTag {
  readonly weak: boolean;
  /** Opaque part with its quotes. */
  readonly opaque: string;
}
