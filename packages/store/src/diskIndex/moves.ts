import type Database from "better-sqlite3";
import { homeOf, URL_PREFIX_BYTES, urlRestOf, variantOf } from "./rowPlace.ts";
import { UnusableIndexError } from "./unusableIndex.ts";
import { FILL_VHOST_USE } from "./vhostUse.ts";

/** Most objects of version 2 that are moved while the start waits for them: some seconds. */
export const MOVED_OBJECTS_LIMIT = 250_000;

const MOVED_AT_ONCE = 1000;
const VERSION_2_PREFIX_BYTES = 8;

const bufferIn = (value: unknown): Buffer => {
  if (Buffer.isBuffer(value)) return value;
  throw new UnusableIndexError("a key is not a blob");
};

/** Boundary: the columns come from SQLite. */
const moveObjects = (database: Database.Database): void => {
  const tooMany = database.prepare<[number], unknown[]>("SELECT 1 FROM object_2 LIMIT 1 OFFSET ?");
  if (tooMany.get(MOVED_OBJECTS_LIMIT) !== undefined) {
    throw new UnusableIndexError(`it is of version 2 and has more than ${MOVED_OBJECTS_LIMIT} objects`);
  }
  const next = database.prepare<[Buffer, number], unknown[]>(
    "SELECT * FROM object_2 WHERE key > ? ORDER BY key LIMIT ?",
  );
  const marks = Array.from({ length: 18 }, () => "?").join(", ");
  const put = database.prepare<unknown[]>(`INSERT OR IGNORE INTO object VALUES (${marks})`);
  const collide = database.prepare<[number, number]>("INSERT INTO collided VALUES (?, ?)");
  let lowestId = 0;
  for (let rows = next.raw().all(Buffer.alloc(0), MOVED_AT_ONCE); rows.length > 0; ) {
    for (const [blob, ...columns] of rows) {
      const key = bufferIn(blob);
      const home = homeOf(key);
      const rest = [urlRestOf(key), variantOf(key), ...columns];
      if (put.run(home, ...rest).changes > 0) continue;
      lowestId -= 1;
      collide.run(lowestId, home);
      put.run(lowestId, ...rest);
    }
    rows = next.raw().all(bufferIn(rows.at(-1)?.[0]), MOVED_AT_ONCE);
  }
};

const shortenPrefixes = (database: Database.Database): void => {
  const old = database.prepare<[], unknown[]>("SELECT segment, batch, prefixes FROM member").raw();
  const update = database.prepare<[Buffer, unknown, unknown]>(
    "UPDATE member SET prefixes = ? WHERE segment = ? AND batch = ?",
  );
  for (const [segment, batch, blob] of old.all()) {
    const prefixes = bufferIn(blob);
    const shorter: Buffer[] = [];
    for (let start = 0; start < prefixes.length; start += VERSION_2_PREFIX_BYTES) {
      shorter.push(prefixes.subarray(start, start + URL_PREFIX_BYTES));
    }
    update.run(Buffer.concat(shorter), segment, batch);
  }
};

/** Work that belongs to the step to a schema version, done behind its statements in the same transaction. */
export const MOVES: ReadonlyMap<number, (database: Database.Database) => void> = new Map([
  [
    3,
    (database) => {
      moveObjects(database);
      shortenPrefixes(database);
      database.exec(`
        DROP TABLE object_2;
        CREATE INDEX own_file ON object (disk, updated + access, file) WHERE file > 0;
        ${FILL_VHOST_USE}
      `);
    },
  ],
]);
