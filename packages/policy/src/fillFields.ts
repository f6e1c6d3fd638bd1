import type { VhostSettings } from "@basalt/config";
import { getField } from "@basalt/http";
import type { Variant } from "./cacheKey.ts";
import { cacheRequestFields, isWrittenFor, type OriginRequestClient, proxiedRequestFields } from "./originRequest.ts";
import { compileRequestSelection, type RequestSelector } from "./requestSelection.ts";

/** A client's request as far as it shapes the one that fills the cache. */
export interface FillingRequest {
  readonly client: OriginRequestClient;
  /** Combined value of a field. */
  readonly get: (lowerCaseName: string) => string | undefined;
  /** All fields, flat. */
  readonly toFlatArray: () => string[];
  /** A POST that is cached (KEY-16). */
  readonly hasKeyBody: boolean;
}

/** Those that the cache writes itself are not the client's to say. */
const WRITTEN_HERE: ReadonlySet<string> = new Set(["accept-encoding", "host", "user-agent", "x-forwarded-for"]);

/**
 * Fields of a request that fills the cache, flat, before headers.txt and validators. By the guide few of the client's
 * are handed on, so that none shapes what all are given, beside those that tell objects apart (KEY-09); a conforming
 * cache hands on what it does not know.
 */
export const fillRequestFields = (request: FillingRequest, vhost: VhostSettings, variant: Variant): string[] => {
  const selector = compileRequestSelection(vhost.options);
  if (selector === undefined) return profileFields(request, vhost, variant);
  return withCookie(selectedFields(request, vhost, variant, selector), selector.cookieOf(request.get));
};

/** AWS-54. */
const selectedFields = (
  request: FillingRequest,
  vhost: VhostSettings,
  variant: Variant,
  { handedOn }: RequestSelector,
): string[] => {
  if (handedOn === undefined) return profileFields(request, vhost, variant);
  if (handedOn === "all") return proxiedRequestFields(request.toFlatArray(), request.client, vhost, variant);
  const fields = cacheRequestFields(request.client, vhost, variant);
  for (const name of request.hasKeyBody ? [...handedOn, "content-type"] : handedOn) {
    const value = request.get(name);
    const written = fields.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
    if (value === undefined || isWrittenFor(vhost, name)) continue;
    if (written < 0) fields.push(name, value);
    else fields[written + 1] = value;
  }
  return fields;
};

/** Null leaves the field as it is. */
const withCookie = (fields: string[], cookie: string | undefined | null): string[] => {
  if (cookie === null) return fields;
  const others = fields.filter((_, index) => fields[index - (index % 2)]?.toLowerCase() !== "cookie");
  return cookie === undefined ? others : [...others, "Cookie", cookie];
};

const profileFields = (request: FillingRequest, vhost: VhostSettings, variant: Variant): string[] => {
  const { cachingProfile, varyHeader } = vhost.options;
  if (cachingProfile === "rfc9111" || varyHeader.includes("*")) {
    const handedOn = proxiedRequestFields(request.toFlatArray(), request.client, vhost, variant);
    return cachingProfile === "rfc9111" ? handedOn : withoutCredentials(handedOn, varyHeader);
  }
  const fields = cacheRequestFields(request.client, vhost, variant);
  const names = request.hasKeyBody ? [...varyHeader, "Content-Type"] : varyHeader;
  for (const name of names) {
    const lowerCaseName = name.toLowerCase();
    const value = request.get(lowerCaseName);
    const isWritten = WRITTEN_HERE.has(lowerCaseName) || getField(fields, lowerCaseName) !== undefined;
    if (value !== undefined && !isWritten) fields.push(name, value);
  }
  return fields;
};

/** The guide's rules share what a user was given: an origin that knows none gives nothing that is for one alone. */
const CREDENTIALS: ReadonlySet<string> = new Set(["authorization", "cookie"]);

const withoutCredentials = (fields: readonly string[], named: readonly string[]): string[] => {
  const kept: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = (fields[index] ?? "").toLowerCase();
    if (!CREDENTIALS.has(name) || named.includes(name)) kept.push(fields[index] ?? "", fields[index + 1] ?? "");
  }
  return kept;
};
