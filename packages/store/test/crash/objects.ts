import { createHash } from "node:crypto";
import { type EpochMs, epochMs } from "@basalt/types";
import type { DiskSetting, IndexRow, ObjectLocation, RowImage } from "../../src/contract.ts";
import { computeCacheKey } from "../../src/diskIndex/cacheKey.ts";

/** Where everything lies below the home folder of a crash. */
export const INDEX_FILE = "index.db";
export const DISK_FOLDERS = ["disk-a", "disk-b"] as const;
/** Segments have their smallest size, and the keeper must evict now and then. */
export const DISK_QUOTA_BYTES = 6 * 1024 * 1024;
export const VHOST = "crash.example";

/** One state of an object; the seed tells bodies apart. */
export interface ObjectState {
  readonly url: string;
  readonly version: number;
  readonly seed: number;
  readonly bodyBytes: number;
}

/** Bytes that differ for every seed and every 4 KB, and are the same in every process. */
export const bodyOf = (seed: number, bodyBytes: number): Buffer => {
  const pattern = createHash("sha512").update(`body ${seed}`).digest();
  const body = Buffer.alloc(bodyBytes, pattern);
  for (let offset = 0; offset + 8 <= bodyBytes; offset += 4096) body.writeDoubleLE(seed + offset / 4096, offset);
  return body;
};

export const headOf = ({ url, version, seed, bodyBytes }: ObjectState): Buffer =>
  Buffer.from([url, version, seed, bodyBytes].join(" "));

/** Undefined when the bytes are not a head of ours. */
export const parseHead = (head: Buffer): ObjectState | undefined => {
  const [url = "", ...numbers] = head.toString().split(" ");
  const [version, seed, bodyBytes] = numbers.map(Number);
  if (!url.startsWith("/") || version === undefined || seed === undefined || bodyBytes === undefined) return undefined;
  return { url, version, seed, bodyBytes };
};

export const keyOf = (url: string): Buffer => computeCacheKey(VHOST, url, "");

export const imageOf = ({ url, version }: ObjectState, now: EpochMs): RowImage => ({
  key: keyOf(url),
  vhost: VHOST,
  url,
  version,
  freshUntil: epochMs(now + 3_600_000),
  ttl: 3600,
  updatedAt: now,
  flags: 0,
});

export const rowOf = (image: RowImage, location: ObjectLocation, missingBytes = 0): IndexRow => ({
  ...image,
  location,
  lastAccess: image.updatedAt,
  missingBytes,
});

/** The disks of a home by the numbers that the index gave their folders, wherever the home lies now. */
export const disksOf = (
  home: string,
  known: readonly { readonly number: number; readonly path: string }[],
): DiskSetting[] =>
  DISK_FOLDERS.flatMap((folder) => {
    const number = known.find(({ path }) => path.endsWith(`/${folder}`))?.number;
    return number === undefined ? [] : [{ number, path: `${home}/${folder}`, quotaBytes: DISK_QUOTA_BYTES }];
  });
