/** Fixed limits, each with its reason. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Largest segment: evicting one drops this much at once, and a few hundred of them fill a disk. */
export const SEGMENT_BYTES_MAXIMUM = 256 * MIB;
/** Smallest segment: below it a disk with a tiny quota would rotate for every few objects. */
export const SEGMENT_BYTES_MINIMUM = MIB;
/** A quota is cut into at least this many segments, so that one eviction never empties a disk. */
const SEGMENTS_PER_QUOTA = 64;

/** Bodies above this go to a file of their own even when they were handed over whole. */
export const PACKED_BODY_LIMIT_BYTES = 512 * KIB;
/** Longest record that `loadNow` reads: above it the thread pool's cost is small beside the copy. */
export const QUICK_RECORD_BYTES = 128 * KIB;
/** Longest serialised head; a location that claims more is damaged. */
export const HEAD_LIMIT_BYTES = MIB;
/** Longest body in a file of its own: the largest file of ext4, and a map of the blocks that can be read at once. */
export const BODY_FILE_LIMIT_BYTES = 2 ** 44;
/**
 * Block of a body file that has a checksum of its own: verified whole when first touched, fetched whole from origins. What
 * is wanted of a film costs at most so much more at either end.
 */
export const BLOCK_BYTES = 64 * KIB;
/**
 * Blocks that lie in one such stretch of a body are read by one call, and kept in memory as one: a call for every block
 * would cost more than its bytes. It is the length of the buffers through which bodies are sent.
 */
export const STRETCH_BYTES = 256 * KIB;
/** Longest run of a record that is verified in a lent buffer: a packed body that was handed over whole, with its head. */
export const LENT_BYTES = MIB;

/** How long a written row may wait for others before it goes to the disk. */
export const FLUSH_DELAY_MS = 20;
/** Pending rows that cause a flush at once. */
export const FLUSH_ROWS = 300;
/** Pending rows at which `put` refuses: reached only when the index cannot be written for a long time. */
export const PENDING_ROWS_LIMIT = 200_000;
/** Released body files remembered until they are deleted; what is beyond it is found by the orphan sweep. */
export const RELEASED_FILES_LIMIT = 100_000;
/** Pause after a failed flush, so that a full disk is not hammered. */
export const FLUSH_RETRY_MS = 1000;

/** Rows visited before the event loop gets its turn: 1 to 2 ms of decoding. */
export const SCAN_CHUNK_ROWS = 256;

/** Size of a segment on a disk with this quota. */
export const segmentBytesFor = (quotaBytes: number | undefined): number => {
  if (quotaBytes === undefined) return SEGMENT_BYTES_MAXIMUM;
  const share = Math.floor(quotaBytes / SEGMENTS_PER_QUOTA);
  return Math.min(SEGMENT_BYTES_MAXIMUM, Math.max(SEGMENT_BYTES_MINIMUM, share));
};

/** Largest body that is packed into segments of this size: four must fit, or rotation wastes too much. */
export const packedBodyLimitFor = (segmentBytes: number): number =>
  Math.min(PACKED_BODY_LIMIT_BYTES, Math.floor(segmentBytes / 4));

/** Descriptors open at a time for filling parts of bodies: fewer are enough, a part is written by one source only. */
export const writableFilesFor = (maxOpenFiles: number): number => Math.max(4, Math.floor(maxOpenFiles / 4));
