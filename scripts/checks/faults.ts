import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/** What goes wrong with disks and files, done on purpose. Each tells in a few words what it did. */

/** Files below a folder whose name ends so. */
export function filesBelow(folder: string, ending: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Bytes that a folder takes on its disk; what is removed meanwhile counts nothing. */
export function usedBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    bytes += (lstatSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.blocks ?? 0) * 512;
  }
  return bytes;
}

/** A small tmpfs over a folder; false where that is not allowed. Undo with `unmountSmallDisk`. */
export function mountSmallDisk(folder: string, megabytes: number): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]).status === 0;
}

export function unmountSmallDisk(folder: string): void {
  if (spawnSync("mountpoint", ["-q", folder]).status === 0) spawnSync("umount", ["-l", folder]);
}

/** Takes all that is free on the folder's file system; undo with `freeDisk`. */
export function fillDisk(folder: string): string {
  const piece = Buffer.alloc(1 << 20);
  const descriptor = openSync(join(folder, "somebody-elses-file"), "w");
  let bytes = 0;
  try {
    for (;;) bytes += writeSync(descriptor, piece);
  } catch {
    return `another program took the last ${(bytes / (1 << 20)).toFixed(0)} MB of the disk`;
  } finally {
    closeSync(descriptor);
  }
}

export function freeDisk(folder: string): void {
  rmSync(join(folder, "somebody-elses-file"), { force: true });
}

/** Everything that lies in these folders of the disk becomes unreadable, and nothing can be written there. */
export function replaceByFiles(disk: string, names: readonly string[]): string {
  for (const name of names) {
    const folder = join(disk, name);
    if (existsSync(folder)) renameSync(folder, join(disk, `${name}-moved-away`));
    writeFileSync(folder, "not a folder");
  }
  return `${names.join(" and ")} of a disk are files now`;
}

export function removeFolder(disk: string): string {
  rmSync(disk, { recursive: true, force: true });
  return "the folder of a disk was removed";
}

export function truncateHalf(files: readonly string[]): string {
  for (const file of files) truncateSync(file, Math.floor(statSync(file).size / 2));
  return `${files.length} files cut to half their length`;
}

/** Flips one bit in each stretch of that many bytes, in the first `withinBytes` of each file. */
export function flipBits(files: readonly string[], everyBytes: number, withinBytes = Number.POSITIVE_INFINITY): string {
  let flipped = 0;
  const byte = Buffer.alloc(1);
  for (const file of files) {
    const descriptor = openSync(file, "r+");
    const size = Math.min(fstatSync(descriptor).size, withinBytes);
    for (let at = Math.floor(Math.min(everyBytes, size) / 2); at < size; at += everyBytes) {
      readSync(descriptor, byte, 0, 1, at);
      byte[0] = (byte[0] ?? 0) ^ (1 << (flipped % 8));
      writeSync(descriptor, byte, 0, 1, at);
      flipped += 1;
    }
    closeSync(descriptor);
  }
  return `${flipped} bits flipped in ${files.length} files`;
}

/** The index and its write-ahead log, which alone may hold all pages of a small one. */
export function truncateIndex(path: string): string {
  const files = [path, `${path}-wal`].filter((file) => existsSync(file));
  truncateHalf(files);
  return `the index and its log cut to half, ${files.map((file) => statSync(file).size).join(" and ")} bytes`;
}

/** The index keeps its length and holds noise, its write-ahead log too. */
export function scrambleIndex(path: string): string {
  for (const file of [path, `${path}-wal`]) {
    if (!existsSync(file)) continue;
    const descriptor = openSync(file, "r+");
    const { size } = fstatSync(descriptor);
    const noise = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 167 + 13) % 251));
    ftruncateSync(descriptor, size);
    for (let at = 0; at < size; at += noise.length)
      writeSync(descriptor, noise, 0, Math.min(noise.length, size - at), at);
    closeSync(descriptor);
  }
  return "the index holds garbage";
}
