import { computeCacheKey, type DiskIndexReader, openDiskIndexReader } from "../../packages/store/src/index.ts";
import { fillerUrl, VHOST } from "./indexBuilder.ts";
import { seededRandom } from "./seededRandom.ts";

export interface LookupFigure {
  readonly medianUs: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** How many of the lookups found a row. */
  readonly found: number;
}

const WARM_SHARE = 0.1;
const KEY_BYTES = 16;

/** Keys are computed before, so that only the lookup is measured. */
function makeKeys(count: number, urlOf: (position: number) => string): Buffer {
  const keys = Buffer.alloc(count * KEY_BYTES);
  for (let position = 0; position < count; position++)
    computeCacheKey(VHOST, urlOf(position), "").copy(keys, position * KEY_BYTES);
  return keys;
}

function measure(reader: DiskIndexReader, keys: Buffer): LookupFigure {
  const count = keys.length / KEY_BYTES;
  const warm = Math.floor(count * WARM_SHARE);
  const timesUs = new Float64Array(count - warm);
  let found = 0;
  for (let position = 0; position < count; position++) {
    const key = keys.subarray(position * KEY_BYTES, (position + 1) * KEY_BYTES);
    const started = performance.now();
    const row = reader.find(key);
    const ended = performance.now();
    if (position < warm) continue;
    timesUs[position - warm] = (ended - started) * 1000;
    if (row !== undefined) found += 1;
  }
  timesUs.sort();
  const at = (share: number) => timesUs[Math.min(timesUs.length - 1, Math.floor(timesUs.length * share))] ?? Number.NaN;
  return { medianUs: at(0.5), p99Us: at(0.99), maxUs: at(1), found };
}

/** Lookups spread at random over the whole index, first of rows that are there, then of such that are not. */
export function measureLookups(
  indexPath: string,
  rows: number,
  lookups: number,
): { readonly hit: LookupFigure; readonly miss: LookupFigure; readonly measured: number } {
  const random = seededRandom(7);
  const total = Math.ceil(lookups / (1 - WARM_SHARE));
  const reader = openDiskIndexReader(indexPath);
  const hit = measure(
    reader,
    makeKeys(total, () => fillerUrl(Math.floor(random() * rows))),
  );
  const miss = measure(
    reader,
    makeKeys(total, () => fillerUrl(rows + Math.floor(random() * rows))),
  );
  reader.close();
  return { hit, miss, measured: total - Math.floor(total * WARM_SHARE) };
}
