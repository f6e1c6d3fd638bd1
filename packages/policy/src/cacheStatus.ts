import { formatStructuredString, formatTokenOrString } from "@basalt/http";

/** Why a request went to the origin (RFC 9211 2.2). */
export type ForwardReason = "bypass" | "method" | "uri-miss" | "vary-miss" | "miss" | "request" | "stale" | "partial";

/** What one cache did with a request (RFC 9211 2). */
export interface CacheStatus {
  /** How the cache names itself. */
  readonly cacheName: string;
  /** `hit`: answered from what is stored, without the origin; else why it was asked. */
  readonly outcome: "hit" | ForwardReason;
  /** Status that the origin answered with, where it differs from what the client gets. */
  readonly fwdStatus?: number | undefined;
  /** Seconds of freshness left; negative when stale. */
  readonly ttlSeconds?: number | undefined;
  readonly isStored?: boolean | undefined;
  /** The request shared another one's way to the origin. */
  readonly isCollapsed?: boolean | undefined;
  readonly key?: string | undefined;
  readonly detail?: string | undefined;
}

/** The member that this cache adds to Cache-Status, as a structured item (RFC 9211 2, RFC 9651). */
export const cacheStatusMember = (status: CacheStatus): string => {
  const parameters = [formatTokenOrString(status.cacheName)];
  parameters.push(status.outcome === "hit" ? "hit" : `fwd=${status.outcome}`);
  if (status.outcome !== "hit" && status.fwdStatus !== undefined) parameters.push(`fwd-status=${status.fwdStatus}`);
  if (status.ttlSeconds !== undefined) parameters.push(`ttl=${Math.trunc(status.ttlSeconds)}`);
  if (status.outcome !== "hit" && status.isStored === true) parameters.push("stored");
  if (status.outcome !== "hit" && status.isCollapsed === true) parameters.push("collapsed");
  if (status.key !== undefined) parameters.push(`key=${formatStructuredString(status.key)}`);
  if (status.detail !== undefined) parameters.push(`detail=${formatTokenOrString(status.detail)}`);
  return parameters.join("; ");
};
