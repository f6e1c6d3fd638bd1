/** Bodies up to this length are packed into segments; longer ones get a file of their own. */
export const PACKED_BODY_BYTES = 256 * 1024;

/** Bodies up to this length are kept whole in the memory tier; of longer ones, blocks are. */
export const WHOLE_IN_MEMORY_BYTES = 1024 * 1024;

/**
 * What a first request brings of a body of which only parts may be wanted, a multiple of the blocks: where the header of a
 * film is elsewhere almost all of it is too much, where it is shorter than that it spares a request.
 */
export const FIRST_PART_BYTES = 128 * 1024;

/** A growing body keeps this much of its end in memory, so that readers who keep up never touch the file. */
export const TAIL_BYTES = 1024 * 1024;

/** Bytes received but not yet written to disk at which the origin is paused, and at which it is resumed. */
export const UNWRITTEN_HIGH_BYTES = 4 * 1024 * 1024;
export const UNWRITTEN_LOW_BYTES = 1024 * 1024;

/** How often one request may find that what it was told exists does not: then it is an error, not a loop. */
export const OBTAIN_ATTEMPTS = 4;

/** How long after its settlement an invalidation is still held against objects that were being read meanwhile. */
export const SETTLE_DELAY_MS = 30_000;

/** Accesses are reported to the index at most once in this many seconds and object. */
export const TOUCH_SECONDS = 60;

/** Long bodies kept open between requests, per worker, and seconds without use after which one is closed. */
export const KEPT_OPEN_BODIES = 256;
export const KEPT_OPEN_SECONDS = 10;

/** Reads within which a second one of the same object takes it into memory, when the tier holds less. */
export const LEAST_WINDOW = 1024;

/** How far ahead of what has arrived a wanted block lies when it is fetched by a request of its own: 32 MB. */
export const SPLIT_BLOCKS = 512;

/** So far ahead of a reader nothing is asked for yet, when it is not on its way anyway. */
export const READ_AHEAD_BYTES = 2 * 1024 * 1024;

/** Parts of one body that are fetched at a time. */
export const PARTS_PER_FILE = 16;

/** A view of a body looks no further ahead than this for what is there. */
export const LOOK_AHEAD_BYTES = 8 * 1024 * 1024;

/** Attempts to get a part that bring no byte, after which whoever waits for it is given up. */
export const FRUITLESS_ATTEMPTS = 2;

/** How much of a part is written before the primary is told, when nobody follows it. */
export const PART_REPORT_BYTES = 4 * 1024 * 1024;

/** Memory in front of a body that passes through, for the head of its response; longer heads are sent by themselves. */
export const PASSING_ROOM_BYTES = 4 * 1024;

/** How long requests for an object that could not be shared go to the origin without waiting for one another. */
export const PASS_SECONDS = 60;

/** Such objects remembered per worker; beyond it the oldest go, and one request more waits in vain. */
export const PASSES_KEPT = 10_000;

/** The characters of their names at most, since a URL may be as long as a head: clients choose them. */
export const PASSES_KEPT_CHARACTERS = 4 * 1024 * 1024;
