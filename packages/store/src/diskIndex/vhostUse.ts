import type Database from "better-sqlite3";
import { type IndexRow, ROW_FLAG, type VhostObjects } from "../contract.ts";
import { type Command, prepareCommand, prepareQuery } from "./indexStatements.ts";
import type { VhostNames } from "./vhostNames.ts";

/** Table of version 3: what a virtual host has on a disk, kept in the same transaction as the rows. */
export const VHOST_USE_TABLE = `
  CREATE TABLE vhost_use (
    vhost INTEGER NOT NULL,
    disk INTEGER NOT NULL,
    objects INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    purged_objects INTEGER NOT NULL,
    purged_bytes INTEGER NOT NULL,
    PRIMARY KEY (vhost, disk)
  ) STRICT, WITHOUT ROWID;
`;

/** Fills the table from the rows of an index that had none. */
export const FILL_VHOST_USE = `
  INSERT INTO vhost_use SELECT vhost, disk,
    sum(flags & ${ROW_FLAG.PURGED} = 0), sum((flags & ${ROW_FLAG.PURGED} = 0) * body_bytes),
    sum(flags & ${ROW_FLAG.PURGED} <> 0), sum((flags & ${ROW_FLAG.PURGED} <> 0) * body_bytes)
  FROM object WHERE flags & ${ROW_FLAG.DERIVED} = 0 GROUP BY vhost, disk;
`;

interface Use {
  objects: number;
  bytes: number;
  purgedObjects: number;
  purgedBytes: number;
}

interface Entry {
  readonly vhost: string;
  readonly disk: number;
  readonly use: Use;
}

const placeOf = (vhost: string, disk: number): string => `${disk} ${vhost}`;

/** How many objects each virtual host has, so that nobody has to count them. Derived objects do not count. */
export class VhostUse {
  readonly #uses = new Map<string, Entry>();
  /** The same, by virtual host. */
  readonly #byVhost = new Map<string, Entry[]>();
  readonly #changed = new Set<string>();
  readonly #put: Command<[number, number, number, number, number, number]>;

  /** Boundary: columns come from SQLite. */
  constructor(database: Database.Database, vhosts: VhostNames) {
    const rows = prepareQuery<[]>(
      database,
      "SELECT vhost, disk, objects, bytes, purged_objects, purged_bytes FROM vhost_use",
    );
    this.#put = prepareCommand(database, "INSERT OR REPLACE INTO vhost_use VALUES (?, ?, ?, ?, ?, ?)");
    for (const columns of rows.all()) {
      const [id = 0, disk = 0, objects = 0, bytes = 0, purgedObjects = 0, purgedBytes = 0] = columns.map(Number);
      const vhost = vhosts.presentNameOf(id);
      if (vhost === undefined) continue;
      this.#begin({ vhost, disk, use: { objects, bytes, purgedObjects, purgedBytes } });
    }
  }

  add(row: IndexRow): void {
    this.#book(row, 1);
  }

  subtract(row: IndexRow): void {
    this.#book(row, -1);
  }

  /** Virtual hosts that are gone have nothing any more, nor has one that gets such a name later. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const [place, { vhost }] of this.#uses) {
      if (names.has(vhost)) continue;
      this.#uses.delete(place);
      this.#byVhost.delete(vhost);
      this.#changed.delete(place);
    }
  }

  objectsOf(vhost: string, isGone: (disk: number) => boolean): VhostObjects {
    const total: Use = { objects: 0, bytes: 0, purgedObjects: 0, purgedBytes: 0 };
    for (const entry of this.#byVhost.get(vhost) ?? []) {
      if (isGone(entry.disk)) continue;
      total.objects += entry.use.objects;
      total.bytes += entry.use.bytes;
      total.purgedObjects += entry.use.purgedObjects;
      total.purgedBytes += entry.use.purgedBytes;
    }
    return total;
  }

  /** Writes what has changed since the last `settle`; call it within a transaction. */
  write(vhosts: VhostNames): void {
    for (const place of this.#changed) {
      const entry = this.#uses.get(place);
      const id = entry === undefined ? undefined : vhosts.find(entry.vhost);
      if (entry === undefined || id === undefined) continue;
      const { objects, bytes, purgedObjects, purgedBytes } = entry.use;
      this.#put.run(id, entry.disk, objects, bytes, purgedObjects, purgedBytes);
    }
  }

  settle(): void {
    this.#changed.clear();
  }

  #begin(entry: Entry): void {
    this.#uses.set(placeOf(entry.vhost, entry.disk), entry);
    const others = this.#byVhost.get(entry.vhost);
    if (others === undefined) this.#byVhost.set(entry.vhost, [entry]);
    else others.push(entry);
  }

  #book({ vhost, location, flags }: IndexRow, sign: 1 | -1): void {
    if ((flags & ROW_FLAG.DERIVED) !== 0) return;
    const { disk, bodyBytes } = location;
    const place = placeOf(vhost, disk);
    let entry = this.#uses.get(place);
    if (entry === undefined) {
      if (sign < 0) return;
      entry = { vhost, disk, use: { objects: 0, bytes: 0, purgedObjects: 0, purgedBytes: 0 } };
      this.#begin(entry);
    }
    const { use } = entry;
    if ((flags & ROW_FLAG.PURGED) === 0) {
      use.objects += sign;
      use.bytes += sign * bodyBytes;
    } else {
      use.purgedObjects += sign;
      use.purgedBytes += sign * bodyBytes;
    }
    this.#changed.add(place);
  }
}
