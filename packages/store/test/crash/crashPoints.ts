import fs from "node:fs";
import { join } from "node:path";
import type { CrashEvent, CrashWay } from "./crashEvents.ts";
import { INDEX_FILE } from "./objects.ts";
import type { UnsyncedChanges } from "./unsyncedChanges.ts";

export interface CrashPointSettings {
  readonly home: string;
  /** Where the states of the home are set aside. */
  readonly images: string;
  /** Points until the process dies: the last is the end. */
  readonly points: number;
  /** Steps between two points, on average. */
  readonly stepsBetween: number;
  readonly random: () => number;
  readonly report: (event: CrashEvent) => void;
  readonly unsynced: UnsyncedChanges;
}

/** Copies with the times of the files: recovery looks at them. What SQLite keeps for running processes stays behind. */
export const copyHome = (from: string, to: string): void => {
  fs.mkdirSync(to, { recursive: true });
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyHome(source, target);
    else if (!entry.name.endsWith("-shm")) {
      const { atime, mtime } = fs.statSync(source);
      fs.copyFileSync(source, target);
      fs.utimesSync(target, atime, mtime);
    }
  }
};

/**
 * Counts steps. At some of them the home is set aside as a crash at this very step would leave it, so that one process
 * serves many points; at the last the process kills itself.
 */
export class CrashPoints {
  readonly #settings: CrashPointSettings;
  #steps = 0;
  #taken = 0;
  #next = Number.POSITIVE_INFINITY;

  constructor(settings: CrashPointSettings) {
    this.#settings = settings;
  }

  /** Steps count from here on. */
  begin(): void {
    this.#next = this.#steps;
    this.#planNext();
  }

  step(): void {
    this.#steps += 1;
    if (this.#steps === this.#next) this.#take();
  }

  /** A step after SQLite wrote its log: it may have been stopped in the middle of it. */
  stepAfterCommit(logBytesBefore: number): void {
    this.#steps += 1;
    if (this.#steps === this.#next) this.#take(logBytesBefore);
  }

  #planNext(): void {
    this.#next += 1 + Math.floor(this.#settings.random() * this.#settings.stepsBetween * 2);
  }

  #take(logBytesBefore?: number): void {
    const { home, images, points, random, report, unsynced } = this.#settings;
    const way: CrashWay = random() < 0.5 ? "kill" : random() < 0.5 ? "cutAll" : "cutSome";
    this.#taken += 1;
    const isLast = this.#taken === points;
    const name = isLast ? "" : `${this.#taken}`;
    const root = isLast ? home : join(images, name);
    report({ kind: "point", step: this.#steps, way, name });
    if (!isLast) copyHome(home, root);
    if (way !== "kill") unsynced.lose(root, way === "cutAll");
    else if (!isLast && logBytesBefore !== undefined) this.#tearLog(root, logBytesBefore);
    if (!isLast) {
      this.#planNext();
      return;
    }
    process.kill(process.pid, "SIGKILL");
    for (;;);
  }

  #tearLog(root: string, logBytesBefore: number): void {
    const path = join(root, `${INDEX_FILE}-wal`);
    const logBytes = fs.statSync(path).size;
    if (logBytes <= logBytesBefore) return;
    fs.truncateSync(path, logBytesBefore + Math.floor(this.#settings.random() * (logBytes - logBytesBefore + 1)));
  }
}
