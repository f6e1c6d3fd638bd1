import type { ContentCoding, VhostSettings } from "@basalt/config";
import { getField, parseCacheControl } from "@basalt/http";
import { requestOfUrl } from "./conditions.ts";
import { compileRuleSet } from "./ruleSet.ts";

/** A complete stored response that may be worth compressing. */
export interface CompressionSource {
  readonly status: number;
  /** Flat, as stored. */
  readonly fields: readonly string[];
  readonly sizeBytes: number;
}

export interface CompressionDecision {
  readonly coding: ContentCoding;
  readonly level: number;
}

/**
 * How a source is compressed for a client that takes `wanted`, the best first (`CodingChoice`), or for one that takes
 * everything. Undefined: serve the source as it is.
 */
export type CompressionRules = (
  url: string,
  source: CompressionSource,
  wanted?: readonly ContentCoding[],
) => CompressionDecision | undefined;

/**
 * HTTP-54 to HTTP-58 and HTTP-61. Undefined as a whole when the host never compresses: switched off, or AcceptEncoding
 * off, without which content is not told apart (CMP-02). A response with no-transform stays as it is (RFC 9111
 * 5.2.2.6). What kind of content is worth compressing is for compression.txt alone to say.
 */
export const compileCompression = (vhost: VhostSettings): CompressionRules | undefined => {
  const { compression, acceptEncoding, caseSensitive } = vhost.options;
  const rules = compileRuleSet(vhost.conditions.compression, caseSensitive);
  if (!compression.enabled || !acceptEncoding || rules.size === 0) return undefined;
  return (url, source, wanted = ALL_CODINGS) => {
    if (source.status !== 200) return undefined;
    if (source.sizeBytes < compression.sourceMinBytes || source.sizeBytes > compression.sourceMaxBytes)
      return undefined;
    if (isEncoded(source.fields) || getField(source.fields, "content-range") !== undefined) return undefined;
    if (parseCacheControl(getField(source.fields, "cache-control")).noTransform) return undefined;
    const rule = rules.first(requestOfUrl(url, getField(source.fields, "content-type")));
    if (rule?.compress !== true) return undefined;
    const { method } = rule;
    const coding = wanted.find((candidate) =>
      method === undefined ? compression.methods.includes(candidate) : candidate === method,
    );
    if (coding === undefined) return undefined;
    // A level without a method counts as gzip does, and says nothing of the others.
    const isSaid = rule.level !== undefined && (method === coding || coding === "gzip");
    return { coding, level: isSaid ? (rule.level ?? 0) : compression.levels[coding] };
  };
};

const ALL_CODINGS: readonly ContentCoding[] = ["gzip", "br", "zstd"];

/** The content has a coding already (RFC 9110 8.4). */
export const isEncoded = (fields: readonly string[]): boolean => {
  const coding = getField(fields, "content-encoding");
  return coding !== undefined && coding.toLowerCase() !== "identity";
};

/**
 * Fields of a compressed copy (HTTP-59, HTTP-62), flat, made from those of its source. A tag of the origin becomes
 * weak: the copy is not the same bytes (RFC 9110 8.8.3.3). A digest of the source's bytes does not hold for it
 * (RFC 9530 2).
 */
export const compressedFields = (sourceFields: readonly string[], coding: ContentCoding = "gzip"): string[] => {
  const fields: string[] = [];
  for (let index = 0; index + 1 < sourceFields.length; index += 2) {
    const name = sourceFields[index] ?? "";
    const value = sourceFields[index + 1] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (OF_THE_BYTES.has(lowerCaseName)) continue;
    fields.push(name, lowerCaseName === "etag" && value.startsWith('"') ? `W/${value}` : value);
  }
  fields.push("Content-Encoding", coding);
  return withVaryOnEncoding(fields);
};

const OF_THE_BYTES: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
  "content-digest",
  "repr-digest",
  "digest",
  "content-md5",
]);

/** Tells caches downstream that the answer depends on Accept-Encoding, unless it says so already. */
export const withVaryOnEncoding = (fields: readonly string[]): string[] => {
  const names = (getField(fields, "vary") ?? "").split(",").map((name) => name.trim().toLowerCase());
  const isSaid = names.includes("accept-encoding") || names.includes("*");
  return isSaid ? [...fields] : [...fields, "Vary", "Accept-Encoding"];
};
