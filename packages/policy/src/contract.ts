import type { CacheControl, Method } from "@basalt/http";

/** What policy needs to know of an origin response; made once when the head arrives. Plain data. */
export interface ResponseFacts {
  readonly status: number;
  readonly cacheControl: CacheControl;
  /**
   * CDN-Cache-Control (RFC 9213), else Surrogate-Control: replaces Cache-Control and Expires for a conforming shared
   * cache. Undefined when absent, empty or malformed.
   */
  readonly targeted: CacheControl | undefined;
  /** Last-Modified since the epoch in ms, if valid. */
  readonly lastModifiedMs: number | undefined;
  /** Date; when absent or invalid the moment of arrival, if the caller gave it (RFC 9110 6.6.1). */
  readonly dateMs: number | undefined;
  /** Undefined when absent; what is no date counts as already expired (RFC 9111 5.3). */
  readonly expires: number | "invalid" | undefined;
  /** First member of Age, 0 when absent or no number (RFC 9111 5.1). */
  readonly ageSeconds: number;
  /** The ETag field as received, if valid. */
  readonly etag: string | undefined;
  /** Names of Vary in lower case, sorted; empty when there is none. */
  readonly vary: "*" | readonly string[];
  readonly contentLocation: string | undefined;
  readonly hasSetCookie: boolean;
}

/** What policy needs to know of a client's request. */
export interface RequestFacts {
  readonly method: Method;
  /** `Pragma: no-cache` counts as no-cache where there is no Cache-Control (RFC 9111 5.4). */
  readonly cacheControl: CacheControl;
  readonly hasAuthorization: boolean;
}

/** Why a TTL is what it is: shown by explain and fileinfo. The kinds from `s_maxage` on are of `rfc9111` alone. */
export type TtlSource =
  | { readonly kind: "cc_nocache" }
  | { readonly kind: "custom"; readonly line: number }
  | { readonly kind: "cc_maxage" }
  | { readonly kind: "rescode"; readonly row: "Res2xx" | "Res3xx" | "Res4xx" | "Res5xx" }
  | { readonly kind: "s_maxage" }
  /** CDN-Cache-Control or Surrogate-Control. */
  | { readonly kind: "targeted" }
  | { readonly kind: "expires" }
  | { readonly kind: "heuristic" }
  /** Nothing gives a lifetime: to be confirmed at each use. */
  | { readonly kind: "none" };

export interface TtlDecision {
  /** Seconds, >= 0. */
  readonly ttl: number;
  readonly source: TtlSource;
}

/** Why an answer is handed to its client alone. */
export type PassReason =
  | "method"
  | "request-no-store"
  | "no-store"
  | "private"
  | "authorization"
  | "status"
  | "not-understood"
  | "no-lifetime"
  | "vary-any"
  | "partial"
  /** The store has failed the request. */
  | "store-failed";

export type StorageDecision = { readonly kind: "store" } | { readonly kind: "pass"; readonly reason: PassReason };

/** What a request may do with a stored response: answer, answer and renew behind it, renew first, or answer 504. */
export type ReuseDecision = "serve" | "serveAndRenew" | "renew" | "gatewayTimeout";

/** An entry of ttl.txt that matches (TTL-19). */
export interface CustomTtl {
  readonly seconds: number;
  readonly line: number;
}

/** How a virtual host caches; compiled once per configuration, one implementation per profile. */
export interface CachingRules {
  readonly profile: "guide" | "rfc9111";
  /**
   * Whether a response may be kept and given to others (RFC 9111 3). A HEAD that is asked as GET counts as GET. POST:
   * whether Content-Location names the target (RFC 9110 9.3.3) is the caller's to check, see `sameOriginUrl`.
   * `custom` is a lifetime, but opens no status and no cookie to the cache. Interim, 206 and 304 answers are never
   * stored as whole ones, in either profile.
   */
  decideStorage(request: RequestFacts, response: ResponseFacts, custom?: CustomTtl): StorageDecision;
  /** TTL from arrival (TTL-22; RFC 9111 4.2). */
  decideTtl(response: ResponseFacts, ageOnArrivalSeconds: number, custom?: CustomTtl): TtlDecision;
  /** TTL in seconds from the arrival of an answer that confirmed the stored response, whose facts are given updated. */
  extendTtl(
    previousTtlSeconds: number,
    response: ResponseFacts,
    ageOnArrivalSeconds: number,
    custom: CustomTtl | undefined,
    expiredByForce: boolean,
  ): number;
  /** `failure`: the origin failed; the stored response may answer by `mayServeStaleOnError`, else the failure does. */
  decideRevalidation(status: number, storedStatus: number): "extend" | "replace" | "failure";
  /**
   * `staleSeconds`: seconds past the TTL, negative while fresh. Without a request (derivation, prefetch) its
   * directives are none.
   */
  decideReuse(
    request: RequestFacts | undefined,
    response: ResponseFacts,
    ageSeconds: number,
    staleSeconds: number,
  ): ReuseDecision;
  /** Whether a stored response may answer when the origin cannot be reached or failed (RFC 9111 4.2.4, RFC 5861 4). */
  mayServeStaleOnError(
    request: RequestFacts | undefined,
    response: ResponseFacts,
    ageSeconds: number,
    staleSeconds: number,
  ): boolean;
  /**
   * Request fields that tell the representations of a response apart (RFC 9111 4.1): Vary as far as `<VaryHeader>`
   * honours it (KEY-09), lower case, sorted, without Accept-Encoding, which the variant tells apart (OPEN 11).
   * `*`: never to be reused (KEY-10).
   */
  selectingFields(vary: "*" | readonly string[]): "*" | readonly string[];
  /** Fields that are stored, flat. */
  storedFields(fields: readonly string[], receivedAtMs: number): string[];
  /** Stored fields after a 304 (TTL-02, RFC 9111 3.2) or the answer to a HEAD (RFC 9111 4.3.5). */
  updatedFields(stored: readonly string[], received: readonly string[], receivedAtMs: number): UpdatedFields;
}

export interface UpdatedFields {
  readonly fields: string[];
  /** Whether anything but Date differs. */
  readonly isChanged: boolean;
}
