import type { CacheControl } from "@basalt/http";

/** What policy needs to know of an origin response; made once when the head arrives. Plain data. */
export interface ResponseFacts {
  readonly status: number;
  readonly cacheControl: CacheControl;
  /** Seconds of the Last-Modified field since the epoch in ms, if valid. */
  readonly lastModifiedMs: number | undefined;
  readonly dateMs: number | undefined;
  readonly expiresMs: number | undefined;
  readonly ageSeconds: number;
  /** The ETag field as received, if valid. */
  readonly etag: string | undefined;
}

/** Why a TTL is what it is: shown by explain and fileinfo. */
export type TtlSource =
  | { readonly kind: "cc_nocache" }
  | { readonly kind: "custom"; readonly line: number }
  | { readonly kind: "cc_maxage" }
  | { readonly kind: "rescode"; readonly row: "Res2xx" | "Res3xx" | "Res4xx" | "Res5xx" };

export interface TtlDecision {
  /** Seconds, >= 0. */
  readonly ttl: number;
  readonly source: TtlSource;
}
