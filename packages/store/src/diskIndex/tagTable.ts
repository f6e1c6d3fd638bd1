import { hash } from "node:crypto";
import type Database from "better-sqlite3";
import type { CacheKey } from "../contract.ts";
import { type Command, prepareCommand, prepareQuery, type Query } from "./indexStatements.ts";
import { homeOf, keyOfPlace, urlRestOf, variantOf } from "./rowPlace.ts";

/** Bytes of a tag's digest: enough that no two tags ever share one. */
const TAG_DIGEST_BYTES = 16;

/**
 * Tables of version 3. `object_tag`: the tags of an object that has any, parted by one blank. `tag`: the same the other
 * way round, by digest. Both name the object by the columns of its key. An object without tags is in neither.
 */
export const TAG_TABLES = `
  CREATE TABLE object_tag (
    home INTEGER NOT NULL,
    url_rest INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (home, url_rest, variant)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE tag (
    digest BLOB NOT NULL,
    home INTEGER NOT NULL,
    url_rest INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    PRIMARY KEY (digest, home, url_rest, variant)
  ) STRICT, WITHOUT ROWID;
`;

export const tagDigest = (tag: string): Buffer => hash("sha256", tag, "buffer").subarray(0, TAG_DIGEST_BYTES);

export const tagsOfText = (text: string): readonly string[] => (text === "" ? NONE : text.split(" "));
const NONE: readonly string[] = [];

/** A place among the objects of a tag; `undefined` is before all. */
export type TagCursor = readonly [home: number, urlRest: number, variant: number];
const BEFORE_ALL: TagCursor = [-1, 0, 0];

const isNumber = (value: unknown): value is number => typeof value === "number";

/** The tags of objects, read and written through one connection. Throws what SQLite throws. */
export class TagTable {
  readonly #find: Query<[number, number, number]>;
  readonly #after: Query<[Buffer, number, number, number, number]>;
  readonly #put: Command<[number, number, number, string]>;
  readonly #remove: Command<[number, number, number]>;
  readonly #addTag: Command<[Buffer, number, number, number]>;
  readonly #removeTag: Command<[Buffer, number, number, number]>;

  constructor(database: Database.Database) {
    this.#find = prepareQuery(database, "SELECT tags FROM object_tag WHERE home = ? AND url_rest = ? AND variant = ?");
    this.#after = prepareQuery(
      database,
      `SELECT home, url_rest, variant FROM tag WHERE digest = ? AND (home, url_rest, variant) > (?, ?, ?)
       ORDER BY home, url_rest, variant LIMIT ?`,
    );
    this.#put = prepareCommand(database, "INSERT OR REPLACE INTO object_tag VALUES (?, ?, ?, ?)");
    this.#remove = prepareCommand(database, "DELETE FROM object_tag WHERE home = ? AND url_rest = ? AND variant = ?");
    this.#addTag = prepareCommand(database, "INSERT OR IGNORE INTO tag VALUES (?, ?, ?, ?)");
    this.#removeTag = prepareCommand(
      database,
      "DELETE FROM tag WHERE digest = ? AND home = ? AND url_rest = ? AND variant = ?",
    );
  }

  /** Empty for none. */
  textOf(key: CacheKey): string {
    const text = this.#find.get(homeOf(key), urlRestOf(key), variantOf(key))?.[0];
    return typeof text === "string" ? text : "";
  }

  /** Call it within a transaction. */
  set(key: CacheKey, text: string): void {
    const before = this.textOf(key);
    if (before === text) return;
    const place: TagCursor = [homeOf(key), urlRestOf(key), variantOf(key)];
    const old = new Set(tagsOfText(before));
    const wanted = new Set(tagsOfText(text));
    for (const tag of old) if (!wanted.has(tag)) this.#removeTag.run(tagDigest(tag), ...place);
    for (const tag of wanted) if (!old.has(tag)) this.#addTag.run(tagDigest(tag), ...place);
    if (text === "") this.#remove.run(...place);
    else this.#put.run(...place, text);
  }

  /** The next objects of a tag behind a cursor. */
  keysAfter(
    digest: Buffer,
    cursor: TagCursor | undefined,
    limit: number,
  ): { readonly keys: readonly CacheKey[]; readonly cursor: TagCursor | undefined } {
    const places = this.#after.all(digest, ...(cursor ?? BEFORE_ALL), limit);
    const keys: CacheKey[] = [];
    for (const [home, urlRest, variant] of places) {
      const key = keyOfPlace(home, urlRest, variant);
      if (key !== undefined) keys.push(key);
    }
    const [home, urlRest, variant] = places.at(-1) ?? [];
    const isMore = places.length >= limit && isNumber(home) && isNumber(urlRest) && isNumber(variant);
    return { keys, cursor: isMore ? [home, urlRest, variant] : undefined };
  }
}
