import { setImmediate as nextTurn } from "node:timers/promises";
import Database from "better-sqlite3";
import { ROW_FLAG, type RowTarget, type Tally, type TallyQuestion } from "../contract.ts";
import { type EncodedColumns, prepareQuery } from "./indexStatements.ts";
import { tagDigest } from "./tagTable.ts";

/** Rows that are counted before the event loop gets its turn: 1 to 2 ms. */
const COUNTED_AT_ONCE = 4096;
/** The same for rows that are looked up by their tags. */
const LOOKED_UP_AT_ONCE = 1024;
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

/** The objects that a question may mean: a table, in which `column` is what it is walked by. */
interface Source {
  readonly from: string;
  readonly column: string;
  readonly parameters: readonly unknown[];
}

const SAME_KEY = "object.url_rest = tagged.url_rest AND object.variant = tagged.variant";

/** Those at home, and those few beside it. Who has several of the tags is there once. */
const taggedSources = (tags: readonly string[]): readonly [home: Source, beside: Source] => {
  const marks = tags.map(() => "?").join(", ");
  const distinct = tags.length > 1 ? "DISTINCT" : "";
  const tagged = `(SELECT ${distinct} home, url_rest, variant FROM tag WHERE digest IN (${marks})) AS tagged`;
  const parameters = tags.map(tagDigest);
  const beside = `collided CROSS JOIN ${tagged} ON tagged.home = collided.home CROSS JOIN object ON object.id = collided.id`;
  return [
    {
      from: `${tagged} CROSS JOIN object ON object.id = tagged.home AND ${SAME_KEY}`,
      column: "tagged.home",
      parameters,
    },
    { from: `${beside} AND ${SAME_KEY}`, column: "tagged.home", parameters },
  ];
};

const ALL_OBJECTS: Source = { from: "object", column: "object.id", parameters: [] };

/** What every counted row is; `vhost`: of one host alone. */
const conditionsOf = (
  question: Omit<TallyQuestion, "vhost">,
  vhost: number | undefined,
  goneDisks: readonly number[],
): Condition => {
  const sql = [`version < ? AND flags & ${ROW_FLAG.DERIVED} = 0`];
  const parameters: unknown[] = [question.beforeVersion];
  const add = (condition: Condition): void => {
    sql.push(condition.sql);
    parameters.push(...condition.parameters);
  };
  if (vhost !== undefined) add({ sql: "vhost = ?", parameters: [vhost] });
  if (!question.countsPurged) sql.push(`flags & ${ROW_FLAG.PURGED} = 0`);
  if (goneDisks.length > 0) sql.push(`disk NOT IN (${goneDisks.join(", ")})`);
  if (question.target.kind !== "tag") add(conditionOf(question.target));
  for (const { target, beforeVersion } of question.except) {
    const left = conditionOf(target);
    add({ sql: `NOT (version < ? AND ${left.sql})`, parameters: [beforeVersion, ...left.parameters] });
  }
  return { sql: allOf(sql), parameters };
};

/** SQLite takes expressions up to 1,000 deep, and a chain of conditions is as deep as it is long: this one is balanced. */
const allOf = (conditions: readonly string[]): string => {
  if (conditions.length <= 2) return conditions.join(" AND ");
  const middle = conditions.length >> 1;
  return `(${allOf(conditions.slice(0, middle))}) AND (${allOf(conditions.slice(middle))})`;
};

/** The index as it was at one moment, in a connection of its own. */
class Snapshot {
  readonly #database: Database.Database;

  constructor(path: string) {
    this.#database = new Database(path, { readonly: true, fileMustExist: true, timeout: 100 });
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

  /**
   * By the number of the virtual host; `objects`: about how many rows there are in all; `weight`: how many times the work
   * of a plain question a row costs.
   */
  async count(target: RowTarget, conditions: Condition, objects: number, weight: number): Promise<Map<number, Tally>> {
    const tallies = new Map<number, Tally>();
    if (target.kind !== "tag") {
      await this.#countIn(ALL_OBJECTS, conditions, Math.ceil((objects * weight) / COUNTED_AT_ONCE), tallies);
      return tallies;
    }
    const [home, beside] = taggedSources(target.tags);
    const marks = target.tags.map(() => "?").join(", ");
    const tagged = prepareQuery<unknown[]>(this.#database, `SELECT count(*) FROM tag WHERE digest IN (${marks})`);
    const rows = Number(tagged.get(...home.parameters)?.[0]);
    await this.#countIn(home, conditions, Math.ceil(rows / LOOKED_UP_AT_ONCE), tallies);
    await this.#countIn(beside, conditions, 1, tallies);
    return tallies;
  }

  /** A stretch of the source at a time. */
  async #countIn(
    source: Source,
    { sql, parameters }: Condition,
    wanted: number,
    tallies: Map<number, Tally>,
  ): Promise<void> {
    const { from, column } = source;
    const query = prepareQuery<unknown[]>(
      this.#database,
      `SELECT vhost, count(*), sum(body_bytes) FROM ${from} WHERE ${column} >= ? AND ${column} < ? AND ${sql} GROUP BY vhost`,
    );
    const stretches = Math.max(1, wanted);
    for (let stretch = 0; stretch < stretches; stretch++) {
      const first = stretch === 0 ? Number.MIN_SAFE_INTEGER : Math.floor((HOMES / stretches) * stretch);
      const end = stretch === stretches - 1 ? HOMES : Math.floor((HOMES / stretches) * (stretch + 1));
      for (const columns of query.all(...source.parameters, first, end, ...parameters)) addTo(tallies, columns);
      if (stretch < stretches - 1) await nextTurn();
    }
  }
}

const addTo = (tallies: Map<number, Tally>, columns: EncodedColumns): void => {
  const [vhost = 0, count = 0, bytes = 0] = columns.map(Number);
  const before = tallies.get(vhost);
  tallies.set(vhost, { count: count + (before?.count ?? 0), bytes: bytes + (before?.bytes ?? 0) });
};

/** Counts rows as they are at the moment of the call, a bit at a time, whatever is written meanwhile. */
export class Tallies {
  readonly #path: string;
  readonly #free: Snapshot[] = [];
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** By the number of the virtual host. `goneDisks`: rows on these do not count; `objects`: about how many rows there are. */
  count(
    question: Omit<TallyQuestion, "vhost">,
    scope: { readonly vhost: number | undefined; readonly goneDisks: readonly number[]; readonly objects: number },
  ): Promise<Map<number, Tally>> {
    const conditions = conditionsOf(question, scope.vhost, scope.goneDisks);
    const weight = 1 + question.except.length;
    return this.#within((snapshot) => snapshot.count(question.target, conditions, scope.objects, weight));
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
