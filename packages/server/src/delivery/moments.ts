import { formatHttpDate, getField, parseHttpDate } from "@basalt/http";
import { currentAge } from "@basalt/policy";
import type { ServedVhost } from "../servedVhost.ts";

/** A stored response, or its head. */
interface Dated {
  readonly fields: readonly string[];
  readonly storedAtMs: number;
  readonly validatedAtMs: number;
  readonly initialAgeSeconds: number;
}

/** Two moments that are the same but for the rounding of ages. */
const SAME_MS = 2000;

/** RFC 9111 4.2.3: what it was when the origin sent or confirmed it, and the seconds since. */
export const ageOf = ({ initialAgeSeconds, validatedAtMs }: Omit<Dated, "fields">, nowMs: number): number =>
  currentAge(initialAgeSeconds, validatedAtMs, nowMs);

/**
 * Date of a response, epoch ms. By the guide each response is dated by this server; a conforming cache passes on when the
 * origin made it (RFC 9110 6.6.1) or, since a 304 need not carry a new Date, when the origin confirmed it.
 */
export const dateMsOf = (vhost: ServedVhost, response: Dated, nowMs: number): number => {
  if (vhost.cache.rules.profile === "guide") return nowMs;
  const { fields, storedAtMs, validatedAtMs, initialAgeSeconds } = response;
  const confirmedMs = validatedAtMs - initialAgeSeconds * 1000;
  const sent = getField(fields, "date");
  const sentMs = sent === undefined ? undefined : parseHttpDate(sent);
  if (sentMs === undefined) return confirmedMs;
  return validatedAtMs === storedAtMs || Math.abs(sentMs - confirmedMs) <= SAME_MS ? sentMs : confirmedMs;
};

/** Value of Date. */
export const dateOf = (vhost: ServedVhost, response: Dated, nowMs: number): string =>
  formatHttpDate(dateMsOf(vhost, response, nowMs));
