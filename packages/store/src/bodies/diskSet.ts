import { accessSync, constants, mkdirSync, statfsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, EdgeError } from "@basalt/types";
import { segmentBytesFor } from "../limits.ts";
import { describeCause, type ReportProblem, storeProblem } from "../storeProblem.ts";
import { FILE_FOLDER, SEGMENT_FOLDER } from "./diskPaths.ts";

/** A `<Disk>` (CFG-39, CFG-40). */
export interface DiskSetting {
  readonly path: string;
  readonly quotaBytes?: number;
}

export interface Disk {
  /** Position in the configured list: what locations name. */
  readonly index: number;
  readonly root: string;
  readonly quotaBytes: number | undefined;
  readonly segmentBytes: number;
}

interface WeightedDisk {
  readonly disk: Disk;
  weight: number;
  credit: number;
}

const WEIGH_INTERVAL_MS = 30_000;

const prepareFolders = (root: string): void => {
  for (const folder of [SEGMENT_FOLDER, FILE_FOLDER]) {
    const path = join(root, folder);
    mkdirSync(path, { recursive: true, mode: 0o750 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  }
};

const weightOf = (disk: Disk, availableBytes: number): number =>
  Math.max(1, Math.min(availableBytes, disk.quotaBytes ?? availableBytes));

/**
 * The disks that can be written. New objects are spread over them in proportion to the space each can give
 * (smooth weighted round robin); a disk that cannot be used at open is reported and left out.
 */
export class DiskSet {
  readonly disks: readonly Disk[];
  readonly #weighted: WeightedDisk[];
  readonly #clock: Clock;
  #nextWeighing: number;

  constructor(settings: readonly DiskSetting[], clock: Clock, onProblem: ReportProblem) {
    this.#clock = clock;
    this.disks = settings.map(({ path, quotaBytes }, index) => ({
      index,
      root: path,
      quotaBytes,
      segmentBytes: segmentBytesFor(quotaBytes),
    }));
    this.#weighted = [];
    const failures: string[] = [];
    for (const disk of this.disks) {
      try {
        prepareFolders(disk.root);
        const { bavail, bsize } = statfsSync(disk.root);
        this.#weighted.push({ disk, weight: weightOf(disk, bavail * bsize), credit: 0 });
      } catch (cause) {
        failures.push(describeCause(cause));
        onProblem(storeProblem("error", disk.root, `The disk cannot be used: ${describeCause(cause)}.`));
      }
    }
    if (this.#weighted.length === 0) {
      throw new EdgeError("STORE_UNAVAILABLE", { detail: `no usable disk: ${failures.join("; ")}` });
    }
    this.#nextWeighing = clock.monotonic() + WEIGH_INTERVAL_MS;
  }

  /** The folder of a disk that a location names; undefined when no such disk is configured. */
  rootOf(index: number): string | undefined {
    return this.disks[index]?.root;
  }

  choose(): Disk {
    if (this.#clock.monotonic() >= this.#nextWeighing) this.#weigh();
    let total = 0;
    let best: WeightedDisk | undefined;
    for (const candidate of this.#weighted) {
      total += candidate.weight;
      candidate.credit += candidate.weight;
      if (best === undefined || candidate.credit > best.credit) best = candidate;
    }
    if (best === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "no usable disk" });
    best.credit -= total;
    return best.disk;
  }

  #weigh(): void {
    this.#nextWeighing = this.#clock.monotonic() + WEIGH_INTERVAL_MS;
    for (const entry of this.#weighted) {
      statfs(entry.disk.root).then(
        ({ bavail, bsize }) => {
          entry.weight = weightOf(entry.disk, bavail * bsize);
        },
        () => {
          entry.weight = 1;
        },
      );
    }
  }
}
