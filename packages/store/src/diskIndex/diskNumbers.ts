import type Database from "better-sqlite3";
import { ABSENCE } from "./schema.ts";

export interface DiskEntry {
  readonly number: number;
  readonly path: string;
  /** One of ABSENCE. */
  readonly retired: number;
}

/** The disks that ever had a number. A number is given once, from 1, and stays known after it was retired. */
export class DiskNumbers {
  readonly #entries = new Map<number, DiskEntry>();
  readonly #unsaved = new Set<number>();
  #highest = 0;

  /** Boundary: the columns come from SQLite. */
  load(database: Database.Database): void {
    const rows = database.prepare<[], unknown[]>("SELECT number, path, retired FROM disk").raw().all();
    for (const [number, path, retired] of rows) {
      if (typeof number !== "number" || typeof path !== "string" || typeof retired !== "number") continue;
      this.#entries.set(number, { number, path, retired });
      this.#highest = Math.max(this.#highest, number);
    }
  }

  /** Carries the numbers of an index that was lost over to the one that takes its place. */
  adopt(others: DiskNumbers): void {
    for (const entry of others.#entries.values()) this.#change(entry);
  }

  give(path: string): number {
    const number = this.#highest + 1;
    this.#change({ number, path, retired: ABSENCE.NONE });
    return number;
  }

  /** Takes back a number that could not be saved. */
  withdraw(number: number): void {
    this.#entries.delete(number);
    this.#unsaved.delete(number);
  }

  /** False when it was retired before. A number that nobody knows can be retired too, so that it is never given. */
  retire(number: number): boolean {
    const entry = this.#entries.get(number);
    if (entry !== undefined && entry.retired !== ABSENCE.NONE) return false;
    this.#change({ number, path: entry?.path ?? "", retired: ABSENCE.ROWS_LEFT });
    return true;
  }

  isRetired(number: number): boolean {
    const entry = this.#entries.get(number);
    return entry !== undefined && entry.retired !== ABSENCE.NONE;
  }

  list(): { readonly number: number; readonly path: string }[] {
    const inUse = [...this.#entries.values()].filter(({ retired }) => retired === ABSENCE.NONE);
    return inUse.map(({ number, path }) => ({ number, path }));
  }

  /** Retired disks whose rows may still be in the tables. */
  unswept(): number[] {
    const unswept = [...this.#entries.values()].filter(({ retired }) => retired === ABSENCE.ROWS_LEFT);
    return unswept.map(({ number }) => number);
  }

  noteSwept(number: number): void {
    const entry = this.#entries.get(number);
    if (entry !== undefined) this.#change({ ...entry, retired: ABSENCE.SWEPT });
  }

  /** What the table does not hold yet. */
  get unsaved(): readonly DiskEntry[] {
    if (this.#unsaved.size === 0) return NONE;
    return [...this.#unsaved].map((number) => this.#entries.get(number)).filter((entry) => entry !== undefined);
  }

  settle(): void {
    this.#unsaved.clear();
  }

  #change(entry: DiskEntry): void {
    this.#entries.set(entry.number, entry);
    this.#unsaved.add(entry.number);
    this.#highest = Math.max(this.#highest, entry.number);
  }
}

const NONE: readonly DiskEntry[] = [];
