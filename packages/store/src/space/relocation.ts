import { setImmediate as nextTurn } from "node:timers/promises";
import { recordBytesOf } from "../bodies/recordFormat.ts";
import type { CacheKey, IndexRow, ObjectLocation, RowImage } from "../contract.ts";
import { SCAN_CHUNK_ROWS } from "../limits.ts";
import type { EvictedRows, SpaceContext } from "./spaceContext.ts";

/** Objects on their way at a time: enough for the writer to gather batches, few enough to bound the memory. */
const LANES = 8;

/** Records that were written anew. */
export interface Relocated {
  readonly records: number;
  readonly recordBytes: number;
  /** Those of them that carried a body. */
  readonly bodies: number;
  readonly bodyRecordBytes: number;
}

const isSamePlace = (left: ObjectLocation, right: ObjectLocation): boolean =>
  left.disk === right.disk && left.segment === right.segment && left.offset === right.offset;

const imageOf = (row: IndexRow): RowImage => ({
  key: row.key,
  vhost: row.vhost,
  url: row.url,
  version: row.version,
  freshUntil: row.freshUntil,
  ttl: row.ttl,
  updatedAt: row.updatedAt,
  flags: row.flags,
});

/** Writes the record anew: with its body, or only the head of a body that has a file of its own. */
const writeAnew = async ({ bodies }: SpaceContext, row: IndexRow): Promise<ObjectLocation | undefined> => {
  const stored = await bodies.load(row.location);
  if (stored === undefined) return undefined;
  if (row.location.file !== 0) return bodies.replaceHead(row.location, imageOf(row), stored.head);
  return stored.body === undefined ? undefined : bodies.append(imageOf(row), stored.head, stored.body);
};

interface Written {
  /** As it was when its record was written anew. */
  readonly row: IndexRow;
  /** Undefined when it could not be read or written. */
  readonly location: ObjectLocation | undefined;
}

const writeOne = async (context: SpaceContext, segment: number, key: CacheKey): Promise<Written | undefined> => {
  const row = context.index.find(key);
  if (row?.location.segment !== segment) return undefined;
  return { row, location: await writeAnew(context, row).catch(() => undefined) };
};

/** Has the index name the new place, unless the object has moved on meanwhile. */
const settleOne = async (
  { index, bodies }: SpaceContext,
  { row, location }: Written,
  lost: EvictedRows,
): Promise<IndexRow | undefined> => {
  const current = index.find(row.key);
  if (current === undefined || !isSamePlace(current.location, row.location)) {
    const hasFileOfItsOwn = location !== undefined && location.file !== row.location.file;
    if (hasFileOfItsOwn) await bodies.removeBodies([location]);
    return undefined;
  }
  if (location === undefined) {
    index.remove(row.key);
    lost.add(current);
    return undefined;
  }
  return index.update(row.key, { location });
};

/**
 * Moves objects out of a segment that is about to go: their records are written anew by the keeper's own store, and the
 * index names the new places when a power cut would not lose them. What cannot be read or written is lost; what was
 * replaced meanwhile is left alone.
 */
export const relocate = async (
  context: SpaceContext,
  segment: number,
  keys: readonly CacheKey[],
  lost: EvictedRows,
): Promise<Relocated> => {
  const moved = { records: 0, recordBytes: 0, bodies: 0, bodyRecordBytes: 0 };
  const written: Written[] = [];
  const waiting = keys[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (const key of waiting) {
      const one = await writeOne(context, segment, key);
      if (one !== undefined) written.push(one);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (written.length > 0) await context.bodies.sync();
  for (const [position, one] of written.entries()) {
    if (position % SCAN_CHUNK_ROWS === SCAN_CHUNK_ROWS - 1) await nextTurn();
    const row = await settleOne(context, one, lost);
    if (row === undefined) continue;
    const recordBytes = recordBytesOf(row.location);
    moved.records += 1;
    moved.recordBytes += recordBytes;
    if (row.location.file !== 0) continue;
    moved.bodies += 1;
    moved.bodyRecordBytes += recordBytes;
  }
  return moved;
};
