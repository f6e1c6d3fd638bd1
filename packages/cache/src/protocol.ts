import type { ByteRange } from "@basalt/http";
import type { DeriveOperation } from "@basalt/policy";
import type { CacheKey, IndexRow, ObjectLocation, RowImage, RowTarget } from "@basalt/store";
import type { ErrorCode } from "@basalt/types";

/**
 * What workers and the primary say to each other about objects. The primary is the only judge of who fetches what
 * (one fill per key for the host) and of the order of versions; bodies never cross: they are named by place.
 */

/** A worker wants an object that it cannot serve from what it has. */
export interface AcquireRequest {
  readonly key: CacheKey;
  readonly vhost: string;
  readonly url: string;
  /** Version of the copy that the worker holds and found stale or purged; 0 when it holds none. */
  readonly heldVersion: number;
  /** What it followed could not be stored: it fetches by itself, whoever else does. */
  readonly isAlone: boolean;
}

export type AcquireReply =
  /** Fetch it, and report under this number; the version is that of the result. */
  | { readonly kind: "granted"; readonly fillId: number; readonly version: number }
  /** Somebody stored a newer version meanwhile. */
  | { readonly kind: "stored"; readonly row: IndexRow }
  /** Another worker is fetching: `fillUpdate` events follow; `shared` is set when the body can be read already. */
  | {
      readonly kind: "follow";
      readonly fillId: number;
      /** That of its result. */
      readonly version: number;
      readonly shared: SharedFill | undefined;
    }
  /** The origin failed a moment ago and nothing is stored (TTL-12, TTL-13). */
  | { readonly kind: "failed"; readonly code: ErrorCode };

/** A growing body that any worker of the host can read. */
export interface SharedFill {
  readonly head: Buffer;
  readonly disk: number;
  readonly file: number;
  /** -1 while unknown. */
  readonly totalBytes: number;
  readonly availableBytes: number;
  /** CRC-32 of each block of what is available (`ArrivedChecksums`). */
  readonly checksums: readonly number[];
}

/** A shared body has grown. */
export interface FillProgress {
  readonly availableBytes: number;
  /** Checksums of the blocks from this one on: those before are known. */
  readonly firstBlock: number;
  readonly checksums: readonly number[];
}

export type FillUpdate = { readonly fillId: number } & (
  | { readonly kind: "shared"; readonly shared: SharedFill }
  | ({ readonly kind: "progress" } & FillProgress)
  /** Complete and stored. */
  | { readonly kind: "stored"; readonly row: IndexRow }
  /** Complete but not kept (purged meanwhile, store full …): what was shared may still be read to its end. */
  | { readonly kind: "ended"; readonly availableBytes: number }
  | { readonly kind: "failed"; readonly code: ErrorCode }
  /** The worker that fetched is gone: ask again. */
  | { readonly kind: "orphaned" }
  /** The store of the worker that fetches has failed, and the body goes to its own clients only: fetch it yourself. */
  | { readonly kind: "unstored" }
);

/** The end of a fill as the filling worker reports it. */
export type FillEnd = {
  readonly fillId: number;
} /** `partEnd`: the body arrives in parts; blocks from 0 to that one are being filled from now on, as part `fillId`. */ & (
  | {
      readonly kind: "stored";
      readonly row: IndexRow;
      readonly partEnd?: number;
      /** What was held may answer again, should the body that arrives in parts never be whole (TTL-27). */
      readonly mayFallBack?: boolean;
      /** The body is the one that was held: only where it lies may have changed meanwhile. */
      readonly isRenewal?: boolean;
    }
  /** The store failed: whoever followed asks again, and this worker goes on for its own clients. */
  | { readonly kind: "unstored" }
  /** Nothing to keep: the store could not take it. */
  | { readonly kind: "ended"; readonly availableBytes: number }
  /** `negativeSeconds`: how long the failure answers for the host. */
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly negativeSeconds: number }
);

/** A worker lacks blocks of a stored body, from `first` on; it would fetch up to `end`. */
export interface PartRequest {
  readonly key: CacheKey;
  readonly file: number;
  readonly first: number;
  readonly end: number;
}

/** The body in that file cannot be completed now: what it replaced is to answer until `freshUntilMs`. */
export interface FallBackRequest {
  readonly key: CacheKey;
  readonly file: number;
  readonly freshUntilMs: number;
}

export type PartReply =
  /** Fetch these blocks, as far as the map still lacks them, and report under this number. */
  | { readonly kind: "granted"; readonly partId: number; readonly first: number; readonly end: number }
  /** Being fetched already: `partUpdate` events follow. */
  | ({ readonly kind: "running"; readonly partId: number } & PartRun);

/** How far a part has been written. */
export interface PartProgress {
  /** Position in the body up to which any process can read. */
  readonly writtenTo: number;
  /** CRC-32 of what there is of the block there (`PartWriter.tailChecksum`). */
  readonly tailChecksum: number;
}

/** Blocks being filled. */
export interface PartRun extends PartProgress {
  readonly first: number;
  readonly end: number;
}

export type PartUpdate = { readonly partId: number } & (
  | ({ readonly kind: "progress" } & PartProgress)
  /** Over, complete or not: the map tells what is there. */
  | { readonly kind: "ended" }
);

export type InvalidationTarget = RowTarget;

export type InvalidationAction =
  | { readonly kind: "purge" }
  | { readonly kind: "expire" }
  | { readonly kind: "hardpurge" }
  | { readonly kind: "expireafter"; readonly untilMs: number };

/** Concerns every object of the vhost that matches and is older than `version`. Numbered, ordered, idempotent. */
export interface Invalidation {
  readonly version: number;
  readonly vhost: string;
  readonly target: InvalidationTarget;
  readonly action: InvalidationAction;
}

export type DeriveSource =
  /** `index`: where lies what is known of it, if that is stored. */
  | { readonly kind: "stored"; readonly location: ObjectLocation; readonly index?: ObjectLocation | undefined }
  | { readonly kind: "bytes"; readonly body: Buffer };

/** An object to be made of another one by the transform host. */
export interface DeriveRequest {
  /** Names it for `abandonDerivation`. */
  readonly id: number;
  readonly vhost: string;
  readonly source: DeriveSource;
  readonly operation: DeriveOperation;
  /** `idle`: nobody waits for it. */
  readonly priority: "asked" | "idle";
  /** Longer sources are refused. */
  readonly maxSourceBytes: number;
  /** Head of the result; the transform host fills in the length, and the Content-Type where it decides that. */
  readonly head: Buffer;
  /** Undefined: nothing is stored, the reply has the result. */
  readonly image: RowImage | undefined;
}

/** Why nothing was made, by what the source or the operation is: the same again the next time. */
export type DeriveRefusal =
  | "tooLarge"
  | "unreadable"
  | "conversion"
  /** There is no such part of the source (MEDIA-23). */
  | "absent";

export type DeriveReply =
  | { readonly kind: "stored"; readonly location: ObjectLocation; readonly head: Buffer }
  | { readonly kind: "made"; readonly head: Buffer; readonly body: Buffer }
  /** There is nothing to be gained: the source serves. */
  | { readonly kind: "unchanged"; readonly reason: string }
  | { readonly kind: "refused"; readonly reason: DeriveRefusal; readonly detail: string }
  /** Bytes of the source that are not on the disk have to be there first: ask again then. */
  | { readonly kind: "lacking"; readonly ranges: readonly ByteRange[] };

/** What the primary offers to workers and the transform host about objects. */
export interface ObjectService {
  readonly calls: {
    acquire: { readonly request: AcquireRequest; readonly reply: AcquireReply };
    acquirePart: { readonly request: PartRequest; readonly reply: PartReply };
    fallBack: { readonly request: FallBackRequest; readonly reply: IndexRow | null };
    /** Ids of new segments and body files: given once, host-wide. */
    nextSegment: { readonly request: { readonly disk: number }; readonly reply: number };
    nextFile: { readonly request: { readonly disk: number }; readonly reply: number };
    derive: { readonly request: DeriveRequest; readonly reply: DeriveReply };
    /** URLs of a virtual host that an unsafe method has changed: answered when nothing stored before is served any more. */
    outdated: { readonly request: { readonly vhost: string; readonly urls: readonly string[] }; readonly reply: null };
  };
  readonly events: {
    fillShared: { readonly fillId: number; readonly shared: SharedFill };
    fillProgress: { readonly fillId: number; readonly progress: FillProgress };
    fillEnd: FillEnd;
    partProgress: { readonly partId: number; readonly progress: PartProgress };
    /** `missingBytes`: of the whole body, by its map, as far as this worker knows. */
    partEnd: { readonly partId: number; readonly missingBytes: number };
    /** Nobody waits for it any more. */
    abandonDerivation: { readonly id: number };
    /** Accesses since the last report, coarse (seconds). */
    touched: { readonly keys: readonly CacheKey[]; readonly atMs: number };
    /** An object that turned out damaged: its row is to go if it still names this place. */
    damaged: { readonly key: CacheKey; readonly location: ObjectLocation };
    /** What its body lacks cannot be had any more, since the origin has another version: no worker is to serve it. */
    lost: { readonly key: CacheKey; readonly file: number };
  };
}

/** What a worker offers to the primary about objects. */
export interface ObjectClient {
  readonly calls: {
    /** Answered when no request in this worker can be served the old object any more. */
    invalidate: { readonly request: readonly Invalidation[]; readonly reply: null };
  };
  readonly events: {
    fillUpdate: FillUpdate;
    /** Another worker waits for this fill: make its body readable as a file. */
    shareFill: { readonly fillId: number };
    partUpdate: PartUpdate;
    /** Another worker follows this part: report every write. */
    sharePart: { readonly partId: number };
    /** Somebody else fills from this block on. */
    trimPart: { readonly partId: number; readonly end: number };
    /** The index on disk shows everything up to this version: older invalidations may be forgotten. */
    settled: { readonly version: number };
  };
}
