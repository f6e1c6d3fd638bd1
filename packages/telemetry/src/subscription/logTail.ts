import { stat } from "node:fs/promises";
import { join } from "node:path";
import { listLogFiles } from "../logs/keptFiles.ts";
import { byAge, type NamedLogFile, parseLogFileName } from "../logs/rotation.ts";
import { contentBytes, readAt } from "../reading/contentBytes.ts";
import { readLogLines } from "../reading/logLines.ts";
import type { ReadingPosition } from "./contract.ts";

export interface TailedLog {
  readonly folder: string;
  /** Beginning of the names of its files. */
  readonly kind: string;
  /** Whether lines may still come into a file that is not the newest. */
  readonly mayGrow: (path: string) => Promise<boolean>;
  /** A file was deleted before it was read to its end. */
  readonly onLost: (file: string) => void;
  /** A compressed file cannot be unpacked to its end. */
  readonly onDamaged: (file: string) => void;
}

export interface TailBatch {
  readonly lines: readonly string[];
  readonly tooLong: number;
  readonly position: ReadingPosition;
}

/** `blocked`: there is a newer file, and lines may still come into the one that is read. */
export type TailEnd = "caughtUp" | "blocked";

const LINE_END = 10;
const ALIGN_BYTES = 64 * 1024;

const plainName = ({ name }: NamedLogFile): string => name.replace(/\.gz$/, "");

/** The beginning of the first line behind a position. */
const alignedOffset = async (path: string, from: number): Promise<number> => {
  if (from <= 0) return 0;
  const piece = await readAt(path, from - 1, ALIGN_BYTES);
  const end = piece.indexOf(LINE_END);
  return end < 0 ? from : from + end;
};

const inodeOf = async (path: string): Promise<number> => (path.endsWith(".gz") ? 0 : (await stat(path)).ino);

/**
 * Where one begins who wants the lines from a moment on: in the oldest file that was written to since, at most so many
 * bytes before its end; else behind the newest. Undefined: there are no files.
 */
export const beginningSince = async (
  { folder, kind }: Pick<TailedLog, "folder" | "kind">,
  sinceMs: number,
  mostBytes: number,
): Promise<{ readonly position: ReadingPosition | undefined; readonly files: readonly string[] }> => {
  const files = await listLogFiles(folder, kind);
  const names = files.map(plainName);
  for (const file of files) {
    const path = join(folder, file.name);
    const { mtimeMs, size, ino } = await stat(path);
    if (mtimeMs < sinceMs || file.isCompressed) continue;
    const offset = await alignedOffset(path, size - mostBytes);
    return { position: { file: plainName(file), inode: ino, offset }, files: names };
  }
  const newest = files.at(-1);
  if (newest === undefined) return { position: undefined, files: names };
  const path = join(folder, newest.name);
  const offset = newest.isCompressed ? await contentBytes(path) : await alignedOffset(path, (await stat(path)).size);
  return { position: { file: plainName(newest), inode: await inodeOf(path), offset }, files: names };
};

interface Found {
  readonly file: NamedLogFile;
  readonly offset: number;
  readonly inode: number;
}

const locate = async (
  log: TailedLog,
  files: readonly NamedLogFile[],
  position: ReadingPosition | undefined,
): Promise<Found | undefined> => {
  const alike = position === undefined ? [] : files.filter((file) => plainName(file) === position.file);
  const file = alike.find(({ isCompressed }) => !isCompressed) ?? alike[0];
  if (position !== undefined && file !== undefined) {
    const path = join(log.folder, file.name);
    const inode = await inodeOf(path);
    const bytes = await contentBytes(path);
    const isSame = file.isCompressed || (inode === position.inode && bytes >= position.offset);
    return { file, inode, offset: isSame ? position.offset : 0 };
  }
  const before = position === undefined ? undefined : parseLogFileName(log.kind, position.file);
  const next = files.find((one) => before === undefined || byAge(one, before) > 0);
  // Said once, when the position moves on.
  if (position !== undefined && next !== undefined) log.onLost(position.file);
  return next === undefined ? undefined : { file: next, inode: await inodeOf(join(log.folder, next.name)), offset: 0 };
};

/** What zlib says of what is no sound gzip. */
const isDamage = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && (cause.code === "Z_DATA_ERROR" || cause.code === "Z_BUF_ERROR");

/** The lines of a log behind a position, through all files that are there, up to the end of the newest. */
export async function* readTail(
  log: TailedLog,
  start: ReadingPosition | undefined,
): AsyncGenerator<TailBatch, TailEnd> {
  for (let position = start; ; ) {
    const files = await listLogFiles(log.folder, log.kind);
    const found = await locate(log, files, position);
    if (found === undefined) return "caughtUp";
    const { file, inode } = found;
    const path = join(log.folder, file.name);
    const next = files.find((one) => byAge(one, file) > 0);
    // Asked before the rest is read: what is closed now has its last line.
    const isClosed = file.isCompressed || (next !== undefined && !(await log.mayGrow(path)));
    let { offset } = found;
    if (!file.isCompressed || (await contentBytes(path)) !== offset % 2 ** 32) {
      try {
        for await (const { lines, endBytes, tooLong } of readLogLines(path, offset)) {
          offset = endBytes;
          position = { file: plainName(file), inode, offset };
          yield { lines, tooLong, position };
        }
      } catch (cause) {
        if (!isDamage(cause)) throw cause;
        // It never becomes sound, and what is behind it must not wait for ever.
        if (next !== undefined) log.onDamaged(file.name);
      }
    }
    if (next === undefined) return "caughtUp";
    if (!isClosed) return "blocked";
    position = { file: plainName(next), inode: await inodeOf(join(log.folder, next.name)), offset: 0 };
    yield { lines: [], tooLong: 0, position };
  }
}
