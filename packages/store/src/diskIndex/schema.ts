/** Marks a file as ours ("BSLT"), so that a database of another program is never written to. */
export const APPLICATION_ID = 0x42534c54;

/**
 * Statements that lead from each schema version to the next; the length is the current version. Never edit one that
 * was released: add one.
 *
 * - `object`: one row per object. `own_file` orders the bodies that have a file of their own by last access and names
 *   them; objects in segments pay nothing for it.
 * - `member`: per segment, the first 8 bytes of the keys whose rows came to point into it, a blob per batch. It lets a
 *   segment be evicted without a scan of all rows and costs about 8 bytes per object.
 * - `segment`, `disk_files`: bytes that live rows account for, kept in the same transaction as the rows.
 * - `state`: totals and counters, one row.
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
];

export const SCHEMA_VERSION = MIGRATIONS.length;
