import type { DiskStatus } from "./contract.ts";

/** The machine and what the instance takes of it, for `/monitoring/hwinfo`, `cpuinfo`, `cacheresource`. */

export interface HardwareReport {
  /** As the kernel introduces itself. */
  readonly os: string;
  readonly cpu: { readonly processors: number; readonly model: string; readonly mhz: string; readonly cache: string };
  readonly memoryBytes: number;
  readonly network: readonly {
    readonly device: string;
    readonly model: string;
    /** Empty without an address. */
    readonly ip: string;
    readonly mac: string;
  }[];
  readonly disks: readonly {
    readonly device: string;
    readonly model: string;
    readonly totalBytes: number;
    /** Of all file systems on the device that are mounted. */
    readonly usedBytes: number;
  }[];
}

export interface ProcessorReport {
  readonly processors: readonly {
    readonly id: number;
    readonly model: string;
    readonly mhz: string;
    readonly cache: string;
    readonly socket: number;
    readonly core: number;
  }[];
  /** In 0.01, over 1, 5 and 15 minutes. */
  readonly load: { readonly minute1: number; readonly minutes5: number; readonly minutes15: number };
}

export interface CacheResourceReport {
  readonly memory: {
    readonly totalBytes: number;
    readonly freeBytes: number;
    /** What content may take in the workers, and takes. */
    readonly contentLimitBytes: number;
    readonly contentUsedBytes: number;
    readonly tierBytes: number;
    readonly tierObjects: number;
  };
  readonly disks: readonly DiskStatus[];
  readonly objects: number;
  readonly bodyBytes: number;
}

/** Stored objects by the time since they were last asked for. */
export interface ColdFileReport {
  readonly objects: number;
  readonly bytes: number;
  /** In the order of `COLD_FILE_BOUNDS_SECONDS`, then the rest. */
  readonly classes: readonly { readonly objects: number; readonly bytes: number }[];
}

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** An object falls into the first class whose bound is not below the seconds since its last access. */
export const COLD_FILE_BOUNDS_SECONDS = [
  HOUR_SECONDS,
  6 * HOUR_SECONDS,
  12 * HOUR_SECONDS,
  DAY_SECONDS,
  3 * DAY_SECONDS,
  7 * DAY_SECONDS,
  14 * DAY_SECONDS,
  30 * DAY_SECONDS,
  60 * DAY_SECONDS,
  90 * DAY_SECONDS,
] as const;
