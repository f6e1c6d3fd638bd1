import { EdgeError, type Problem } from "@basalt/types";
import type { BodyCounters } from "../contract.ts";
import { describeCause, type ReportProblem, storeProblem } from "../storeProblem.ts";
import { faultSideOf, NotInUseError } from "./diskFaults.ts";
import type { Disk } from "./diskSet.ts";

export interface DiskReportSettings {
  readonly onProblem: ReportProblem;
  /** Called once for each operation that the disk itself refused. */
  readonly onDiskFailure?: (disk: number, problem: Problem) => void;
  /** A write found no room. */
  readonly onDiskFull?: (disk: number) => void;
}

export const unavailable = (detail: string, cause?: unknown): EdgeError =>
  new EdgeError("STORE_UNAVAILABLE", { detail, cause });

/** Counts what goes wrong with disks and files, and tells whose fault it was. */
export class DiskReports {
  readonly counters: BodyCounters = { damaged: 0, missing: 0, failed: 0 };
  readonly #settings: DiskReportSettings;
  /** One failed operation may end many: records that were written together. */
  readonly #known = new WeakSet<object>();

  constructor(settings: DiskReportSettings) {
    this.#settings = settings;
  }

  damaged(path: string, reason: string): void {
    this.counters.damaged += 1;
    this.#settings.onProblem(storeProblem("warning", path, `Damaged, treated as not stored: ${reason}.`));
  }

  missing(): void {
    this.counters.missing += 1;
  }

  /** A file could not be read; that it is gone is no failure. */
  unreadable(disk: Disk, path: string, cause: unknown): void {
    this.#failedUnlessGone(disk, path, "It cannot be read", cause);
  }

  /** A file that is there could not be written; that it is gone is no failure. */
  unfillable(disk: Disk, path: string, cause: unknown): void {
    this.#failedUnlessGone(disk, path, "It cannot be written", cause);
  }

  /** Something new could not be written; gives the error for the caller. */
  unwritable(disk: Disk, cause: unknown): EdgeError {
    if (!(cause instanceof NotInUseError)) this.#failed(disk, disk.root, "It cannot be written", cause);
    return cause instanceof EdgeError ? cause : unavailable(`${disk.root}: ${describeCause(cause)}`, cause);
  }

  undeletable(disk: Disk, path: string, cause: unknown): void {
    this.#failed(disk, path, "It cannot be deleted", cause);
  }

  unsynced(disk: Disk, path: string, cause: unknown): void {
    this.#failed(disk, path, "It cannot be made durable", cause);
  }

  unusable(disk: Disk, cause: unknown): void {
    this.#failed(disk, disk.root, "The disk cannot be used", cause);
  }

  #failedUnlessGone(disk: Disk, path: string, sentence: string, cause: unknown): void {
    if (cause instanceof NotInUseError || faultSideOf(cause) === "absent") this.missing();
    else this.#failed(disk, path, sentence, cause);
  }

  #failed(disk: Disk, path: string, sentence: string, cause: unknown): void {
    if (cause instanceof Error) {
      if (this.#known.has(cause)) return;
      this.#known.add(cause);
    }
    this.counters.failed += 1;
    const problem = storeProblem("error", path, `${sentence}: ${describeCause(cause)}.`);
    this.#settings.onProblem(problem);
    const side = faultSideOf(cause);
    if (side === "full") this.#settings.onDiskFull?.(disk.number);
    else if (side === "disk" || side === "absent") this.#settings.onDiskFailure?.(disk.number, problem);
  }
}
