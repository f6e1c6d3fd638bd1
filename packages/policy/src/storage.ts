import { METHOD, statusReason } from "@basalt/http";
import type { CustomTtl, PassReason, RequestFacts, ResponseFacts, StorageDecision } from "./contract.ts";
import { effectiveCacheControl, explicitLifetime, isBareNoCache } from "./lifetime.ts";

export const STORE: StorageDecision = { kind: "store" };

/** Answers that are no whole, final ones: interim, a confirmation, a part (RFC 9111 3.3). */
export const passReasonOfStatus = (status: number): PassReason | undefined => {
  if (status === 206) return "partial";
  return status < 200 || status === 304 ? "status" : undefined;
};

/** Status codes whose answers may be stored without explicit freshness (RFC 9110 15.1), as far as they are whole. */
const HEURISTICALLY_CACHEABLE: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

export const isHeuristicallyCacheable = (status: number): boolean => HEURISTICALLY_CACHEABLE.has(status);

/** Whether a shared cache may store an answer (RFC 9111 3), and if not, the first reason why. */
export const decideSharedStorage = (
  request: RequestFacts,
  response: ResponseFacts,
  isVaryAny: boolean,
  custom: CustomTtl | undefined,
): StorageDecision => {
  const reason =
    reasonOfRequest(request, response) ??
    passReasonOfStatus(response.status) ??
    reasonOfDirectives(request, response) ??
    (isVaryAny ? "vary-any" : undefined) ??
    reasonOfLifetime(response, custom);
  return reason === undefined ? STORE : { kind: "pass", reason };
};

/** GET and HEAD; POST with explicit freshness and a Content-Location (RFC 9110 9.3.3). */
const reasonOfRequest = (request: RequestFacts, response: ResponseFacts): PassReason | undefined => {
  switch (request.method) {
    case METHOD.GET:
    case METHOD.HEAD:
      break;
    case METHOD.POST:
      if (response.contentLocation === undefined || explicitLifetime(response) === undefined) return "method";
      break;
    default:
      return "method";
  }
  return request.cacheControl.noStore ? "request-no-store" : undefined;
};

/**
 * RFC 9111 3.5 and 5.2.2. `must-understand` takes the place of `no-store` for a status that is understood (5.2.2.3);
 * the qualified form of `private` concerns the fields it names alone (5.2.2.7).
 */
const reasonOfDirectives = (request: RequestFacts, response: ResponseFacts): PassReason | undefined => {
  const cacheControl = effectiveCacheControl(response);
  if (cacheControl.mustUnderstand) {
    if (statusReason(response.status) === "") return "not-understood";
  } else if (cacheControl.noStore) {
    return "no-store";
  }
  if (cacheControl.isPrivate && cacheControl.privateFields.length === 0) return "private";
  const isAllowedForAll = cacheControl.isPublic || cacheControl.mustRevalidate || cacheControl.sMaxAge !== undefined;
  return request.hasAuthorization && !isAllowedForAll ? "authorization" : undefined;
};

/**
 * An explicit lifetime opens any status. Without one the status or `public` must (RFC 9110 15.1, RFC 9111 4.2.2),
 * there must be something to live by or to ask the origin with, and no cookie: an answer that sets one and says
 * nothing of caches was hardly meant for others (RFC 9111 7.3).
 */
const reasonOfLifetime = (response: ResponseFacts, custom: CustomTtl | undefined): PassReason | undefined => {
  const cacheControl = effectiveCacheControl(response);
  const hasValidator = response.etag !== undefined || response.lastModifiedMs !== undefined;
  if (isBareNoCache(cacheControl)) return hasValidator && !isOddStatus(response) ? undefined : "no-lifetime";
  if (explicitLifetime(response) !== undefined) return undefined;
  if (isOddStatus(response)) return "status";
  if (response.hasSetCookie) return "no-lifetime";
  return custom !== undefined || hasValidator ? undefined : "no-lifetime";
};

const isOddStatus = (response: ResponseFacts): boolean =>
  !isHeuristicallyCacheable(response.status) && !effectiveCacheControl(response).isPublic;
