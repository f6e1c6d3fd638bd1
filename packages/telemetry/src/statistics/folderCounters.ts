import { type FolderScope, folderKey } from "../blockKey.ts";
import type { CounterReport } from "../contract.ts";
import { TRAFFIC_SLOT_COUNT } from "../counterTable.ts";

/** Folders of one process between two reports; traffic of further ones counts under OTHER_FOLDERS. */
const MOST_FOLDERS = 2_000;

/** Path under which traffic of folders beyond the limit is shown; no URL path is like this. */
export const OTHER_FOLDERS = "*";

/** STAT-11: the folder of a path down to that depth, `/` for none. */
export const folderOf = (path: string, depth: number): string => {
  let end = 0;
  for (let level = 0; level < depth; level++) {
    const next = path.indexOf("/", end + 1);
    if (next < 0) break;
    end = next;
  }
  return end === 0 ? "/" : path.slice(0, end);
};

/** Client traffic by folder since the last report: what is not asked for any more takes no memory. */
export class FolderCounters {
  #rows = new Map<string, number>();
  #values = new Float64Array(0);

  /** Adds by how much the TRAFFIC slots of a block have grown. */
  addGrowth(scope: FolderScope, before: Float64Array, after: Float64Array): void {
    const from = this.#rowOf(scope) * TRAFFIC_SLOT_COUNT;
    for (let slot = 0; slot < TRAFFIC_SLOT_COUNT; slot++) {
      this.#values[from + slot] = (this.#values[from + slot] ?? 0) + (after[slot] ?? 0) - (before[slot] ?? 0);
    }
  }

  take(): Pick<CounterReport, "folders" | "folderValues"> {
    const folders = [...this.#rows.keys()];
    const folderValues = this.#values.slice(0, folders.length * TRAFFIC_SLOT_COUNT);
    if (folders.length > 0) {
      this.#rows = new Map();
      this.#values = new Float64Array(0);
    }
    return { folders, folderValues };
  }

  #rowOf(scope: FolderScope): number {
    const key = folderKey(scope);
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    if (this.#rows.size >= MOST_FOLDERS && scope.path !== OTHER_FOLDERS) {
      return this.#rowOf({ ...scope, path: OTHER_FOLDERS });
    }
    const row = this.#rows.size;
    this.#rows.set(key, row);
    if ((row + 1) * TRAFFIC_SLOT_COUNT > this.#values.length) {
      const larger = new Float64Array(Math.max(8 * TRAFFIC_SLOT_COUNT, 2 * this.#values.length));
      larger.set(this.#values);
      this.#values = larger;
    }
    return row;
  }
}
