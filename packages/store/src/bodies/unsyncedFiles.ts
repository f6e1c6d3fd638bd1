import { faultSideOf } from "./diskFaults.ts";
import type { DiskReports } from "./diskReports.ts";
import type { Disk } from "./diskSet.ts";
import { closeFile, openFile, syncFile } from "./fileAccess.ts";

/** Files synced at a time: the other threads of the pool go on serving reads. */
const PARALLEL_SYNCS = 2;

/**
 * Files with bytes that a power cut would lose. They are opened anew to be synced, so they may be closed meanwhile. The
 * entry of a new file in its folder becomes durable with the first sync of the file (ext4, xfs, btrfs).
 */
export class UnsyncedFiles {
  readonly #reports: DiskReports;
  #files = new Map<string, Disk>();
  #last: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;

  constructor(reports: DiskReports) {
    this.#reports = reports;
  }

  /** Bytes were written: call it before whoever wrote them is told. */
  note(path: string, disk: Disk): void {
    this.#files.set(path, disk);
  }

  /** Calls while one runs share the next. Never rejects. */
  sync(): Promise<void> {
    this.#waiting ??= this.#last.then(() => {
      this.#waiting = undefined;
      return this.#syncAll();
    });
    this.#last = this.#waiting;
    return this.#waiting;
  }

  async #syncAll(): Promise<void> {
    const files = this.#files.entries();
    this.#files = new Map();
    const syncNext = async (): Promise<void> => {
      for (const [path, disk] of files) await this.#syncOne(path, disk);
    };
    await Promise.all(Array.from({ length: PARALLEL_SYNCS }, syncNext));
  }

  async #syncOne(path: string, disk: Disk): Promise<void> {
    if (!disk.isInUse) return;
    try {
      const descriptor = await openFile(path, "r");
      try {
        await syncFile(descriptor);
      } finally {
        await closeFile(descriptor);
      }
    } catch (cause) {
      if (faultSideOf(cause) !== "absent") this.#reports.unsynced(disk, path, cause);
    }
  }
}
