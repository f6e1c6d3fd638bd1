import { folderKey, folderScopeOf } from "../blockKey.ts";
import { BLOCK_WIDTH } from "../counterAggregate.ts";
import { TRAFFIC_SLOT_COUNT } from "../counterTable.ts";
import { OTHER_FOLDERS } from "./folderCounters.ts";
import { SparseRows } from "./sparseRows.ts";

/** Folders of one period; traffic of further ones counts under OTHER_FOLDERS. */
const MOST_FOLDERS = 20_000;

/**
 * What was counted within a time: amounts of counters, and for gauges the sum of the levels of its seconds, by block and
 * by folder.
 */
export class Period {
  readonly blocks = new SparseRows<number>(BLOCK_WIDTH);
  readonly folders = new SparseRows<string>(TRAFFIC_SLOT_COUNT);
  seconds = 0;

  addFolder(key: string, values: Float64Array): void {
    if (this.folders.size < MOST_FOLDERS || this.folders.has(key)) {
      this.folders.addAll(key, values);
      return;
    }
    this.folders.addAll(folderKey({ ...folderScopeOf(key), path: OTHER_FOLDERS }), values);
  }

  addTo(other: Period): void {
    this.blocks.addTo(other.blocks);
    for (const key of this.folders.keys) {
      const values = this.folders.find(key);
      if (values !== undefined) other.addFolder(key, values);
    }
    other.seconds += this.seconds;
  }

  clear(): void {
    this.blocks.clear();
    this.folders.clear();
    this.seconds = 0;
  }
}
