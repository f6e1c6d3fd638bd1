import type { VhostOptions } from "@basalt/config";
import { getField, parseCacheControl, parseEntityTag } from "@basalt/http";
import { isNoCacheAnswer } from "./freshness.ts";
import { isStandardField } from "./storedFields.ts";
import { TAGS_FIELD_LOWER_CASE } from "./tags.ts";

/** How the server names itself; both are an operator's choice. */
export interface ProductIdentity {
  readonly name: string;
  readonly version: string;
}

/** What a generated ETag is made of, as far as it is stored; `etagMark`: see `etagMarkOf`, 0 unless given. */
export interface TaggedContent {
  readonly fields: readonly string[];
  readonly storedAtMs: number;
  readonly sizeBytes: number;
  readonly etagMark?: number;
}

/** Tells apart what was made of one source: compressed copies of each coding and level, encrypted ones of each key. */
export const etagMarkOf = (head: { readonly sourceVersion: number; readonly bodyVersion: number }): number =>
  head.sourceVersion === 0 ? 0 : head.bodyVersion;

/** The ETag made here (HTTP-19): constant for one stored version of the body. */
export const generatedEtag = (storedAtMs: number, sizeBytes: number, etagMark = 0): string => {
  const mark = etagMark === 0 ? "" : `:${etagMark.toString(16)}`;
  return `"${Math.floor(storedAtMs / 1000).toString(16)}:${sizeBytes.toString(16)}${mark}"`;
};

export type EtagOptions = Pick<VhostOptions, "etagHeader" | "cachingProfile"> & { readonly originalETag: boolean };

/** The ETag that clients see and send back (HTTP-18, HTTP-19): the origin's with OriginalETag, else the generated one. */
export const clientEtag = (stored: TaggedContent, options: EtagOptions): string | undefined => {
  if (!options.etagHeader) return undefined;
  if (options.originalETag) {
    const sent = getField(stored.fields, "etag");
    return options.cachingProfile === "guide" ? quotedTag(sent) : sent;
  }
  return generatedEtag(stored.storedAtMs, stored.sizeBytes, stored.etagMark);
};

const BARE_TAG = /^(W\/)?([\x21\x23-\x7e\x80-\xff]+)$/;

/** An entity-tag as it was sent, or in the quotes that its sender forgot (REG-17); undefined for what is none either way. */
const quotedTag = (sent: string | undefined): string | undefined => {
  if (sent === undefined || parseEntityTag(sent) !== undefined) return sent;
  const [, weak = "", opaque] = BARE_TAG.exec(sent) ?? [];
  return opaque === undefined ? undefined : `${weak}"${opaque}"`;
};

/** Value of Via (HTTP-24), also for error pages; undefined when none is sent. */
export const viaValue = (options: Pick<VhostOptions, "viaHeader">, product: ProductIdentity): string | undefined =>
  options.viaHeader ? `${product.name}/${product.version}` : undefined;

export type ClientFieldOptions = EtagOptions &
  Pick<VhostOptions, "originalHeader" | "serverHeader" | "viaHeader" | "ttl">;

/**
 * Fields of a stored response for a client, flat: those stored as the settings now let them through, ETag, Via, and
 * the Cache-Control of `<NoCache MaxAge>` (TTL-08). Date, Age, Connection and Content-Length are added at delivery:
 * `Date` is left out here since the delivering side writes its own.
 */
export const selectClientFields = (
  stored: TaggedContent,
  options: ClientFieldOptions,
  product: ProductIdentity,
): string[] => {
  const maxAge = clientMaxAge(stored.fields, options);
  const selected: string[] = [];
  for (let index = 0; index + 1 < stored.fields.length; index += 2) {
    const name = stored.fields[index] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (lowerCaseName === "date" || lowerCaseName === "etag" || lowerCaseName === TAGS_FIELD_LOWER_CASE) continue;
    if (lowerCaseName === "server" && !options.serverHeader) continue;
    if (lowerCaseName === "cache-control" && maxAge !== undefined) continue;
    if (!options.originalHeader && !isStandardField(lowerCaseName)) continue;
    selected.push(name, stored.fields[index + 1] ?? "");
  }
  if (maxAge !== undefined) selected.push("Cache-Control", `max-age=${maxAge}`);
  const etag = clientEtag(stored, options);
  if (etag !== undefined) selected.push("ETag", etag);
  const via = viaValue(options, product);
  if (via !== undefined) selected.push("Via", via);
  return selected;
};

/** Seconds for which a client may keep an answer that the origin marked no-cache (TTL-08); undefined when not asked for. */
const clientMaxAge = (fields: readonly string[], options: Pick<VhostOptions, "ttl">): number | undefined => {
  const { maxAge } = options.ttl.noCache;
  if (maxAge <= 0) return undefined;
  return isNoCacheAnswer(parseCacheControl(getField(fields, "cache-control"))) ? maxAge : undefined;
};

/** Age of a response on arrival in seconds: RFC 2616 13.2.3 (HTTP-12) as RFC 9111 4.2.3 corrects it, the delay counted once. */
export const ageOnArrival = (
  facts: { readonly ageSeconds: number; readonly dateMs: number | undefined },
  requestedAtMs: number,
  receivedAtMs: number,
): number => {
  const apparentMs = facts.dateMs === undefined ? 0 : Math.max(0, receivedAtMs - facts.dateMs);
  const delayMs = Math.max(0, receivedAtMs - requestedAtMs);
  return Math.floor(Math.max(apparentMs, facts.ageSeconds * 1000 + delayMs) / 1000);
};

/**
 * Value of Age (HTTP-12; RFC 9111 4.2.3): what it was on arrival and the whole seconds since. `arrivedAtMs` is the
 * arrival of the answer that `initialAgeSeconds` belongs to: the stored one, or the last that confirmed it.
 */
export const currentAge = (initialAgeSeconds: number, arrivedAtMs: number, nowMs: number): number =>
  Math.max(0, initialAgeSeconds + Math.max(0, Math.floor((nowMs - arrivedAtMs) / 1000)));
