import { trimWhiteSpace } from "./bytes.ts";
import { CODING_RANKS, FIELD } from "./contract.ts";

const WEIGHT = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

const weightOf = (parameters: readonly string[]): number | undefined => {
  for (const parameter of parameters) {
    const equals = parameter.indexOf("=");
    if (equals < 0 || trimWhiteSpace(parameter.slice(0, equals)).toLowerCase() !== "q") continue;
    const weight = trimWhiteSpace(parameter.slice(equals + 1));
    return WEIGHT.test(weight) ? Number(weight) : undefined;
  }
  return 1;
};

/**
 * Codings of an Accept-Encoding value in lower case with their weights (RFC 9110 12.5.3), `*` among them. The first
 * mention of a coding counts; a member with a malformed weight is left out.
 */
export const parseAcceptEncoding = (value: string): Map<string, number> => {
  const weights = new Map<string, number>();
  for (const member of value.split(",")) {
    const [coding = "", ...parameters] = member.split(";");
    const name = trimWhiteSpace(coding).toLowerCase();
    const weight = weightOf(parameters);
    if (name !== "" && weight !== undefined && !weights.has(name)) weights.set(name, weight);
  }
  return weights;
};

const RANK_BITS = 2;

/** By `*` a client gets gzip, which is known everywhere; br and zstd have to be named. */
const offersOf = (value: string): number => {
  const weights = parseAcceptEncoding(value);
  const gzip = weights.get("gzip") ?? weights.get("x-gzip");
  const acceptsCompression = (gzip ?? 0) > 0 || (weights.get("deflate") ?? 0) > 0;
  const ranked = [gzip ?? weights.get("*") ?? 0, weights.get("br") ?? 0, weights.get("zstd") ?? 0];
  const bits = [FIELD.ACCEPTS_GZIP, FIELD.ACCEPTS_BROTLI, FIELD.ACCEPTS_ZSTD];
  let offers: number = acceptsCompression ? FIELD.ACCEPTS_COMPRESSION : 0;
  for (const [index, weight] of ranked.entries()) {
    if (weight <= 0) continue;
    const rank = ranked.filter((other) => other > weight).length;
    offers |= (bits[index] ?? 0) | (rank << (CODING_RANKS.shift + index * RANK_BITS));
  }
  return offers;
};

const REMEMBERED = 128;
const LONGEST_REMEMBERED = 128;
const remembered = new Map<string, number>();

/** ACCEPTS_* bits and CODING_RANKS of a value. Clients send few different ones, so that the answers are remembered. */
export const encodingOffers = (value: string): number => {
  const known = remembered.get(value);
  if (known !== undefined) return known;
  const offers = offersOf(value);
  if (value.length <= LONGEST_REMEMBERED) {
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(value, offers);
  }
  return offers;
};
