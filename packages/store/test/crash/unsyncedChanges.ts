import fs from "node:fs";
import { join } from "node:path";
import { INDEX_FILE } from "./objects.ts";

/** One change of a file since it was synced, and what undoes it. */
interface FileChange {
  readonly position: number;
  readonly lengthBefore: number;
  readonly lengthAfter: number;
  /** Bytes there before, as far as the file reached. */
  readonly before: Buffer;
  readonly after: Buffer;
}

interface TrackedFile {
  /** Whether its name is on the disk for good. */
  isNamed: boolean;
  changes: FileChange[];
}

interface IndexBytes {
  readonly database: Buffer;
  readonly log: Buffer;
}

const SECTOR_BYTES = 512;
const NOTHING = Buffer.alloc(0);

const readIfThere = (path: string): Buffer => {
  try {
    return fs.readFileSync(path);
  } catch {
    return NOTHING;
  }
};

const readPart = (path: string, position: number, end: number): Buffer => {
  if (end <= position) return NOTHING;
  const bytes = Buffer.alloc(end - position);
  const descriptor = fs.openSync(path, "r");
  const count = fs.readSync(descriptor, bytes, 0, bytes.length, position);
  fs.closeSync(descriptor);
  return bytes.subarray(0, count);
};

/**
 * Remembers what a power cut would lose: every change of a file since its last sync, names of new and of deleted files
 * until anything on their disk is synced, and the index since the last sync of its log.
 */
export class UnsyncedChanges {
  readonly #home: string;
  readonly #random: () => number;
  /** By the path below the home folder. */
  readonly #files = new Map<string, TrackedFile>();
  /** Content of deleted files whose deletion may be lost. */
  readonly #deleted = new Map<string, { readonly bytes: Buffer; readonly modifiedAt: Date }>();
  #index: IndexBytes;

  constructor(home: string, random: () => number) {
    this.#home = home;
    this.#random = random;
    this.#index = this.#readIndex(home);
  }

  noteCreated(path: string): void {
    this.#files.set(path, { isNamed: false, changes: [] });
  }

  /** Call it before `bytes` are written at `position`. */
  noteWrite(path: string, position: number, bytes: Buffer): void {
    const lengthBefore = fs.statSync(join(this.#home, path)).size;
    const end = position + bytes.length;
    this.#trackedFile(path).changes.push({
      position,
      lengthBefore,
      lengthAfter: Math.max(lengthBefore, end),
      before: readPart(join(this.#home, path), position, Math.min(end, lengthBefore)),
      after: bytes,
    });
  }

  /** Call it before the file gets that length. */
  noteLength(path: string, length: number): void {
    const lengthBefore = fs.statSync(join(this.#home, path)).size;
    const before = readPart(join(this.#home, path), length, lengthBefore);
    this.#trackedFile(path).changes.push({
      position: length,
      lengthBefore,
      lengthAfter: length,
      before,
      after: NOTHING,
    });
  }

  /** Call it before the file is deleted. */
  noteDeletion(path: string): void {
    const file = this.#files.get(path);
    if (file !== undefined && !file.isNamed) {
      this.#files.delete(path);
      return;
    }
    const { mtime: modifiedAt } = fs.statSync(join(this.#home, path));
    this.#deleted.set(path, { bytes: fs.readFileSync(join(this.#home, path)), modifiedAt });
  }

  /** As ext4 and xfs do: the journal brings all names of the disk that are older than the sync along. */
  noteSynced(path: string): void {
    const disk = path.slice(0, path.indexOf("/") + 1);
    for (const [other, file] of this.#files) if (other.startsWith(disk)) file.isNamed = true;
    for (const other of [...this.#deleted.keys()]) {
      if (!other.startsWith(disk)) continue;
      this.#deleted.delete(other);
      this.#files.delete(other);
    }
    const file = this.#files.get(path);
    if (file !== undefined) file.changes = [];
  }

  noteIndexSynced(): void {
    this.#index = this.#readIndex(this.#home);
  }

  /** Makes of `root`, a copy of the home or the home itself, what a power cut would leave: with the last sync only, or with some of what came later. */
  lose(root: string, isAllLost: boolean): void {
    for (const [path, content] of this.#deleted) {
      if (!isAllLost && this.#isLucky()) continue;
      fs.writeFileSync(join(root, path), content.bytes);
      fs.utimesSync(join(root, path), content.modifiedAt, content.modifiedAt);
    }
    for (const [path, file] of this.#files) {
      if (fs.existsSync(join(root, path))) this.#loseChanges(join(root, path), file, isAllLost);
    }
    this.#loseIndex(root, isAllLost);
  }

  #isLucky(): boolean {
    return this.#random() < 0.5;
  }

  #trackedFile(path: string): TrackedFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = { isNamed: true, changes: [] };
      this.#files.set(path, file);
    }
    return file;
  }

  #loseChanges(path: string, file: TrackedFile, isAllLost: boolean): void {
    if (!file.isNamed && (isAllLost || this.#isLucky())) {
      fs.rmSync(path);
      return;
    }
    if (file.changes.length === 0) return;
    const { atime, mtime } = fs.statSync(path);
    const descriptor = fs.openSync(path, "r+");
    for (const { position, lengthBefore, before } of file.changes.toReversed()) {
      fs.ftruncateSync(descriptor, lengthBefore);
      fs.writeSync(descriptor, before, 0, before.length, position);
    }
    if (!isAllLost) for (const change of file.changes) this.#keepSome(descriptor, change);
    fs.futimesSync(descriptor, atime, mtime);
    fs.closeSync(descriptor);
  }

  /** The change as a whole, its first sectors, or its length only. */
  #keepSome(descriptor: number, { position, lengthAfter, lengthBefore, after }: FileChange): void {
    const chance = this.#random();
    if (chance < 0.4) return;
    if (lengthAfter < lengthBefore || this.#isLucky()) fs.ftruncateSync(descriptor, lengthAfter);
    if (chance < 0.55) return;
    const keptBytes =
      chance < 0.7 ? Math.floor((this.#random() * after.length) / SECTOR_BYTES) * SECTOR_BYTES : after.length;
    fs.writeSync(descriptor, after, 0, keptBytes, position);
  }

  #readIndex(root: string): IndexBytes {
    return {
      database: readIfThere(join(root, INDEX_FILE)),
      log: readIfThere(join(root, `${INDEX_FILE}-wal`)),
    };
  }

  /** The log is written in order: any part of what was appended to it since may be there. */
  #loseIndex(root: string, isAllLost: boolean): void {
    const { database, log } = this.#index;
    const now = this.#readIndex(root);
    const isAppended = now.database.equals(database) && now.log.subarray(0, log.length).equals(log);
    const extraBytes = isAppended && !isAllLost ? Math.floor(this.#random() * (now.log.length - log.length + 1)) : 0;
    fs.writeFileSync(join(root, INDEX_FILE), database);
    fs.writeFileSync(join(root, `${INDEX_FILE}-wal`), now.log.subarray(0, log.length + extraBytes));
    if (!isAppended) fs.writeFileSync(join(root, `${INDEX_FILE}-wal`), log);
    fs.rmSync(join(root, `${INDEX_FILE}-shm`), { force: true });
  }
}
