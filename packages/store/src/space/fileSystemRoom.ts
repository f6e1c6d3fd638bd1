import { statfs } from "node:fs/promises";

const LOW_SHARE = 0.05;
const LOW_BYTES = 512 * 1024 * 1024;
/** Open segments are room that is promised already, but on a small file system they must not displace everything. */
const PROMISED_SHARE = 0.25;
const CRITICAL_SHARE = 0.25;

export interface FileSystemRoom {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

export const measureFileSystem = async (path: string): Promise<FileSystemRoom> => {
  const { blocks, bavail, bsize } = await statfs(path);
  return { totalBytes: blocks * bsize, availableBytes: bavail * bsize };
};

/** What stays free of so many bytes so that they never fill up: 5 %, of large ones 512 MB. */
export const reserveOf = (totalBytes: number): number => Math.min(totalBytes * LOW_SHARE, LOW_BYTES);

/** Bytes that must be freed so that the reserve stays free when all open segments have been written to their end. */
export const lackingBytes = (room: FileSystemRoom, promisedBytes: number, reserveFactor = 1): number => {
  const promised = Math.min(promisedBytes, room.totalBytes * PROMISED_SHARE);
  return Math.max(0, reserveOf(room.totalBytes) * reserveFactor + promised - room.availableBytes);
};

/** So little is left that nothing may be written any more to keep an object. */
export const isCritical = (room: FileSystemRoom): boolean =>
  room.availableBytes < reserveOf(room.totalBytes) * CRITICAL_SHARE;
