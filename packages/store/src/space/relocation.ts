import { recordBytesOf } from "../bodies/recordFormat.ts";
import type { CacheKey, IndexRow, ObjectLocation, RowImage } from "../contract.ts";
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

const moveOne = async (
  context: SpaceContext,
  segment: number,
  key: CacheKey,
  lost: EvictedRows,
): Promise<IndexRow | undefined> => {
  const { index, bodies } = context;
  const row = index.find(key);
  if (row?.location.segment !== segment) return undefined;
  const location = await writeAnew(context, row).catch(() => undefined);
  const current = index.find(key);
  if (current === undefined || !isSamePlace(current.location, row.location)) {
    const hasFileOfItsOwn = location !== undefined && location.file !== row.location.file;
    if (hasFileOfItsOwn) await bodies.removeBodies([location]);
    return undefined;
  }
  if (location === undefined) {
    index.remove(key);
    lost.add(current);
    return undefined;
  }
  return index.update(key, { location });
};

/**
 * Moves objects out of a segment that is about to go: their records are written anew by the keeper's own store. What
 * cannot be read or written is lost; what was replaced meanwhile is left alone.
 */
export const relocate = async (
  context: SpaceContext,
  segment: number,
  keys: readonly CacheKey[],
  lost: EvictedRows,
): Promise<Relocated> => {
  const moved = { records: 0, recordBytes: 0, bodies: 0, bodyRecordBytes: 0 };
  const waiting = keys[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (const key of waiting) {
      const row = await moveOne(context, segment, key, lost);
      if (row === undefined) continue;
      const recordBytes = recordBytesOf(row.location);
      moved.records += 1;
      moved.recordBytes += recordBytes;
      if (row.location.file !== 0) continue;
      moved.bodies += 1;
      moved.bodyRecordBytes += recordBytes;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return moved;
};
