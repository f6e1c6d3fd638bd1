import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join, relative } from "node:path";
import Database from "better-sqlite3";
import type { CrashPoints } from "./crashPoints.ts";
import { DISK_FOLDERS, INDEX_FILE } from "./objects.ts";
import type { TurnQueue } from "./turnQueue.ts";
import type { UnsyncedChanges } from "./unsyncedChanges.ts";

export interface CountedFilesSettings {
  readonly home: string;
  readonly queue: TurnQueue;
  readonly points: CrashPoints;
  readonly unsynced: UnsyncedChanges;
  readonly random: () => number;
}

type Callback<Result> = (error: Error | null, result?: Result) => void;

const asError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error(String(cause)));

/**
 * Puts every file function that the store uses under control: it runs in one turn of the queue, changes are noted
 * before they are made, and everything that changes a disk counts as steps before, in the middle and after. Nothing is
 * really synced: what a power cut takes away is known anyway.
 */
export const countFileSteps = ({ home, queue, points, unsynced, random }: CountedFilesSettings): void => {
  const paths = new Map<number, string>();
  const diskPath = (path: string): string | undefined => {
    const below = relative(home, path);
    return DISK_FOLDERS.some((folder) => below.startsWith(`${folder}/`)) ? below : undefined;
  };
  const pathOf = (descriptor: number): string | undefined => {
    const path = paths.get(descriptor);
    return path === undefined ? undefined : diskPath(path);
  };
  const answer = <Result>(callback: Callback<Result>, work: () => Result): void => {
    queue.add(() => {
      let result: Result;
      try {
        result = work();
      } catch (cause) {
        callback(asError(cause));
        return;
      }
      callback(null, result);
    });
  };
  const stepped = <Result>(work: () => Result): Result => {
    points.step();
    const result = work();
    points.step();
    return result;
  };

  /** Files have the time of the clock that the store sees. */
  const stamp = (descriptor: number): void => {
    const seconds = queue.clock.now() / 1000;
    fs.futimesSync(descriptor, seconds, seconds);
  };
  const openNow = (path: string, flags: string): number => {
    const descriptor = fs.openSync(path, flags, 0o640);
    paths.set(descriptor, path);
    return descriptor;
  };
  const createNow = (path: string, flags: string): number =>
    stepped(() => {
      const descriptor = openNow(path, flags);
      const below = diskPath(path);
      if (below !== undefined) unsynced.noteCreated(below);
      stamp(descriptor);
      return descriptor;
    });
  const closeNow = (descriptor: number): void => {
    paths.delete(descriptor);
    fs.closeSync(descriptor);
  };
  const writeNow = (descriptor: number, buffers: readonly Buffer[], position: number): number => {
    const bytes = Buffer.concat(buffers);
    const path = pathOf(descriptor);
    const firstBytes = Math.floor(random() * bytes.length);
    points.step();
    if (path !== undefined) unsynced.noteWrite(path, position, bytes);
    fs.writeSync(descriptor, bytes, 0, firstBytes, position);
    stamp(descriptor);
    points.step();
    fs.writeSync(descriptor, bytes, firstBytes, bytes.length - firstBytes, position + firstBytes);
    stamp(descriptor);
    points.step();
    return bytes.length;
  };
  const syncNow = (path: string): void =>
    stepped(() => {
      const below = diskPath(path);
      if (below !== undefined) unsynced.noteSynced(below);
      else if (path === join(home, `${INDEX_FILE}-wal`)) unsynced.noteIndexSynced();
    });

  Object.assign(fs, {
    open: (path: string, flags: string, _mode: number, callback: Callback<number>) =>
      answer(callback, () => (flags.includes("x") ? createNow(path, flags) : openNow(path, flags))),
    close: (descriptor: number, callback: Callback<void>) => answer(callback, () => closeNow(descriptor)),
    read: (
      descriptor: number,
      target: Buffer,
      offset: number,
      length: number,
      position: number,
      callback: Callback<number>,
    ) => answer(callback, () => fs.readSync(descriptor, target, offset, length, position)),
    writev: (descriptor: number, buffers: readonly Buffer[], position: number, callback: Callback<number>) =>
      answer(callback, () => writeNow(descriptor, buffers, position)),
    ftruncate: (descriptor: number, length: number, callback: Callback<void>) =>
      answer(callback, () =>
        stepped(() => {
          const path = pathOf(descriptor);
          if (path !== undefined) unsynced.noteLength(path, length);
          fs.ftruncateSync(descriptor, length);
          stamp(descriptor);
        }),
      ),
    fdatasync: (descriptor: number, callback: Callback<void>) =>
      answer(callback, () => syncNow(paths.get(descriptor) ?? "")),
  });

  Object.assign(fs.promises, {
    unlink: (path: string) =>
      queue.run(() =>
        stepped(() => {
          const below = diskPath(path);
          if (below !== undefined && fs.existsSync(path)) unsynced.noteDeletion(below);
          fs.unlinkSync(path);
        }),
      ),
    mkdir: (path: string, options?: fs.MakeDirectoryOptions) =>
      queue.run(() => stepped(() => fs.mkdirSync(path, options))),
    rmdir: (path: string) => queue.run(() => stepped(() => fs.rmdirSync(path))),
    access: (path: string, mode?: number) => queue.run(() => fs.accessSync(path, mode)),
    stat: (path: string) => queue.run(() => fs.statSync(path)),
    statfs: (path: string) => queue.run(() => fs.statfsSync(path)),
    readdir: (path: string) => queue.run(() => fs.readdirSync(path, { withFileTypes: true })),
    open: (path: string, flags: string) =>
      queue.run(() => {
        const descriptor = openNow(path, flags);
        return {
          datasync: () => queue.run(() => syncNow(path)),
          sync: () => queue.run(() => syncNow(path)),
          close: () => queue.run(() => closeNow(descriptor)),
        };
      }),
  });
  syncBuiltinESMExports();
};

/** Value of `PRAGMA synchronous` with which SQLite syncs its log before a transaction ends. */
const SYNCHRONOUS_FULL = 2;

/** Every transaction counts as a step before and one after. */
export const countIndexSteps = ({
  home,
  points,
  unsynced,
}: Pick<CountedFilesSettings, "home" | "points" | "unsynced">): void => {
  const { transaction } = Database.prototype;
  const logBytes = (): number => fs.statSync(join(home, `${INDEX_FILE}-wal`), { throwIfNoEntry: false })?.size ?? 0;
  Object.assign(Database.prototype, {
    transaction(this: Database.Database, work: (...values: unknown[]) => unknown) {
      const run = transaction.call(this, work);
      return (...values: unknown[]): unknown => {
        points.step();
        const bytesBefore = logBytes();
        const result = run(...values);
        if (this.pragma("synchronous", { simple: true }) === SYNCHRONOUS_FULL) unsynced.noteIndexSynced();
        points.stepAfterCommit(bytesBefore);
        return result;
      };
    },
  });
};
