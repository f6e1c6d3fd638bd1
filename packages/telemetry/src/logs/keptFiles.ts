import { createReadStream, createWriteStream, existsSync, readdirSync } from "node:fs";
import { access, open, readdir, rename, stat, statfs, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { crc32, createGzip } from "node:zlib";
import { byAge, type NamedLogFile, parseLogFileName } from "./rotation.ts";

const READ_BYTES = 256 * 1024;

const filesAmong = (names: readonly string[], prefix: string): NamedLogFile[] =>
  names
    .map((name) => parseLogFileName(prefix, name))
    .filter((file) => file !== undefined)
    .toSorted(byAge);

/** Files of a log, the oldest first; none where there is no folder. */
export const listLogFiles = async (folder: string, prefix: string): Promise<NamedLogFile[]> =>
  filesAmong(await readdir(folder).catch(() => []), prefix);

/** As `listLogFiles`, at once. */
export const listLogFilesNow = (folder: string, prefix: string): NamedLogFile[] => {
  // Asked for thousands of folders at a time, most of which are not there: an error for each costs more than the question.
  if (!existsSync(folder)) return [];
  try {
    return filesAmong(readdirSync(folder), prefix);
  } catch {
    return [];
  }
};

/** Those that are there, of thousands of which most are not: their parents are asked, each once. */
export const presentFolders = async (folders: readonly string[]): Promise<ReadonlySet<string>> => {
  const present = new Set<string>();
  const byParent = Map.groupBy(new Set(folders), dirname);
  for (const [parent, children] of byParent) {
    const names = new Set(await readdir(parent).catch(() => []));
    for (const child of children) if (names.has(basename(child))) present.add(child);
  }
  return present;
};

/** The same for one folder after the other, at once; the answers are of the moment of the first question. */
export const presenceNow = (): ((folder: string) => boolean) => {
  const namesIn = new Map<string, ReadonlySet<string>>();
  return (folder) => {
    const parent = dirname(folder);
    let names = namesIn.get(parent);
    if (names === undefined) {
      names = new Set(existsSync(parent) ? readdirSync(parent) : []);
      namesIn.set(parent, names);
    }
    return names.has(basename(folder));
  };
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** At the end of what gzip makes of a file: CRC-32 and length of the content (RFC 1952 2.3.1). */
const GZIP_TRAILER_BYTES = 8;
/** Length of the shortest. */
const LEAST_GZIP_BYTES = 18;

/** Whether a compressed file has the content of a plain one. */
const isCompressionOf = async (target: string, path: string): Promise<boolean> => {
  const trailer = Buffer.alloc(GZIP_TRAILER_BYTES);
  const file = await open(target, "r");
  try {
    const { size } = await file.stat();
    if (size < LEAST_GZIP_BYTES) return false;
    await file.read(trailer, 0, GZIP_TRAILER_BYTES, size - GZIP_TRAILER_BYTES);
  } finally {
    await file.close();
  }
  if (trailer.readUInt32LE(4) !== (await stat(path)).size % 2 ** 32) return false;
  let checksum = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) checksum = crc32(chunk, checksum);
  return trailer.readUInt32LE(0) === checksum;
};

/**
 * Makes `path.gz` of a closed file, off the event loop (the work is done by threads of the runtime); the file stays
 * until the compressed one is complete, and on the disk. Where an end of the process came between the two, only the file
 * is left to go. Returns the path of the compressed one.
 */
export const compressFile = async (path: string): Promise<string> => {
  let target = `${path}.gz`;
  for (let ordinal = 2; await exists(target); ordinal++) {
    if (await isCompressionOf(target, path)) {
      await unlink(path);
      return target;
    }
    target = `${path.replace(/\.log$/, "")}_${ordinal}.log.gz`;
  }
  const draft = `${target}.tmp`;
  try {
    const output = createWriteStream(draft, { flush: true });
    await pipeline(createReadStream(path, { highWaterMark: READ_BYTES }), createGzip(), output);
    await rename(draft, target);
  } catch (cause) {
    await unlink(draft).catch(() => undefined);
    throw cause;
  }
  await unlink(path);
  return target;
};

export interface RetentionRule {
  readonly files: number;
  /** 0: without limit. */
  readonly days: number;
}

export const MS_PER_DAY = 86_400_000;

/** Files that are too many or too old (LOG-15, AWS-89); `files` are the rotated ones, the oldest first. */
export const outdatedFiles = (
  files: readonly NamedLogFile[],
  { files: most, days }: RetentionRule,
  nowMs: number,
): readonly NamedLogFile[] => {
  const surplus = Math.max(0, files.length - most);
  return files.filter(({ startMs }, index) => index < surplus || (days > 0 && startMs < nowMs - days * MS_PER_DAY));
};

export const deleteFile = (folder: string, name: string): Promise<void> => unlink(join(folder, name));

export const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0;

/** What unprivileged processes may still write on the file system of a folder; undefined where there is none. */
export const freeBytesAt = async (folder: string): Promise<number | undefined> => {
  const figures = await statfs(folder).catch(() => undefined);
  return figures === undefined ? undefined : figures.bavail * figures.bsize;
};
