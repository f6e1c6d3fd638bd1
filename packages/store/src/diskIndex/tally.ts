import { setImmediate as nextTurn } from "node:timers/promises";
import Database from "better-sqlite3";
import { type CacheKey, ROW_FLAG, type RowTarget, type Tally, type TallyQuestion } from "../contract.ts";
import { type EncodedColumns, prepareQuery } from "./indexStatements.ts";
import { RowFinder } from "./rowFinder.ts";
import { TagTable, tagDigest } from "./tagTable.ts";

/** Rows that are counted before the event loop gets its turn: 1 to 2 ms. */
const COUNTED_AT_ONCE = 4096;
/** The same for rows that are looked up one by one. */
const LOOKED_UP_AT_ONCE = 256;
/** Homes lie evenly between 0 and this. */
const HOMES = 2 ** 53;
/** Connections kept for the next question. */
const KEPT_SNAPSHOTS = 2;

interface Condition {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** What only `*` may mean (CFG-70) for SQLite's GLOB. */
const globOf = (pattern: string): string => pattern.replace(/[?[]/g, "[$&]");

const ROW_HOME = "CASE WHEN id >= 0 THEN id ELSE (SELECT home FROM collided WHERE collided.id = object.id) END";

const conditionOf = (target: RowTarget): Condition => {
  switch (target.kind) {
    case "url":
      return { sql: "url = ?", parameters: [target.url] };
    case "collective":
      return {
        sql: "(url = ? OR url GLOB ?)",
        parameters: [target.url, `${globOf(target.url).replaceAll("*", "[*]")}[?]*`],
      };
    case "pattern":
      return { sql: "url GLOB ?", parameters: [globOf(target.pattern)] };
    case "tag": {
      const marks = target.tags.map(() => "?").join(", ");
      return {
        sql: `(flags & ${ROW_FLAG.TAGGED} <> 0 AND EXISTS (SELECT 1 FROM tag WHERE digest IN (${marks})
          AND tag.home = ${ROW_HOME} AND tag.url_rest = object.url_rest AND tag.variant = object.variant))`,
        parameters: target.tags.map(tagDigest),
      };
    }
  }
};

const joinConditions = (question: TallyQuestion, vhost: number, goneDisks: readonly number[]): Condition => {
  const sql = [`vhost = ? AND version < ? AND flags & ${ROW_FLAG.DERIVED} = 0`];
  const parameters: unknown[] = [vhost, question.beforeVersion];
  if (!question.countsPurged) sql.push(`flags & ${ROW_FLAG.PURGED} = 0`);
  if (goneDisks.length > 0) sql.push(`disk NOT IN (${goneDisks.join(", ")})`);
  const wanted = conditionOf(question.target);
  sql.push(wanted.sql);
  parameters.push(...wanted.parameters);
  for (const { target, beforeVersion } of question.except) {
    const left = conditionOf(target);
    sql.push(`NOT (version < ? AND ${left.sql})`);
    parameters.push(beforeVersion, ...left.parameters);
  }
  return { sql: sql.join(" AND "), parameters };
};

/** The index as it was at one moment, in a connection of its own. */
class Snapshot {
  readonly #database: Database.Database;
  readonly #finder: RowFinder;
  readonly #tags: TagTable;

  constructor(path: string) {
    this.#database = new Database(path, { readonly: true, fileMustExist: true, timeout: 100 });
    this.#finder = new RowFinder(this.#database);
    this.#tags = new TagTable(this.#database);
  }

  begin(): void {
    this.#database.exec("BEGIN");
    this.#database.prepare("SELECT 1 FROM state").get();
  }

  end(): void {
    if (this.#database.inTransaction) this.#database.exec("COMMIT");
  }

  close(): void {
    this.#database.close();
  }

  async count({ sql, parameters }: Condition, objects: number): Promise<Tally> {
    const chunks = Math.max(1, Math.ceil(objects / COUNTED_AT_ONCE));
    const query = prepareQuery<unknown[]>(
      this.#database,
      `SELECT count(*), coalesce(sum(body_bytes), 0) FROM object WHERE id >= ? AND id < ? AND ${sql}`,
    );
    const tally = { count: 0, bytes: 0 };
    for (let chunk = 0; chunk < chunks; chunk++) {
      const first = chunk === 0 ? Number.MIN_SAFE_INTEGER : Math.floor((HOMES / chunks) * chunk);
      const end = chunk === chunks - 1 ? HOMES : Math.floor((HOMES / chunks) * (chunk + 1));
      const [count, bytes] = query.get(first, end, ...parameters) ?? [];
      tally.count += Number(count);
      tally.bytes += Number(bytes);
      if (chunk < chunks - 1) await nextTurn();
    }
    return tally;
  }

  async visitTagged(tags: readonly string[], visit: (key: CacheKey, columns: EncodedColumns) => void): Promise<void> {
    const seen = tags.length > 1 ? new Set<string>() : undefined;
    for (const tag of tags) {
      const digest = tagDigest(tag);
      for (let page = this.#tags.keysAfter(digest, undefined, LOOKED_UP_AT_ONCE); ; ) {
        for (const key of page.keys) {
          const text = seen === undefined ? "" : key.toString("latin1");
          if (seen?.has(text) === true) continue;
          seen?.add(text);
          const columns = this.#finder.find(key);
          if (columns !== undefined) visit(key, columns);
        }
        if (page.cursor === undefined) break;
        await nextTurn();
        page = this.#tags.keysAfter(digest, page.cursor, LOOKED_UP_AT_ONCE);
      }
    }
  }
}

/** Counts rows as they are at the moment of the call, a bit at a time, whatever is written meanwhile. */
export class Tallies {
  readonly #path: string;
  readonly #free: Snapshot[] = [];
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** `goneDisks`: rows on these do not count; `objects`: about how many rows there are. */
  count(
    question: TallyQuestion,
    {
      vhost,
      goneDisks,
      objects,
    }: { readonly vhost: number; readonly goneDisks: readonly number[]; readonly objects: number },
  ): Promise<Tally> {
    return this.#within((snapshot) => snapshot.count(joinConditions(question, vhost, goneDisks), objects));
  }

  visitTagged(tags: readonly string[], visit: (key: CacheKey, columns: EncodedColumns) => void): Promise<void> {
    return this.#within((snapshot) => snapshot.visitTagged(tags, visit));
  }

  /** The file is about to be replaced or closed. */
  close(): void {
    this.#isClosed = true;
    for (const snapshot of this.#free.splice(0)) snapshot.close();
  }

  /** The moment is that of the call. */
  async #within<Result>(work: (snapshot: Snapshot) => Promise<Result>): Promise<Result> {
    const snapshot = this.#free.pop() ?? new Snapshot(this.#path);
    let isSound = false;
    try {
      snapshot.begin();
      const result = await work(snapshot);
      snapshot.end();
      isSound = true;
      return result;
    } finally {
      if (isSound && !this.#isClosed && this.#free.length < KEPT_SNAPSHOTS) this.#free.push(snapshot);
      else snapshot.close();
    }
  }
}
