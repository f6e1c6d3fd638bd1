import { statSync } from "node:fs";
import { EdgeError } from "@basalt/types";
import type { CacheKey, IndexRow } from "../contract.ts";
import { FLUSH_DELAY_MS, FLUSH_RETRY_MS, FLUSH_ROWS } from "../limits.ts";
import { causeCode, describeCause, storeProblem } from "../storeProblem.ts";
import { Checkpointer, type Quiet } from "./checkpointer.ts";
import { IndexTables } from "./indexTables.ts";
import { isCorruption, type OpenDatabaseContext, openDatabase, setAside } from "./openDatabase.ts";
import { PageWarmer } from "./pageWarmer.ts";
import { WalSync } from "./walSync.ts";

/**
 * Rows that may wait while the log has to be quiet. A batch of 1,000 holds the event loop for about 25 ms, so only a
 * writer that outruns its disk for long comes to the last.
 */
const ROWS_IN_QUIET: Readonly<Record<Quiet, number>> = {
  none: 0,
  preferred: FLUSH_ROWS,
  needed: 4 * FLUSH_ROWS,
  urgent: 40 * FLUSH_ROWS,
};

/**
 * The tables and what waits for them. Rows wait (undefined: removed) until a batch takes them to the disk in one
 * transaction. What SQLite finds corrupt while running is set aside, and the waiting rows begin a new index.
 */
export class RowBatches {
  readonly #path: string;
  readonly #context: OpenDatabaseContext;
  /** Called with the rows that waited when a new index took the place of a corrupt one. */
  readonly #onRebuilt: (survivors: readonly IndexRow[]) => void;
  readonly #waiting = new Map<string, IndexRow | undefined>();
  readonly #tags = new Map<string, string>();
  readonly #arrivals = new Map<number, CacheKey[]>();
  readonly #forgotten = new Set<number>();
  readonly #walSync: WalSync;
  readonly #warmer = new PageWarmer();
  #tables: IndexTables;
  #checkpointer: Checkpointer;
  #highestVersion: number;
  #generation = 0;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;
  /** The index is corrupt, and a new one could not take its place yet. */
  #isLost = false;
  /** Why it has still to be set aside. */
  #damage: string | undefined;
  #isClosed = false;

  constructor(path: string, context: OpenDatabaseContext, onRebuilt: (survivors: readonly IndexRow[]) => void) {
    this.#path = path;
    this.#context = context;
    this.#onRebuilt = onRebuilt;
    this.#walSync = new WalSync(path);
    this.#tables = this.#open();
    this.#checkpointer = this.#startCheckpointer();
    this.#highestVersion = this.#tables.highestVersion;
    const { indexing, warmBytes = Number.POSITIVE_INFINITY } = context;
    if (indexing === "Memory") this.#warmer.start(path, statSync(path).size, warmBytes);
  }

  get tables(): IndexTables {
    return this.#tables;
  }

  get rows(): ReadonlyMap<string, IndexRow | undefined> {
    return this.#waiting;
  }

  /** Tags that wait, by key. */
  get tags(): ReadonlyMap<string, string> {
    return this.#tags;
  }

  get highestVersion(): number {
    return this.#highestVersion;
  }

  /** Changes with every batch: what was read from the tables before is old. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether the last batch could not be written. */
  get isFailing(): boolean {
    return this.#isFailing || this.#isLost;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  noteVersion(version: number): void {
    if (version > this.#highestVersion) this.#highestVersion = version;
  }

  enqueue(key: string, row: IndexRow | undefined): void {
    this.#waiting.set(key, row);
    if (this.#waiting.size >= FLUSH_ROWS && !this.isFailing) this.#writeUnlessQuiet();
    else this.#schedule(this.isFailing ? FLUSH_RETRY_MS : FLUSH_DELAY_MS);
  }

  /** Tags of a row that is enqueued too. */
  noteTags(key: string, tags: string): void {
    this.#tags.set(key, tags);
  }

  /** The row of the key came to point into the segment. */
  noteArrival(segment: number, key: CacheKey): void {
    const keys = this.#arrivals.get(segment);
    if (keys === undefined) this.#arrivals.set(segment, [key]);
    else keys.push(key);
  }

  forgetSegment(segment: number): void {
    this.#tables.accounts.segments.delete(segment);
    this.#arrivals.delete(segment);
    this.#forgotten.add(segment);
    this.#schedule(FLUSH_DELAY_MS);
  }

  /** Takes what waits to the disk. A failure keeps it for the next attempt and is reported once. */
  write(options: { readonly durable?: boolean } = {}): void {
    if (this.#isClosed || !this.#hasWork) return;
    if (this.#isLost) {
      this.#recover();
      return;
    }
    try {
      const batch = {
        rows: this.#waiting,
        tags: this.#tags,
        arrivals: this.#arrivals,
        forgotten: this.#forgotten,
        highestVersion: this.#highestVersion,
      };
      this.#tables.write(batch, options.durable ?? false);
      this.#generation += 1;
      this.#waiting.clear();
      this.#tags.clear();
      this.#arrivals.clear();
      this.#forgotten.clear();
      this.#isFailing = false;
    } catch (cause) {
      if (isCorruption(cause)) this.#rebuild(cause);
      else this.#noteFailure(`The index cannot be written: ${describeCause(cause)} ${causeCode(cause)}`);
      return;
    }
    this.#checkpointer.noteCommit();
  }

  /** What the query finds, `otherwise` when the index is closed or turns out corrupt. */
  read<Result>(query: (tables: IndexTables) => Result, otherwise: Result): Result {
    if (this.#isClosed || this.#isLost) return otherwise;
    try {
      return query(this.#tables);
    } catch (cause) {
      if (!isCorruption(cause)) throw new EdgeError("STORE_UNAVAILABLE", { detail: describeCause(cause), cause });
      this.#rebuild(cause);
      return otherwise;
    }
  }

  async flush(): Promise<void> {
    const { quiet } = this.#checkpointer;
    if (quiet === "needed" || quiet === "urgent") await this.#checkpointer.quietEnd();
    this.write();
    this.assertWritten();
  }

  /** Throws STORE_UNAVAILABLE when something still waits. */
  assertWritten(): void {
    if (this.#hasWork) throw this.unavailable("not written");
  }

  unavailable(reason: string): EdgeError {
    return new EdgeError("STORE_UNAVAILABLE", { detail: `index ${this.#path}: ${reason}` });
  }

  async sync(): Promise<void> {
    await this.flush();
    if (this.#isClosed) return;
    await this.#walSync.run().catch((cause: unknown) => {
      throw new EdgeError("STORE_UNAVAILABLE", { detail: `index ${this.#path}: ${describeCause(cause)}`, cause });
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.write();
    clearTimeout(this.#timer);
    this.#isClosed = true;
    this.#checkpointer.close();
    if (!this.#isLost) {
      try {
        this.#tables.wal.truncate();
      } catch {
        // What stays in the log is found there when the index is opened again.
      }
      this.#tables.close();
    }
    this.#walSync.forget();
    this.#warmer.close();
  }

  get #hasWork(): boolean {
    return this.#waiting.size > 0 || this.#forgotten.size > 0 || this.#tables.isUnsaved;
  }

  #writeUnlessQuiet(): void {
    if (this.#waiting.size >= ROWS_IN_QUIET[this.#checkpointer.quiet]) this.write();
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writeUnlessQuiet();
    }, delayMs);
    this.#timer.unref();
  }

  #noteFailure(message: string): void {
    if (!this.#isFailing) {
      this.#context.onProblem(storeProblem("error", this.#path, `${message.trim()}. It is tried again.`));
    }
    this.#isFailing = true;
    this.#schedule(FLUSH_RETRY_MS);
  }

  #rebuild(cause: unknown): void {
    this.#checkpointer.close();
    this.#tables.close();
    this.#walSync.forget();
    this.#isLost = true;
    this.#damage = describeCause(cause);
    this.#recover();
  }

  /** Opens a new index in the place of the lost one; nothing that waits is lost. */
  #recover(): void {
    const { disks } = this.#tables;
    try {
      if (this.#damage !== undefined) setAside(this.#path, this.#damage, this.#context);
      this.#damage = undefined;
      this.#tables = this.#open();
    } catch (problem) {
      this.#noteFailure(`The index is damaged and no other can take its place: ${describeCause(problem)}`);
      return;
    }
    this.#generation += 1;
    this.#tables.disks.adopt(disks);
    this.#checkpointer = this.#startCheckpointer();
    this.#isLost = false;
    this.#isFailing = false;
    const survivors = [...this.#waiting.values()].filter((row) => row !== undefined);
    this.#waiting.clear();
    this.#arrivals.clear();
    this.#forgotten.clear();
    this.#onRebuilt(survivors);
    this.#schedule(FLUSH_DELAY_MS);
  }

  #open(): IndexTables {
    const now = this.#context.clock.now();
    return openDatabase(this.#path, this.#context, (database) => new IndexTables(database, now));
  }

  #startCheckpointer(): Checkpointer {
    return new Checkpointer(this.#tables.wal, {
      path: this.#path,
      onProblem: this.#context.onProblem,
      onQuietEnd: () => this.write(),
    });
  }
}
