import { EdgeError } from "@basalt/types";
import { type BodyUpkeep, type DiskIndex, type FoundRecord, ROW_FLAG, type SegmentFile } from "../contract.ts";

/**
 * Rows reach the index within a fraction of a second, but wait while it cannot be written (a full disk). What was
 * appended longer than this before the last append of all is in the index, or was kept out of it for a reason.
 */
const TAIL_AGE_MS = 600_000;
/** A segment without any row is as old as its last append, unless it is newer than all that have rows. */
const UNKNOWN_AGE_MS = 10_000;
/** Most bytes that one recovery reads: a few seconds of work, and far more than an ordinary crash leaves. */
const RECOVERY_LIMIT_BYTES = 4 * 1024 * 1024 * 1024;
/** Rows entered between two flushes: far below what the index lets wait. */
const FLUSH_EVERY_ROWS = 10_000;

export interface TailRecovery {
  readonly index: Pick<DiskIndex, "segmentUse" | "indexedTo" | "find" | "put" | "passOver" | "flush">;
  readonly bodies: Pick<BodyUpkeep, "listSegments" | "recordsOf" | "presentBytesOf">;
  /** See `DiskRegistry.isOwnSegment`: what lay on a disk before it was given its number stays lost. */
  readonly isOwnSegment: (disk: number, segment: number) => boolean;
  /** Objects of virtual hosts that do not exist are not entered (CFG-56). */
  readonly hasVhost: (name: string) => boolean;
}

export interface RecoveredTails {
  /** Segments in which something was found that the index did not know. */
  readonly segments: number;
  readonly objects: number;
}

interface Tail {
  readonly segment: SegmentFile;
  readonly fromOffset: number;
}

/** Segments that are longer than the index knows, latest append first. */
const findTails = async ({ index, bodies, isOwnSegment }: TailRecovery): Promise<Tail[]> => {
  const segments = await bodies.listSegments();
  const diskOf = new Map(index.segmentUse().map((use) => [use.segment, use.disk]));
  const newestKnown = diskOf.keys().reduce((newest, id) => Math.max(newest, id), 0);
  const lastAppendAt = segments.reduce((latest, { modifiedAt }) => Math.max(latest, modifiedAt), 0);
  const tails: Tail[] = [];
  for (const segment of segments) {
    const { disk, segment: id, fileBytes, modifiedAt } = segment;
    const ageMs = lastAppendAt - modifiedAt;
    if (ageMs > TAIL_AGE_MS || !isOwnSegment(disk, id)) continue;
    const knownDisk = diskOf.get(id);
    // One without rows may have been forgotten, with purges of what lies in it.
    if (knownDisk === undefined && ageMs > UNKNOWN_AGE_MS && id < newestKnown) continue;
    if (knownDisk !== undefined && knownDisk !== disk) continue;
    const fromOffset = index.indexedTo(id);
    if (fileBytes > fromOffset) tails.push({ segment, fromOffset });
  }
  return tails.sort((left, right) => right.segment.modifiedAt - left.segment.modifiedAt);
};

/** Bytes of the body that are absent; undefined when there is no body worth a row. */
const missingBytesOf = async (
  { location }: FoundRecord,
  bodies: TailRecovery["bodies"],
): Promise<number | undefined> => {
  if (location.file === 0) return 0;
  const presentBytes = await bodies.presentBytesOf(location);
  if (presentBytes === undefined || (presentBytes === 0 && location.bodyBytes > 0)) return undefined;
  return Math.max(0, location.bodyBytes - presentBytes);
};

/** Enters the object unless the index holds the same or a later state of it. */
const enterRecord = async (record: FoundRecord, { index, bodies, hasVhost }: TailRecovery): Promise<boolean> => {
  const { image, location } = record;
  const isLater = (): boolean => image.version > (index.find(image.key)?.version ?? -1);
  if ((image.flags & ROW_FLAG.TRANSIENT) !== 0 || !hasVhost(image.vhost) || !isLater()) return false;
  const missingBytes = await missingBytesOf(record, bodies);
  if (missingBytes === undefined || !isLater()) return false;
  index.put({ ...image, location, lastAccess: image.updatedAt, missingBytes });
  return true;
};

/**
 * Enters what was appended to the segments just before a crash and did not reach the index. Call it with the disks in
 * use and the virtual hosts known, before invalidations that were logged are repeated: they must find these objects.
 * A damaged tail ends where the damage begins. When the index cannot be written the rest is left out.
 */
export const recoverTails = async (recovery: TailRecovery): Promise<RecoveredTails> => {
  const { index, bodies } = recovery;
  const recovered = { segments: 0, objects: 0 };
  let readBytes = 0;
  try {
    for (const { segment, fromOffset } of await findTails(recovery)) {
      readBytes += segment.fileBytes - fromOffset;
      if (readBytes > RECOVERY_LIMIT_BYTES) break;
      let entered = 0;
      for await (const record of bodies.recordsOf(segment.disk, segment.segment, fromOffset)) {
        if (!(await enterRecord(record, recovery))) {
          index.passOver(record.location);
          continue;
        }
        entered += 1;
        if (entered % FLUSH_EVERY_ROWS === 0) await index.flush();
      }
      if (entered > 0) recovered.segments += 1;
      recovered.objects += entered;
    }
    if (recovered.objects > 0) await index.flush();
  } catch (cause) {
    if (!(cause instanceof EdgeError)) throw cause;
  }
  return recovered;
};
