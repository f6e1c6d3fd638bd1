import type { Clock } from "@basalt/types";
import type { DiskIndex, DiskSetting, DiskState } from "../contract.ts";
import type { ReportProblem } from "../storeProblem.ts";

/** A `<Disk>` as configured. */
export interface ConfiguredDisk {
  readonly path: string;
  readonly quotaBytes?: number | undefined;
}

export interface DiskRegistrySettings {
  readonly disks: readonly ConfiguredDisk[];
  readonly index: Pick<DiskIndex, "disks" | "numberDisk" | "retireDisk">;
  /** Adds a failure to those of a disk that still count (CFG-41, CFG-42); moments are of the monotonic clock. */
  readonly judgeFailure: (
    earlierMs: readonly number[],
    atMs: number,
  ) => { readonly recentMs: readonly number[]; readonly isExcluded: boolean };
  /** What to do with these states of all disks (CFG-43). */
  readonly decideLoss: (states: readonly DiskState[]) => "serve" | "reinsertAll" | "bypass" | "terminate";
  readonly clock: Clock;
  readonly onProblem: ReportProblem;
  /** Which disks are in use, their quotas, a state or `isBypassing` changed. Not called before the registry is open. */
  readonly onChange: (registry: DiskRegistry) => void;
  /** The server is to end for lack of disks; called once, possibly before the registry is open. */
  readonly onTerminate: () => void;
}

export interface DiskStatus {
  /** As configured. */
  readonly path: string;
  readonly quotaBytes: number | undefined;
  /** Undefined when nothing that lies on it is known. */
  readonly number: number | undefined;
  readonly state: DiskState;
  /** Why it is not in use; empty when it is. */
  readonly reason: string;
}

export type DiskChange =
  | { readonly kind: "done" }
  | { readonly kind: "unknownDisk" }
  | { readonly kind: "failed"; readonly reason: string };

/** Identity and state of the configured disks; one per primary. */
export interface DiskRegistry {
  /** In the configured order. */
  readonly disks: readonly DiskStatus[];
  /** The disks that may be read and written now. */
  readonly inUse: readonly DiskSetting[];
  /** No disk is in use, and the configuration wants every request to go to the origin (CFG-43). */
  readonly isBypassing: boolean;
  /** Whether a segment found on a disk in use was written under its present number. */
  isOwnSegment(disk: number, segment: number): boolean;
  /**
   * Looks whether the disks still hold what they held: one small read per disk. A disk whose content is gone is given
   * a new number at once. Call it each second; resolves when all disks have answered or after five seconds, and never
   * rejects.
   */
  check(): Promise<void>;
  /** An operation that the disk refused, in any process of the host. */
  noteFailure(number: number): void;
  /**
   * OPT-76. Nothing happens to a disk that is in use. A disk that was unmounted and cannot be used stays unmounted.
   */
  mount(path: string): Promise<DiskChange>;
  /** OPT-75. */
  unmount(path: string): DiskChange;
  /** Everything on all disks is absent from now on (CFG-27), also on disks that are not in use or not configured now. */
  clear(): Promise<void>;
  /** Takes over quotas by path; other changes of the list need a restart. Weighs the loss of all disks anew. */
  configure(disks: readonly ConfiguredDisk[]): void;
}
