import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { causeCode } from "../storeProblem.ts";

/**
 * Brings the write-ahead log to the disk on libuv's pool. Only the log and its folder are opened: closing a descriptor
 * of the database file or of its `-shm` file outside SQLite would drop the locks that SQLite holds on them.
 */
export class WalSync {
  readonly #path: string;
  #file: FileHandle | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #generation = 0;

  constructor(databasePath: string) {
    this.#path = `${databasePath}-wal`;
  }

  /** Resolves when what the log held at the time of the call is on the disk. Calls share the work. */
  run(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running !== undefined) {
      this.#next = this.#running
        .catch(() => undefined)
        .then(() => {
          this.#next = undefined;
          return this.run();
        });
      return this.#next;
    }
    this.#running = this.#syncNow().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Another file takes the log's place, or none. */
  forget(): void {
    this.#generation += 1;
    const file = this.#file;
    this.#file = undefined;
    file?.close().catch(() => undefined);
  }

  async #syncNow(): Promise<void> {
    const generation = this.#generation;
    try {
      this.#file ??= await this.#open();
      if (generation !== this.#generation) this.forget();
      else await this.#file.datasync();
    } catch (cause) {
      // Without a log everything is in the database file; a log that was replaced holds nothing that counts.
      if (causeCode(cause) !== "ENOENT" && generation === this.#generation) throw cause;
    }
  }

  /** The folder too, because SQLite brings the name of a new log to the disk with its own first flush only. */
  async #open(): Promise<FileHandle> {
    const file = await open(this.#path, "r");
    const folder = await open(dirname(this.#path), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return file;
  }
}
