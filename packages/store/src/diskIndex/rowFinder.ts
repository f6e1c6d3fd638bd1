import type Database from "better-sqlite3";
import type { CacheKey, IndexRow } from "../contract.ts";
import { type EncodedColumns, prepareQuery, type Query } from "./indexStatements.ts";
import { COLUMN, decodeBehindKey, ROW_COLUMNS } from "./rowCodec.ts";
import { homeOf, urlRestOf, variantOf } from "./rowPlace.ts";

/** Rows whose home another key had taken: of a home, with the rest of a key. */
export const BESIDE_HOME = "id IN (SELECT id FROM collided WHERE home = ?) AND url_rest = ? AND variant = ?";

const FOUND_COLUMNS = ROW_COLUMNS.slice(1).join(", ");
const FOUND = { vhost: COLUMN.vhost - 1, disk: COLUMN.disk - 1 } as const;

/** Virtual host and disk of what was found. */
export const ownerOfFound = (columns: EncodedColumns): readonly [vhost: unknown, disk: unknown] => [
  columns[FOUND.vhost],
  columns[FOUND.disk],
];

/** The row of a key that was found; see `decodeRow`. */
export const decodeFound = (
  key: CacheKey,
  columns: EncodedColumns,
  vhostName: (id: number) => string | undefined,
): IndexRow | undefined => decodeBehindKey(key, columns, FOUND.vhost, vhostName);

/** Point lookup, in the writer's connection and in the readers'. Throws what SQLite throws. */
export class RowFinder {
  readonly #atHome: Query<[number]>;
  readonly #besideHome: Query<[number, number, number]>;

  constructor(database: Database.Database) {
    this.#atHome = prepareQuery(database, `SELECT ${FOUND_COLUMNS} FROM object WHERE id = ?`);
    this.#besideHome = prepareQuery(database, `SELECT ${FOUND_COLUMNS} FROM object WHERE ${BESIDE_HOME}`);
  }

  /** Columns for `decodeFound`. */
  find(key: CacheKey): EncodedColumns | undefined {
    const home = homeOf(key);
    const columns = this.#atHome.get(home);
    if (columns === undefined) return undefined;
    const urlRest = urlRestOf(key);
    const variant = variantOf(key);
    if (columns[0] === urlRest && columns[1] === variant) return columns;
    return this.#besideHome.get(home, urlRest, variant);
  }
}
