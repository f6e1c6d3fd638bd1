import type Database from "better-sqlite3";

/** Virtual hosts by the small number that rows carry. Numbers are never reused. */
export class VhostNames {
  readonly #names = new Map<number, string>();
  readonly #ids = new Map<string, number>();
  #unsaved: { readonly id: number; readonly name: string }[] = [];
  #highest = 0;

  /** Adds what the table holds. Boundary: the columns come from SQLite. */
  load(database: Database.Database): void {
    const rows = database.prepare<[], unknown[]>("SELECT id, name FROM vhost").raw().all();
    for (const [id, name] of rows) {
      if (typeof id !== "number" || typeof name !== "string") continue;
      this.#names.set(id, name);
      this.#ids.set(name, id);
      this.#highest = Math.max(this.#highest, id);
    }
  }

  nameOf(id: number): string | undefined {
    return this.#names.get(id);
  }

  find(name: string): number | undefined {
    return this.#ids.get(name);
  }

  /** The number of a virtual host; a new one is given when it is seen first and saved with the next batch. */
  idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    this.#highest += 1;
    const id = this.#highest;
    this.#names.set(id, name);
    this.#ids.set(name, id);
    this.#unsaved.push({ id, name });
    return id;
  }

  get unsaved(): readonly { readonly id: number; readonly name: string }[] {
    return this.#unsaved;
  }

  settle(): void {
    this.#unsaved = [];
  }
}
