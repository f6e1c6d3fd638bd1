import { encodeHead, type ObjectUse, type StoredHead } from "@basalt/cache";
import { parseConfig } from "@basalt/config";
import { computeCacheKey, type IndexRow, ROW_FLAG } from "@basalt/store";
import { epochMs } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { describeStoredFiles, type FileInfoParts } from "../src/fileInfo.ts";

/** 2012.09.03 14:29:52 in local time: the moment of the guide's example (STAT-A8). */
const NOW_MS = new Date(2012, 8, 3, 14, 29, 52).getTime();
const DAY_MS = 86_400_000;

const configOf = (ttlLines: string | undefined) => {
  const vhosts = `<Vhosts><Vhost Name="example.com"><Origin><Address>127.0.0.1</Address></Origin></Vhost></Vhosts>`;
  const texts = new Map([
    ["server.xml", "<Server/>"],
    ["vhosts.xml", vhosts],
  ]);
  if (ttlLines !== undefined) texts.set("svc/example.com/ttl.txt", ttlLines);
  const outcome = parseConfig(Object.assign(texts, { problems: [] }), {
    home: "/nowhere",
    generation: 1,
    cores: 1,
    hostName: "test",
  });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

const ROW: IndexRow = {
  key: computeCacheKey("example.com", "/sample.dat", ""),
  vhost: "example.com",
  url: "/sample.dat",
  location: { disk: 7, segment: 3, offset: 0, headBytes: 100, bodyBytes: 2_100_267, file: 24_267 },
  version: 5,
  freshUntil: epochMs(NOW_MS - 2_169_000 + 30 * DAY_MS),
  ttl: 30 * 86_400,
  updatedAt: epochMs(NOW_MS - 2_169_000),
  lastAccess: epochMs(NOW_MS - 2_000),
  flags: 0,
  missingBytes: 0,
};

const HEAD: StoredHead = {
  url: "/sample.dat",
  variant: "",
  selection: "",
  status: 200,
  fields: ["Content-Type", "text/plain", "Last-Modified", "Mon, 22 Nov 2010 11:31:47 GMT"],
  bodyBytes: 2_100_267,
  storedAtMs: 0x502dd614 * 1000,
  validatedAtMs: NOW_MS,
  initialAgeSeconds: 0,
  bodyVersion: 5,
  sourceVersion: 0,
};

const IDLE: ObjectUse = { renewedBy: undefined, downloads: 0, processes: 0 };

interface Stored {
  readonly row?: Partial<IndexRow>;
  readonly head?: Partial<StoredHead>;
  readonly use?: ObjectUse;
  readonly ttlLines?: string;
}

const describeOne = async ({ row = {}, head = {}, use = IDLE, ttlLines }: Stored = {}) => {
  const encoded = encodeHead({ ...HEAD, ...head });
  const parts: FileInfoParts = {
    config: configOf(ttlLines),
    variantsOf: (vhost, url) => (vhost === "example.com" && url === "/sample.dat" ? [{ ...ROW, ...row }] : []),
    underWay: () => use,
    bodies: { load: () => Promise.resolve({ head: encoded, body: undefined }) },
    diskFolders: ["/cache0", "/cache1"],
    disks: [{ number: 7, path: "/cache1" }],
    nowMs: NOW_MS,
  };
  const [file] = await describeStoredFiles("example.com/sample.dat", parts);
  if (file === undefined) throw new Error("nothing is described");
  return file;
};

const small = { location: { ...ROW.location, file: 0 } };
const fields = (...pairs: readonly string[]) => ({ head: { fields: pairs } });

/** The example of the guide, in its order; the time of Last-Modified is told apart. */
const EXAMPLE: Readonly<Record<string, string | number | RegExp>> = {
  URI: "/sample.dat",
  "Accept-Encoding": "N",
  RefCount: 0,
  "Disk-Index": 1,
  Size: 2_100_267,
  FID: 24_267,
  LocalPath: "/cache1/obj/cb/5e/24267.body",
  "File-Opened": "N",
  "File-Updating": "-",
  "Downloader-Count": "0",
  LastAccess: "[ 2012.09.03 14:29:50, -2 ]",
  UpdateTime: "[ 2012.09.03 13:53:43, -2169 ]",
  "TTL-Left": "[ 2012.10.03 13:53:43, 2589831 ]",
  ResponseCode: 200,
  ContentType: "text/plain",
  LastModifiedTime: /^\[ 2010\.11\.22 \d\d:\d\d:47, -\d+ \]$/,
  ExpireTime: "[ 0, 0 ]",
  CacheControl: "not-specified",
  ETag: "502dd614:200c2b",
  CustomTTL: 0,
  NoMoreExist: "N",
  LocalFileExist: "Y",
  SmallFile: "N",
  State: "Cached",
  Deleted: "N",
  AddedSize: "Y",
  TransferEncoding: "N",
  Compression: "-",
  Purge: "N",
  "Ignore-IMS": "N",
  "Redirect-Location": "-",
  "Content-Disposition": "-",
  NoCache: "N",
};

describe("fileinfo", () => {
  it.each(Object.keys(EXAMPLE).map((key, index) => [`STAT-96.${index + 1}`, key] as const))(
    "%s %s is that of the guide's example (STAT-A8)",
    async (_, key) => {
      const expected = EXAMPLE[key];
      const value = (await describeOne())[key];
      if (expected instanceof RegExp) expect(value).toMatch(expected);
      else expect(value).toBe(expected);
    },
  );

  it("STAT-95, STAT-96, OPEN-S8 has the keys of the guide in their order, and times as differences in seconds", async () => {
    const file = await describeOne();
    expect(Object.keys(file)).toEqual(Object.keys(EXAMPLE));
    expect(Object.keys(file)).toHaveLength(33);
    const deltaSeconds = (Date.UTC(2010, 10, 22, 11, 31, 47) - NOW_MS) / 1000;
    expect(file.LastModifiedTime).toContain(`, ${deltaSeconds} ]`);
  });

  it.each<readonly [string, Stored, Readonly<Record<string, string | number>>]>([
    ["STAT-96.1 the canonical URL", { row: { url: "/sample.dat?a=1" } }, { URI: "/sample.dat?a=1" }],
    ["STAT-96.2 asked for with Accept-Encoding", { head: { variant: "encoded" } }, { "Accept-Encoding": "Y" }],
    ["STAT-96.2 compressed here", { head: { variant: "gzip abc" } }, { "Accept-Encoding": "Y" }],
    ["STAT-96.2 selected by another field", { head: { variant: " abc" } }, { "Accept-Encoding": "N" }],
    [
      "STAT-96.3, STAT-96.8, STAT-96.9, STAT-96.10 being renewed, and fetched in two parts",
      { use: { renewedBy: 12, downloads: 3, processes: 5 } },
      { RefCount: 5, "File-Opened": "Y", "File-Updating": "12", "Downloader-Count": "3" },
    ],
    ["STAT-96.4 a disk that is not in use", { row: { location: { ...ROW.location, disk: 9 } } }, { "Disk-Index": 0 }],
    [
      "STAT-96.5 the length of its body",
      { row: { location: { ...ROW.location, bodyBytes: 12 } } },
      { Size: 12, ETag: "502dd614:c" },
    ],
    [
      "STAT-96.12 renewed just now, STAT-96.22, STAT-96.25, STAT-96.26 there, not deleted and counted",
      { row: { updatedAt: epochMs(NOW_MS) } },
      { UpdateTime: "[ 2012.09.03 14:29:52, 0 ]", LocalFileExist: "Y", Deleted: "N", AddedSize: "Y" },
    ],
    ["STAT-96.15 its type", fields("Content-Type", "video/mp4; x=1"), { ContentType: "video/mp4; x=1" }],
    ["STAT-96.16 no Last-Modified", fields("Content-Type", "text/plain"), { LastModifiedTime: "[ 0, 0 ]" }],
    ["STAT-96.19 made of when it was stored", { head: { storedAtMs: 0x10_000 } }, { ETag: "41:200c2b" }],
    [
      "STAT-96.6, STAT-96.7, STAT-96.23 a small one lies in a segment",
      { row: small },
      { FID: 3, LocalPath: "/cache1/seg/03/3.seg", SmallFile: "Y" },
    ],
    [
      "STAT-96.11 never asked for; STAT-96.13 expired",
      { row: { lastAccess: epochMs(0), freshUntil: epochMs(NOW_MS - 7_000) } },
      { LastAccess: "[ 0, 0 ]", "TTL-Left": "[ 2012.09.03 14:29:45, -7 ]" },
    ],
    [
      "STAT-96.14, STAT-96.24, STAT-96.31 a redirect",
      { head: { status: 302, fields: ["Location", "/other"] } },
      { ResponseCode: 302, State: "Cached", "Redirect-Location": "/other" },
    ],
    ["STAT-96.24 an error of the origin", { head: { status: 503 } }, { State: "Error", ResponseCode: 503 }],
    ["STAT-96.24 nothing of its body is there yet", { row: { missingBytes: 2_100_267 } }, { State: "Not Init" }],
    [
      "STAT-96.17 the moment of Expires",
      fields("Expires", new Date(NOW_MS + 60_000).toUTCString()),
      { ExpireTime: "[ 2012.09.03 14:30:52, 60 ]", ContentType: "-" },
    ],
    [
      "STAT-96.18 seconds of max-age",
      fields("Cache-Control", "public, max-age=77"),
      { CacheControl: 77, NoCache: "N" },
    ],
    [
      "STAT-96.18, STAT-96.33 no-cache",
      fields("Cache-Control", "no-cache, max-age=77"),
      { CacheControl: "no-cache", NoCache: "Y" },
    ],
    ["STAT-96.20 a line of ttl.txt", { ttlLines: "/sample.dat, 4000\n" }, { CustomTTL: 4000 }],
    [
      "STAT-96.21, STAT-96.29, STAT-96.30 purged",
      { row: { flags: ROW_FLAG.PURGED } },
      { NoMoreExist: "Y", Purge: "Y", "Ignore-IMS": "Y", Deleted: "N" },
    ],
    [
      "STAT-96.21 unused for so long that the next one takes its room",
      { row: { freshUntil: epochMs(NOW_MS - 2 * DAY_MS), lastAccess: epochMs(NOW_MS - 2 * DAY_MS) } },
      { NoMoreExist: "Y", Purge: "N" },
    ],
    ["STAT-96.27 its length is not known yet", { head: { bodyBytes: -1 } }, { TransferEncoding: "Y" }],
    ["STAT-96.28 the coding of its content", fields("Content-Encoding", "br"), { Compression: "br" }],
    [
      "STAT-96.32 the name to save it under",
      fields("Content-Disposition", 'attachment; filename="a.zip"'),
      { "Content-Disposition": 'attachment; filename="a.zip"' },
    ],
  ])("%s", async (_, stored, expected) => {
    expect(await describeOne(stored)).toMatchObject(expected);
  });

  it.each([
    ["STAT-93", "http://example.com/sample.dat", 1],
    ["STAT-93", "https://example.com/sample.dat", 1],
    ["STAT-93", "EXAMPLE.com/sample.dat", 1],
    ["STAT-94", "example.com/other", 0],
    ["STAT-94", "example.com", 0],
    ["STAT-94", "unknown.com/sample.dat", 0],
    ["STAT-94", "", 0],
  ])("%s %j is %i entries", async (_, url, entries) => {
    const parts: FileInfoParts = {
      config: configOf(undefined),
      variantsOf: (_vhost, path) => (path === "/sample.dat" ? [ROW] : []),
      underWay: () => IDLE,
      bodies: { load: () => Promise.resolve({ head: encodeHead(HEAD), body: undefined }) },
      diskFolders: [],
      disks: [],
      nowMs: NOW_MS,
    };
    expect(await describeStoredFiles(url, parts)).toHaveLength(entries);
  });

  it("STAT-94 what cannot be read back is not cached", async () => {
    const parts: FileInfoParts = {
      config: configOf(undefined),
      variantsOf: () => [ROW],
      underWay: () => IDLE,
      bodies: { load: () => Promise.resolve(undefined) },
      diskFolders: [],
      disks: [],
      nowMs: NOW_MS,
    };
    expect(await describeStoredFiles("example.com/sample.dat", parts)).toEqual([]);
  });
});
