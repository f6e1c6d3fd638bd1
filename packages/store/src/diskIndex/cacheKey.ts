import { hash } from "node:crypto";
import type { CacheKey } from "../contract.ts";

export const URL_DIGEST_BYTES = 10;
export const VARIANT_DIGEST_BYTES = 6;
export const CACHE_KEY_BYTES = URL_DIGEST_BYTES + VARIANT_DIGEST_BYTES;

/** Variants repeat (a handful per virtual host): their digests are worth keeping, within reason. */
const REMEMBERED_VARIANTS = 1024;
const variantDigests = new Map<string, Buffer>();

const variantDigest = (variant: string): Buffer => {
  const known = variantDigests.get(variant);
  if (known !== undefined) return known;
  const digest = Buffer.from(hash("sha256", variant, "buffer").subarray(0, VARIANT_DIGEST_BYTES));
  if (variantDigests.size >= REMEMBERED_VARIANTS) variantDigests.clear();
  variantDigests.set(variant, digest);
  return digest;
};

/**
 * Key of an object (KEY-01): virtual host and URL decide the first 10 bytes, the variant the last 6, so that the
 * variants of one URL are neighbours. The host name cannot hold the NUL that parts it from the URL.
 */
export const computeCacheKey = (vhost: string, url: string, variant: string): CacheKey => {
  const key = Buffer.allocUnsafe(CACHE_KEY_BYTES);
  hash("sha256", `${vhost}\0${url}`, "buffer").copy(key, 0, 0, URL_DIGEST_BYTES);
  variantDigest(variant).copy(key, URL_DIGEST_BYTES);
  return key;
};

/** What the keys of all variants of one URL begin with. */
export const urlPrefix = (vhost: string, url: string): Buffer =>
  computeCacheKey(vhost, url, "").subarray(0, URL_DIGEST_BYTES);
