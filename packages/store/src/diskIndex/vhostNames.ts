import type Database from "better-sqlite3";
import { ABSENCE } from "./schema.ts";

export interface VhostEntry {
  readonly id: number;
  readonly name: string;
  /** One of ABSENCE. */
  readonly removed: number;
}

/** Virtual hosts by the small number that rows carry. Numbers are never reused; a name that comes again gets another. */
export class VhostNames {
  readonly #entries = new Map<number, VhostEntry>();
  readonly #ids = new Map<string, number>();
  readonly #unsaved = new Set<number>();
  readonly #unswept = new Set<number>();
  #highest = 0;

  /** Takes over what the table holds now. Boundary: the columns come from SQLite. */
  load(database: Database.Database): void {
    this.#entries.clear();
    this.#ids.clear();
    this.#unswept.clear();
    const rows = database.prepare<[], unknown[]>("SELECT id, name, removed FROM vhost").raw().all();
    for (const [id, name, removed] of rows) {
      if (typeof id !== "number" || typeof name !== "string" || typeof removed !== "number") continue;
      this.#enter({ id, name, removed });
      if (removed === ABSENCE.NONE) this.#ids.set(name, id);
      this.#highest = Math.max(this.#highest, id);
    }
  }

  /** Also of a host that was removed. */
  readonly nameOf = (id: number): string | undefined => this.#entries.get(id)?.name;

  /** Undefined when the host was removed: its rows are absent. */
  readonly presentNameOf = (id: number): string | undefined => {
    const entry = this.#entries.get(id);
    return entry?.removed === ABSENCE.NONE ? entry.name : undefined;
  };

  /** Number of a virtual host that has rows and was not removed. */
  find(name: string): number | undefined {
    return this.#ids.get(name);
  }

  /** The number of a virtual host; a new one is given when it is seen first and saved with the next batch. */
  idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    this.#highest += 1;
    this.#ids.set(name, this.#highest);
    this.#change({ id: this.#highest, name, removed: ABSENCE.NONE });
    return this.#highest;
  }

  /** Makes the rows of all other hosts absent. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const [name, id] of [...this.#ids]) {
      if (names.has(name)) continue;
      this.#ids.delete(name);
      this.#change({ id, name, removed: ABSENCE.ROWS_LEFT });
    }
  }

  /** Removed hosts whose rows may still be in the tables. */
  unswept(): number[] {
    return [...this.#unswept];
  }

  get hasUnswept(): boolean {
    return this.#unswept.size > 0;
  }

  noteSwept(id: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#change({ ...entry, removed: ABSENCE.SWEPT });
  }

  /** What the table does not hold yet. */
  get unsaved(): readonly VhostEntry[] {
    if (this.#unsaved.size === 0) return NONE;
    return [...this.#unsaved].map((id) => this.#entries.get(id)).filter((entry) => entry !== undefined);
  }

  settle(): void {
    this.#unsaved.clear();
  }

  #change(entry: VhostEntry): void {
    this.#enter(entry);
    this.#unsaved.add(entry.id);
  }

  #enter(entry: VhostEntry): void {
    this.#entries.set(entry.id, entry);
    if (entry.removed === ABSENCE.ROWS_LEFT) this.#unswept.add(entry.id);
    else this.#unswept.delete(entry.id);
  }
}

const NONE: readonly VhostEntry[] = [];
