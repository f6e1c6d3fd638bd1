import type Database from "better-sqlite3";

/** State of the write-ahead log, in frames of one page each. */
export interface WalGauge {
  readonly frames: number;
  /** Frames that are in the database file already. */
  readonly backfilledFrames: number;
}

const NO_FRAMES: WalGauge = { frames: 0, backfilledFrames: 0 };

/** What can be asked of the write-ahead log through an open connection. Everything may throw an error of SQLite. */
export class WalConnection {
  readonly #database: Database.Database;
  readonly #gauge: Database.Statement<[], unknown[]>;
  readonly #lockTimeoutMs: number;

  constructor(database: Database.Database, lockTimeoutMs: number) {
    this.#database = database;
    this.#gauge = database.prepare<[], unknown[]>("PRAGMA wal_checkpoint(NOOP)").raw();
    this.#lockTimeoutMs = lockTimeoutMs;
  }

  /** Costs some µs and takes no lock. */
  gauge(): WalGauge {
    const [, frames, backfilledFrames] = this.#gauge.get() ?? [];
    if (typeof frames !== "number" || typeof backfilledFrames !== "number" || frames < 0) return NO_FRAMES;
    return { frames, backfilledFrames };
  }

  /** Copies what it can to the database file, on this thread. */
  backfill(): void {
    this.#database.pragma("wal_checkpoint(PASSIVE)");
  }

  /** Makes the next write begin at the start of the log. False when a reader still needs it. Costs some µs when all is backfilled. */
  restart(): boolean {
    return this.#withoutWaiting(() => this.#database.pragma("wal_checkpoint(RESTART)", { simple: true }) === 0);
  }

  /** Empties the log, as far as readers let it. */
  truncate(): void {
    this.#withoutWaiting(() => this.#database.pragma("wal_checkpoint(TRUNCATE)"));
  }

  #withoutWaiting<Result>(work: () => Result): Result {
    this.#database.pragma("busy_timeout = 0");
    try {
      return work();
    } finally {
      this.#database.pragma(`busy_timeout = ${this.#lockTimeoutMs}`);
    }
  }
}
