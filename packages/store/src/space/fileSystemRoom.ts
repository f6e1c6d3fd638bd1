import { statfs } from "node:fs/promises";

const LOW_SHARE = 0.05;
const LOW_BYTES = 512 * 1024 * 1024;

export interface FileSystemRoom {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

export const measureFileSystem = async (path: string): Promise<FileSystemRoom> => {
  const { blocks, bavail, bsize } = await statfs(path);
  return { totalBytes: blocks * bsize, availableBytes: bavail * bsize };
};

/** Bytes that must be freed so that the disk never fills up: 5 % stay free, on large disks 512 MB. */
export const lackingBytes = (room: FileSystemRoom): number =>
  Math.max(0, Math.min(room.totalBytes * LOW_SHARE, LOW_BYTES) - room.availableBytes);
