import { TAG_TABLES } from "./tagTable.ts";
import { VHOST_USE_TABLE } from "./vhostUse.ts";

/** Marks a file as ours ("BSLT"), so that a database of another program is never written to. */
export const APPLICATION_ID = 0x42534c54;

/**
 * Statements that lead from each schema version to the next; the length is the current version. Never edit one that
 * was released: add one. MOVES has what of a step cannot be said in SQL.
 *
 * - `object`: one row per object; `id`, `url_rest` and `variant` are its key (`rowPlace.ts`). `own_file` orders the
 *   bodies that have a file of their own by last access and names them; objects in segments pay nothing for it.
 * - `collided`: rows whose home another key had taken when they came. Their ids are negative. A home that is named here
 *   always has a row of its own, so that a lookup that finds nothing there is done. Its row goes home when that one is
 *   removed: other tables (they go behind this one, in the same version) name an object by its key, never by `id`.
 * - `member`: per segment, the first 5 bytes of the keys whose rows came to point into it, in blobs. It lets a
 *   segment be evicted without a scan of all rows and costs about 5 bytes per object.
 * - `segment`, `disk_files`: bytes that rows account for, kept in the same transaction as the rows; `indexed_to` is the
 *   end of the furthest record that a row was put for.
 * - `vhost`, `disk`: who rows belong to. A number is given once; `removed` and `retired` are values of ABSENCE. A name or
 *   path may come again under another number.
 * - `state`: totals and counters, one row. `vhost_changes` counts the batches that changed `vhost`, so that readers know
 *   when to load it again.
 *
 * Version 2 begins with no objects, because the layout of the bodies changed; ids and versions go on. Version 3 keys
 * objects by a number (decision 0016).
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE vhost (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE object (
    key BLOB PRIMARY KEY,
    vhost INTEGER NOT NULL,
    url TEXT NOT NULL,
    disk INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    head_bytes INTEGER NOT NULL,
    body_bytes INTEGER NOT NULL,
    file INTEGER NOT NULL,
    version INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    ttl INTEGER NOT NULL,
    fresh INTEGER NOT NULL,
    access INTEGER NOT NULL,
    flags INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX own_file ON object (disk, updated + access, file) WHERE file > 0;
  CREATE TABLE member (
    segment INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    prefixes BLOB NOT NULL,
    PRIMARY KEY (segment, batch)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    disk INTEGER NOT NULL,
    live_bytes INTEGER NOT NULL,
    live_objects INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE disk_files (
    disk INTEGER PRIMARY KEY,
    live_bytes INTEGER NOT NULL,
    live_objects INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    objects INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    highest_version INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    segment_ids INTEGER NOT NULL,
    file_ids INTEGER NOT NULL
  ) STRICT;
  INSERT INTO state VALUES (1, 0, 0, 0, 0, 0, 0);
  `,
  `
  DROP TABLE object;
  DROP TABLE member;
  DROP TABLE segment;
  DROP TABLE disk_files;
  DROP TABLE vhost;
  CREATE TABLE vhost (id INTEGER PRIMARY KEY, name TEXT NOT NULL, removed INTEGER NOT NULL) STRICT;
  CREATE TABLE disk (number INTEGER PRIMARY KEY, path TEXT NOT NULL, retired INTEGER NOT NULL) STRICT;
  CREATE TABLE object (
    key BLOB PRIMARY KEY,
    vhost INTEGER NOT NULL,
    url TEXT NOT NULL,
    disk INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    head_bytes INTEGER NOT NULL,
    body_bytes INTEGER NOT NULL,
    file INTEGER NOT NULL,
    version INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    ttl INTEGER NOT NULL,
    fresh INTEGER NOT NULL,
    access INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    missing INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX own_file ON object (disk, updated + access, file) WHERE file > 0;
  CREATE TABLE member (
    segment INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    prefixes BLOB NOT NULL,
    PRIMARY KEY (segment, batch)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    disk INTEGER NOT NULL,
    live_bytes INTEGER NOT NULL,
    live_objects INTEGER NOT NULL,
    indexed_to INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE disk_files (
    disk INTEGER PRIMARY KEY,
    live_bytes INTEGER NOT NULL,
    live_objects INTEGER NOT NULL
  ) STRICT;
  ALTER TABLE state ADD COLUMN vhost_changes INTEGER NOT NULL DEFAULT 0;
  UPDATE state SET objects = 0, bytes = 0;
  `,
  `
  ALTER TABLE object RENAME TO object_2;
  DROP INDEX own_file;
  CREATE TABLE object (
    id INTEGER PRIMARY KEY,
    url_rest INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    vhost INTEGER NOT NULL,
    url TEXT NOT NULL,
    disk INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    head_bytes INTEGER NOT NULL,
    body_bytes INTEGER NOT NULL,
    file INTEGER NOT NULL,
    version INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    ttl INTEGER NOT NULL,
    fresh INTEGER NOT NULL,
    access INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    missing INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE collided (id INTEGER PRIMARY KEY, home INTEGER NOT NULL) STRICT;
  CREATE INDEX collided_home ON collided (home);
  ${TAG_TABLES}
  ${VHOST_USE_TABLE}
  `,
];

/** Whether the rows of a virtual host or disk count. */
export const ABSENCE = {
  NONE: 0,
  /** Its rows are absent and may still be in the tables. */
  ROWS_LEFT: 1,
  /** Its rows are gone. */
  SWEPT: 2,
} as const;

export const SCHEMA_VERSION = MIGRATIONS.length;
