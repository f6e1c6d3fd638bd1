import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { DiskIndexWriter, IndexRow } from "@basalt/store";
import type { Invalidation } from "./protocol.ts";

/** Work after which the sweep rests. */
const WORK_MS = 4;
/** How much longer it rests than it worked: others have the event loop, and the core, most of the time. */
const REST_PER_WORK = 2;
/** Pause after a sweep that failed, because the index cannot be written. */
const RETRY_MS = 1_000;

export interface SweepParts {
  readonly index: Pick<DiskIndexWriter, "scan" | "scanTagged">;
  /** Brings a row to the state that all invalidations say. */
  readonly update: (row: IndexRow) => void;
  /** These have changed every row that they mean. */
  readonly onSwept: (invalidations: readonly Invalidation[]) => void;
  readonly onDefect: (error: unknown) => void;
}

/**
 * Invalidations that are in force and that rows do not show yet: those by pattern and tag, which may mean all rows there
 * are. One walk in the background serves all that wait when it begins.
 */
export class Sweeps {
  readonly #parts: SweepParts;
  #waiting: Invalidation[] = [];
  #running: Promise<void> | undefined;
  #isHurried = false;
  #isStopped = false;

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** What rows of that virtual host do not show yet, oldest first. */
  outstanding(vhost: string): Invalidation[] {
    return this.#waiting.filter((invalidation) => invalidation.vhost === vhost);
  }

  /** They count as outstanding from now on; `start` begins to work. */
  add(invalidation: Invalidation): void {
    this.#waiting.push(invalidation);
  }

  start(): void {
    if (this.#running !== undefined || this.#isStopped || this.#waiting.length === 0) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing is outstanding; without rests. */
  async finish(): Promise<void> {
    this.#isHurried = true;
    this.start();
    await this.#running;
    this.#isHurried = false;
  }

  /** Nothing is begun any more: what is outstanding stays so. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#isStopped) {
      const pass = [...this.#waiting];
      try {
        await this.#sweep(pass);
      } catch (cause) {
        if (this.#isStopped) return;
        this.#parts.onDefect(cause);
        await sleep(RETRY_MS, undefined, { ref: false });
        continue;
      }
      if (this.#isStopped) return;
      this.#waiting = this.#waiting.filter((invalidation) => !pass.includes(invalidation));
      this.#parts.onSwept(pass);
    }
  }

  async #sweep(pass: readonly Invalidation[]): Promise<void> {
    const { index, update } = this.#parts;
    const tags = new Set<string>();
    const vhosts = new Set<string>();
    for (const { target, vhost } of pass) {
      if (target.kind === "tag") for (const tag of target.tags) tags.add(tag);
      else vhosts.add(vhost);
    }
    const pause = this.#pacer();
    if (tags.size > 0) await index.scanTagged([...tags], update, pause);
    const [vhost] = vhosts;
    if (vhost === undefined) return;
    await index.scan(vhosts.size === 1 ? { vhost, pause } : { pause }, (row) => {
      if (vhosts.has(row.vhost)) update(row);
    });
  }

  #pacer(): () => Promise<void> {
    let beganMs = performance.now();
    return async () => {
      const workedMs = performance.now() - beganMs;
      if (this.#isHurried || workedMs < WORK_MS) {
        await nextTurn();
        if (this.#isHurried) beganMs = performance.now();
        return;
      }
      await sleep(workedMs * REST_PER_WORK, undefined, { ref: false });
      beganMs = performance.now();
    };
  }
}
