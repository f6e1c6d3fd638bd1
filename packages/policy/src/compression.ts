import type { VhostSettings } from "@basalt/config";
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

/** Undefined: serve the source as it is. Whether the client takes gzip (`FIELD.ACCEPTS_GZIP`) is the caller's to check. */
export type CompressionRules = (url: string, source: CompressionSource) => { readonly level: number } | undefined;

/**
 * HTTP-54 to HTTP-58 and HTTP-61. Undefined as a whole when the host never compresses: switched off, or AcceptEncoding
 * off, without which content is not told apart. A response with no-transform stays as it is (RFC 9111 5.2.2.6).
 */
export const compileCompression = (vhost: VhostSettings): CompressionRules | undefined => {
  const { compression, acceptEncoding, caseSensitive } = vhost.options;
  const rules = compileRuleSet(vhost.conditions.compression, caseSensitive);
  if (!compression.enabled || !acceptEncoding || rules.size === 0) return undefined;
  return (url, source) => {
    if (source.status !== 200) return undefined;
    if (source.sizeBytes < compression.sourceMinBytes || source.sizeBytes > compression.sourceMaxBytes)
      return undefined;
    if (isEncoded(source.fields) || getField(source.fields, "content-range") !== undefined) return undefined;
    if (parseCacheControl(getField(source.fields, "cache-control")).noTransform) return undefined;
    const rule = rules.first(requestOfUrl(url, getField(source.fields, "content-type")));
    return rule?.compress === true ? { level: rule.level ?? compression.level } : undefined;
  };
};

const isEncoded = (fields: readonly string[]): boolean => {
  const coding = getField(fields, "content-encoding");
  return coding !== undefined && coding.toLowerCase() !== "identity";
};

/**
 * Fields of a compressed copy (HTTP-59, HTTP-62), flat, made from those of its source. A tag of the origin becomes
 * weak: the copy is not the same bytes (RFC 9110 8.8.3.3).
 */
export const compressedFields = (sourceFields: readonly string[]): string[] => {
  const fields: string[] = [];
  for (let index = 0; index + 1 < sourceFields.length; index += 2) {
    const name = sourceFields[index] ?? "";
    const value = sourceFields[index + 1] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (lowerCaseName === "content-encoding" || lowerCaseName === "content-length") continue;
    fields.push(name, lowerCaseName === "etag" && value.startsWith('"') ? `W/${value}` : value);
  }
  fields.push("Content-Encoding", "gzip");
  return withVaryOnEncoding(fields);
};

/** Tells caches downstream that the answer depends on Accept-Encoding, unless it says so already. */
export const withVaryOnEncoding = (fields: readonly string[]): string[] => {
  const names = (getField(fields, "vary") ?? "").split(",").map((name) => name.trim().toLowerCase());
  const isSaid = names.includes("accept-encoding") || names.includes("*");
  return isSaid ? [...fields] : [...fields, "Vary", "Accept-Encoding"];
};
