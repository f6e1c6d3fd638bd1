import { decodeHead, type ObjectUse, type StoredHead, VARIANT_NAMES } from "@basalt/cache";
import type { EdgeConfig } from "@basalt/config";
import { getField, parseCacheControl, parseHttpDate } from "@basalt/http";
import type { FileInfo } from "@basalt/management";
import {
  compileCustomTtl,
  compileStoredUrls,
  compileVhostTable,
  etagMarkOf,
  generatedEtag,
  isNoCacheAnswer,
} from "@basalt/policy";
import { type BodyStore, type DiskSetting, type IndexRow, isWorthless, objectPath, ROW_FLAG } from "@basalt/store";
import { epochMs } from "@basalt/types";

/** Where fileinfo gets its figures from. */
export interface FileInfoParts {
  readonly config: EdgeConfig;
  readonly variantsOf: (vhost: string, url: string) => readonly IndexRow[];
  readonly underWay: (row: IndexRow) => ObjectUse;
  readonly bodies: Pick<BodyStore, "load">;
  /** Folders of `<Storage>` in their order, resolved. */
  readonly diskFolders: readonly string[];
  /** Those in use. */
  readonly disks: readonly DiskSetting[];
  readonly nowMs: number;
}

/** State of every stored variant of a URL, `host/path` with or without scheme (STAT-93 to STAT-96). */
export const describeStoredFiles = async (text: string, parts: FileInfoParts): Promise<readonly FileInfo[]> => {
  const target = text.replace(/^https?:\/\//i, "");
  const slash = target.indexOf("/");
  const settings = compileVhostTable(parts.config).find((slash < 0 ? target : target.slice(0, slash)).toLowerCase());
  if (settings === undefined) return [];
  const url = compileStoredUrls(settings).canonicalUrl(slash < 0 ? "/" : target.slice(slash));
  const custom = compileCustomTtl(settings)(url);
  const files: FileInfo[] = [];
  for (const row of parts.variantsOf(settings.name, url)) {
    const loaded = await parts.bodies.load(row.location);
    const head = loaded === undefined ? undefined : decodeHead(loaded.head);
    if (head !== undefined) files.push(describe(row, head, custom?.seconds ?? 0, parts));
  }
  return files;
};

/** Names of variants that serve requests without Accept-Encoding. */
const [PLAIN_VARIANT = ""] = VARIANT_NAMES;

const variantName = (variant: string): string => variant.split(" ", 1)[0] ?? "";

const stateOf = ({ location, missingBytes }: IndexRow, status: number): string => {
  if (location.bodyBytes > 0 && missingBytes >= location.bodyBytes) return "Not Init";
  return status >= 500 ? "Error" : "Cached";
};

/** Keys in the order of STAT-96.1 to STAT-96.33. */
const describe = (
  row: IndexRow,
  head: StoredHead,
  customTtlSeconds: number,
  { nowMs, underWay, disks, diskFolders }: FileInfoParts,
): FileInfo => {
  const { location } = row;
  const cacheControl = parseCacheControl(getField(head.fields, "cache-control"));
  const isNoCache = isNoCacheAnswer(cacheControl);
  const isPurged = (row.flags & ROW_FLAG.PURGED) !== 0;
  const use = underWay(row);
  const folder = disks.find(({ number }) => number === location.disk)?.path ?? "";
  return {
    URI: row.url,
    "Accept-Encoding": yesNo(variantName(head.variant) !== PLAIN_VARIANT),
    RefCount: use.processes,
    "Disk-Index": Math.max(0, diskFolders.indexOf(folder)),
    Size: location.bodyBytes,
    FID: location.file === 0 ? location.segment : location.file,
    LocalPath: objectPath(folder, location),
    "File-Opened": yesNo(use.downloads > 0),
    "File-Updating": use.renewedBy === undefined ? "-" : String(use.renewedBy),
    "Downloader-Count": String(use.downloads),
    LastAccess: timePair(row.lastAccess, nowMs),
    UpdateTime: timePair(row.updatedAt, nowMs),
    "TTL-Left": timePair(row.freshUntil, nowMs),
    ResponseCode: head.status,
    ContentType: getField(head.fields, "content-type") ?? "-",
    LastModifiedTime: timePair(dateOf(head, "last-modified"), nowMs),
    ExpireTime: timePair(dateOf(head, "expires"), nowMs),
    CacheControl: isNoCache ? "no-cache" : (cacheControl.maxAge ?? "not-specified"),
    ETag: generatedEtag(head.storedAtMs, location.bodyBytes, etagMarkOf(head)).replaceAll('"', ""),
    CustomTTL: customTtlSeconds,
    NoMoreExist: yesNo(isWorthless(row, epochMs(nowMs))),
    // What could not be read is not described at all.
    LocalFileExist: "Y",
    SmallFile: yesNo(location.file === 0),
    State: stateOf(row, head.status),
    // A deleted object has no row.
    Deleted: "N",
    AddedSize: "Y",
    TransferEncoding: yesNo(head.bodyBytes < 0),
    Compression: getField(head.fields, "content-encoding") ?? "-",
    Purge: yesNo(isPurged),
    "Ignore-IMS": yesNo(isPurged),
    "Redirect-Location": getField(head.fields, "location") ?? "-",
    "Content-Disposition": getField(head.fields, "content-disposition") ?? "-",
    NoCache: yesNo(isNoCache),
  };
};

const yesNo = (value: boolean): string => (value ? "Y" : "N");

const dateOf = (head: StoredHead, name: string): number | undefined => {
  const value = getField(head.fields, name);
  return value === undefined ? undefined : parseHttpDate(value);
};

/** STAT-95: local time and the seconds from now. */
const timePair = (momentMs: number | undefined, nowMs: number): string => {
  if (momentMs === undefined || momentMs === 0) return "[ 0, 0 ]";
  const moment = new Date(momentMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${moment.getFullYear()}.${two(moment.getMonth() + 1)}.${two(moment.getDate())}`;
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  return `[ ${day} ${time}, ${Math.round((momentMs - nowMs) / 1000)} ]`;
};
