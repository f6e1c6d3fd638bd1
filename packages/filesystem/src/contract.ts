import type { FileSystemSettings, UnlinkVerb } from "@basalt/config";
import type { CacheResult, ErrorCode } from "@basalt/types";

/** What the cache says of an object. */
export interface ObjectAnswer {
  /** Of the response; 0: there was none. */
  readonly status: number;
  readonly result: CacheResult;
  /** Of a failure that is not the origin's own answer. */
  readonly errorCode: ErrorCode | undefined;
  /** The request went past the cache. */
  readonly isBypassed: boolean;
  /** Who counts and logs it; undefined: no virtual host has it, or none that may be reached. */
  readonly vhost: string | undefined;
  readonly settings: FileSystemSettings | undefined;
  /** Of the body; undefined: nobody knows. */
  readonly bytes: number | undefined;
  readonly lastModifiedMs: number | undefined;
  readonly storedAtMs: number | undefined;
  /** Differs where the body does, as far as its length and the origin's validators tell. */
  readonly version: string;
  /** There are such validators. */
  readonly hasValidator: boolean;
}

export interface BodyAnswer extends ObjectAnswer {
  /** What of the range there is; less only where the answer broke off. */
  readonly data: Buffer;
}

/** End exclusive. */
export interface FileRange {
  readonly from: number;
  readonly to: number;
}

export interface MountedHost {
  readonly name: string;
  readonly settings: FileSystemSettings;
}

/** The cache, as HTTP asks it too. `host` and `target` are those of a request. Aborted calls reject. */
export interface ObjectSource {
  /** A host that file access may reach; names and aliases only, never the default host (FS-16). */
  findHost(host: string): MountedHost | undefined;
  describe(host: string, target: string, signal: AbortSignal): Promise<ObjectAnswer>;
  read(host: string, target: string, range: FileRange, signal: AbortSignal): Promise<BodyAnswer>;
  /** False: it was refused. */
  remove(host: string, target: string, verb: UnlinkVerb): Promise<boolean>;
}

/** Who counts the calls (FS-41); times are milliseconds. */
export interface FileCounting {
  /** `change`: 1 when a call begins, -1 when it ends. */
  running(vhost: string, change: 1 | -1): void;
  attributes(vhost: string, kind: "file" | "folder" | "failed", elapsedMs: number): void;
  opened(vhost: string, elapsedMs: number): void;
  read(vhost: string, askedBytes: number, givenBytes: number, elapsedMs: number): void;
  /** An open file was closed: how the object was found. */
  closed(vhost: string, result: CacheResult): void;
}
