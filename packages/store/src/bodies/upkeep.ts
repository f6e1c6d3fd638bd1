import type { Dirent } from "node:fs";
import { readdir, rmdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { epochMs } from "@basalt/types";
import type { OrphanSweep, SegmentFile } from "../contract.ts";
import { causeCode } from "../storeProblem.ts";
import { bodyFilePath, FILE_FOLDER, parseBodyFileName, parseSegmentName, SEGMENT_FOLDER } from "./diskPaths.ts";
import type { Disk } from "./diskSet.ts";

/** What a walk over a disk tells about folders and files that it could not deal with. */
export type ReportRefusal = (path: string, cause: unknown) => void;

const readFolder = async (path: string, onRefusal: ReportRefusal): Promise<Dirent[]> => {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (cause) {
    if (causeCode(cause) !== "ENOENT") onRefusal(path, cause);
    return [];
  }
};

/** A folder that is not empty, gone meanwhile, or the place of a mount. */
const STAYS = new Set(["ENOTEMPTY", "EEXIST", "ENOENT", "EBUSY"]);

const isFanOutFolder = (entry: Dirent): boolean => entry.isDirectory() && /^[0-9a-f]{2}$/.test(entry.name);

const listFanOutFolders = async (path: string, onRefusal: ReportRefusal): Promise<string[]> =>
  (await readFolder(path, onRefusal)).filter(isFanOutFolder).map((entry) => join(path, entry.name));

/** Segments of one disk. Files with other names, links and folders are not ours and are passed over. */
export const listSegmentsOf = async (disk: Disk, onRefusal: ReportRefusal): Promise<SegmentFile[]> => {
  const segments: SegmentFile[] = [];
  for (const folder of await listFanOutFolders(join(disk.root, SEGMENT_FOLDER), onRefusal)) {
    for (const entry of await readFolder(folder, onRefusal)) {
      const segment = entry.isFile() ? parseSegmentName(entry.name) : undefined;
      if (segment === undefined) continue;
      const stats = await stat(join(folder, entry.name)).catch(() => undefined);
      if (stats === undefined) continue;
      const modifiedAt = epochMs(Math.floor(stats.mtimeMs));
      segments.push({ disk: disk.number, segment, fileBytes: stats.size, modifiedAt });
    }
  }
  return segments;
};

/** True when the file was there. Other failures than its absence are thrown. */
export const deleteFile = async (path: string): Promise<boolean> => {
  try {
    await unlink(path);
    return true;
  } catch (cause) {
    if (causeCode(cause) === "ENOENT") return false;
    throw cause;
  }
};

const deleteOrphan = async (path: string, onRefusal: ReportRefusal): Promise<boolean> => {
  try {
    return await deleteFile(path);
  } catch (cause) {
    onRefusal(path, cause);
    return false;
  }
};

const removeIfEmpty = async (folder: string, onRefusal: ReportRefusal): Promise<number> => {
  try {
    await rmdir(folder);
    return 1;
  } catch (cause) {
    if (!STAYS.has(causeCode(cause))) onRefusal(folder, cause);
    return 0;
  }
};

/** Removes the fan-out folders that are empty; a writer that needs one again makes it. */
export const removeEmptyFoldersOf = async (disk: Disk, onRefusal: ReportRefusal): Promise<number> => {
  let removed = 0;
  for (const folder of await listFanOutFolders(join(disk.root, SEGMENT_FOLDER), onRefusal)) {
    removed += await removeIfEmpty(folder, onRefusal);
  }
  for (const outer of await listFanOutFolders(join(disk.root, FILE_FOLDER), onRefusal)) {
    for (const inner of await listFanOutFolders(outer, onRefusal)) removed += await removeIfEmpty(inner, onRefusal);
    removed += await removeIfEmpty(outer, onRefusal);
  }
  return removed;
};

/** Deletes body files that nothing names, at the rate of the sweep; calls `onDelete` with each path. */
export const removeOrphansOf = async (
  disk: Disk,
  isLive: (disk: number, file: number) => boolean,
  sweep: OrphanSweep,
  onDelete: (path: string) => void,
  onRefusal: ReportRefusal,
): Promise<number> => {
  const pauseMs = 1000 / Math.max(1, sweep.filesPerSecond);
  let deleted = 0;
  let owedMs = 0;
  for (const outer of await listFanOutFolders(join(disk.root, FILE_FOLDER), onRefusal)) {
    for (const inner of await listFanOutFolders(outer, onRefusal)) {
      for (const entry of await readFolder(inner, onRefusal)) {
        const file = entry.isFile() ? parseBodyFileName(entry.name) : undefined;
        if (file === undefined || isLive(disk.number, file)) continue;
        const path = bodyFilePath(disk.root, file);
        const stats = await stat(path).catch(() => undefined);
        if (stats === undefined || stats.mtimeMs >= sweep.modifiedBefore) continue;
        if (await deleteOrphan(path, onRefusal)) {
          onDelete(path);
          deleted += 1;
          owedMs += pauseMs;
        }
        if (owedMs >= 10) {
          await pause(owedMs, undefined, { ref: false });
          owedMs = 0;
        }
      }
    }
  }
  return deleted;
};
