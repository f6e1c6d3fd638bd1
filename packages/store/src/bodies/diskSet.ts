import { constants } from "node:fs";
import { access, mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@basalt/types";
import type { DiskSetting } from "../contract.ts";
import { segmentBytesFor } from "../limits.ts";
import { FILE_FOLDER, SEGMENT_FOLDER } from "./diskPaths.ts";

const WEIGH_INTERVAL_MS = 30_000;
/** What a disk without a quota counts for until its file system has been asked. */
const UNKNOWN_WEIGHT = 2 ** 40;

const prepareFolders = async (root: string): Promise<void> => {
  for (const folder of [SEGMENT_FOLDER, FILE_FOLDER]) {
    const path = join(root, folder);
    await mkdir(path, { recursive: true, mode: 0o750 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  }
};

export class Disk {
  readonly number: number;
  readonly root: string;
  quotaBytes: number | undefined;
  segmentBytes: number;
  /** The quota, or the whole file system where that is less: no body takes more. */
  limitBytes = Number.POSITIVE_INFINITY;
  isInUse = true;
  /** Bytes that it can give: its share of new objects. 0 while it cannot be used. */
  weight: number;
  credit = 0;
  #preparation: Promise<void> | undefined;
  #fileSystemBytes = Number.POSITIVE_INFINITY;

  constructor({ number, path, quotaBytes }: DiskSetting) {
    this.number = number;
    this.root = path;
    this.quotaBytes = quotaBytes;
    this.segmentBytes = segmentBytesFor(quotaBytes);
    this.limitBytes = quotaBytes ?? Number.POSITIVE_INFINITY;
    this.weight = quotaBytes ?? UNKNOWN_WEIGHT;
  }

  setQuota(quotaBytes: number | undefined): void {
    this.quotaBytes = quotaBytes;
    this.limitBytes = Math.min(quotaBytes ?? Number.POSITIVE_INFINITY, this.#fileSystemBytes);
    this.segmentBytes = segmentBytesFor(Number.isFinite(this.limitBytes) ? this.limitBytes : undefined);
  }

  /** Resolves when the folders are there; they are made once, so that nothing is written beside a lost mount. */
  prepare(): Promise<void> {
    if (this.#preparation === undefined) {
      this.#preparation = prepareFolders(this.root);
      this.#preparation.catch(() => {
        this.#preparation = undefined;
      });
    }
    return this.#preparation;
  }

  /** Rejects with the system's error when the disk cannot be used. */
  async weigh(): Promise<void> {
    try {
      await this.prepare();
      const { bavail, bsize, blocks } = await statfs(this.root);
      // A small file system is cut as a small quota is: the space keeper gives up whole segments.
      this.#fileSystemBytes = blocks * bsize;
      this.setQuota(this.quotaBytes);
      this.weight = Math.max(1, Math.min(bavail * bsize, this.quotaBytes ?? Number.POSITIVE_INFINITY));
    } catch (cause) {
      this.weight = 0;
      throw cause;
    }
  }
}

/**
 * The disks in use. New objects are spread over them in proportion to the space each can give (smooth weighted round
 * robin); one that cannot be used gets none while there are others.
 */
export class DiskSet {
  readonly #byNumber = new Map<number, Disk>();
  readonly #clock: Clock;
  readonly #onUnusable: (disk: Disk, cause: unknown) => void;
  #nextWeighing: number;

  constructor(clock: Clock, onUnusable: (disk: Disk, cause: unknown) => void) {
    this.#clock = clock;
    this.#onUnusable = onUnusable;
    this.#nextWeighing = clock.monotonic() + WEIGH_INTERVAL_MS;
  }

  get disks(): Disk[] {
    return [...this.#byNumber.values()];
  }

  get(number: number): Disk | undefined {
    return this.#byNumber.get(number);
  }

  /** Puts these in use, and no others; returns those that left. A number at another path is another disk. */
  set(settings: readonly DiskSetting[]): Disk[] {
    const left: Disk[] = [];
    for (const disk of this.#byNumber.values()) {
      if (settings.some(({ number, path }) => number === disk.number && path === disk.root)) continue;
      this.#byNumber.delete(disk.number);
      disk.isInUse = false;
      left.push(disk);
    }
    for (const setting of settings) {
      const present = this.#byNumber.get(setting.number);
      if (present !== undefined) {
        present.setQuota(setting.quotaBytes);
        continue;
      }
      const disk = new Disk(setting);
      this.#byNumber.set(disk.number, disk);
      this.#weigh(disk);
    }
    return left;
  }

  /** Where to put something new; undefined when there is no disk, or none beside `except`. */
  choose(except?: Disk): Disk | undefined {
    if (this.#clock.monotonic() >= this.#nextWeighing) this.#weighAll();
    let total = 0;
    let best: Disk | undefined;
    for (const disk of this.#byNumber.values()) {
      if (disk === except) continue;
      total += disk.weight;
      disk.credit += disk.weight;
      if (best === undefined || isBetter(disk, best)) best = disk;
    }
    if (best !== undefined) best.credit -= total;
    return best;
  }

  #weighAll(): void {
    this.#nextWeighing = this.#clock.monotonic() + WEIGH_INTERVAL_MS;
    for (const disk of this.#byNumber.values()) this.#weigh(disk);
  }

  #weigh(disk: Disk): void {
    disk.weigh().catch((cause: unknown) => {
      if (disk.isInUse) this.#onUnusable(disk, cause);
    });
  }
}

const isBetter = (disk: Disk, than: Disk): boolean =>
  disk.weight > 0 === than.weight > 0 ? disk.credit > than.credit : disk.weight > 0;
