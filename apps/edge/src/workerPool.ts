import type { CallHandlers, EventHandlers } from "@basalt/ipc";
import type { PrimaryService } from "./protocol.ts";
import { type ListeningPlace, type PreparedConfiguration, WorkerProcess } from "./workerProcess.ts";

/** A worker that lived shorter than this counts as a crash loop's. */
const STABLE_MS = 1_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;
/** For one that is not needed by the time it serves: what it has accepted in that instant. */
const SURPLUS_DRAIN_MS = 10_000;
/** A new spare is made when the start of others is over. */
const SPARE_DELAY_MS = 1_000;

interface Slot {
  worker: WorkerProcess | undefined;
  restarts: number;
  delayMs: number;
  /** Set while the slot waits before its next start. */
  waiting: NodeJS.Timeout | undefined;
}

export interface WorkerPoolParts {
  readonly calls: (worker: WorkerProcess) => CallHandlers<PrimaryService>;
  readonly events: (worker: WorkerProcess) => Omit<EventHandlers<PrimaryService>, "ready" | "figures">;
  readonly configuration: (worker: WorkerProcess) => PreparedConfiguration;
  readonly places: () => readonly ListeningPlace[];
  /** The worker is about to be configured: from now on it has to know of invalidations, and may outlive this process. */
  readonly onEntering: (worker: WorkerProcess) => Promise<void>;
  readonly onServing: (worker: WorkerProcess) => void;
  readonly onGone: (worker: WorkerProcess, code: number | null) => void;
}

/**
 * Keeps as many accept workers running as are wanted. A worker that dies is replaced at once, by a spare process that
 * has its code loaded already; one that keeps dying young, with growing pauses. Replacing on purpose starts the new worker before the old one drains.
 */
export class WorkerPool {
  readonly #parts: WorkerPoolParts;
  readonly #slots: Slot[] = [];
  readonly #draining = new Set<WorkerProcess>();
  /** About to take the place of one that serves. */
  readonly #entering = new Set<WorkerProcess>();
  readonly #serving = Promise.withResolvers<void>();
  #isStopping = false;
  #isInService = false;
  /** A process with its code loaded, so that a dead worker's place is taken within milliseconds. */
  #spare: WorkerProcess | undefined;
  #spareTimer: NodeJS.Timeout | undefined;

  constructor(parts: WorkerPoolParts) {
    this.#parts = parts;
  }

  /** Resolves when the first worker serves. */
  get serving(): Promise<void> {
    return this.#serving.promise;
  }

  get size(): number {
    return this.#slots.length;
  }

  get slots(): readonly Readonly<Slot>[] {
    return this.#slots;
  }

  /** Workers that can be talked to: those that serve or are about to, and those that finish their connections. */
  *living(): Generator<WorkerProcess, void, undefined> {
    for (const slot of this.#slots) if (slot.worker !== undefined && slot.worker.state !== "gone") yield slot.worker;
    for (const worker of this.#entering) if (worker.state !== "gone") yield worker;
    yield* this.#draining;
  }

  /** Resolves when all workers of the new number serve and surplus ones have been told to drain. */
  async scale(count: number, drainMs: number): Promise<void> {
    while (this.#slots.length > count) {
      const slot = this.#slots.pop();
      clearTimeout(slot?.waiting);
      if (slot?.worker !== undefined) this.#retire(slot.worker, drainMs);
    }
    const starting: Promise<unknown>[] = [];
    while (this.#slots.length < count) {
      const slot: Slot = { worker: undefined, restarts: 0, delayMs: 0, waiting: undefined };
      this.#slots.push(slot);
      starting.push(this.#start(slot));
    }
    await Promise.all(starting);
  }

  /** Replaces every worker, one at a time, without a moment in which fewer serve than before. */
  async replaceAll(drainMs: number): Promise<void> {
    for (const slot of [...this.#slots]) {
      if (this.#isStopping || !this.#slots.includes(slot)) continue;
      const old = slot.worker;
      const isServing = await this.#start(slot);
      if (isServing && old !== undefined) this.#retire(old, drainMs);
      if (isServing) slot.restarts++;
    }
  }

  /** Every worker serves: should this process die from now on, they go on until the next one's serve. */
  enterService(): void {
    this.#isInService = true;
    for (const { worker } of this.#slots) if (worker?.state === "serving") worker.enterService();
  }

  /**
   * Leaves the workers that serve, and those that drain, to the next primary; resolves when they write nothing any more.
   * What they are storing has so long to arrive.
   */
  async leave(limitMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#spareTimer);
    this.#spare?.kill();
    const leaving: Promise<void>[] = [];
    for (const { waiting } of this.#slots) clearTimeout(waiting);
    for (const worker of this.living()) {
      if (worker.state === "starting") worker.kill();
      else leaving.push(worker.leave(limitMs));
    }
    await Promise.all(leaving);
  }

  /** Drains all workers; resolves when the last has ended. It may be called again, with less time. */
  async stop(drainMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#spareTimer);
    this.#spare?.kill();
    for (const worker of this.#entering) worker.kill();
    for (const slot of this.#slots) {
      clearTimeout(slot.waiting);
      if (slot.worker !== undefined) this.#retire(slot.worker, drainMs);
    }
    for (const worker of this.#draining) worker.drain(drainMs);
    await Promise.all([...this.#draining].map((worker) => worker.gone));
  }

  async #start(slot: Slot): Promise<boolean> {
    const old = slot.worker;
    const worker = this.#takeSpare() ?? this.#spawn();
    worker.takeSlot(this.#slots.indexOf(slot));
    if (old === undefined) slot.worker = worker;
    else this.#entering.add(worker);
    void worker.gone.then((code) => this.#ended(slot, worker, code));
    await this.#parts.onEntering(worker);
    const isServing = await worker.start(() => this.#parts.configuration(worker), this.#parts.places);
    this.#entering.delete(worker);
    if (!isServing) {
      worker.kill();
      return false;
    }
    const present = slot.worker;
    if (present !== old && present !== worker && present?.state === "serving") {
      // The old one died meanwhile, and what was started in its place serves already.
      this.#retire(worker, SURPLUS_DRAIN_MS);
      return true;
    }
    slot.worker = worker;
    this.#parts.onServing(worker);
    this.#serving.resolve();
    if (this.#isInService) worker.enterService();
    this.#prepareSpare();
    return true;
  }

  #spawn(): WorkerProcess {
    return new WorkerProcess(this.#parts.calls, this.#parts.events);
  }

  #takeSpare(): WorkerProcess | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare?.state === "starting" ? spare : undefined;
  }

  #prepareSpare(): void {
    if (this.#spare !== undefined || this.#isStopping) return;
    clearTimeout(this.#spareTimer);
    this.#spareTimer = setTimeout(() => {
      if (this.#isStopping || this.#spare !== undefined) return;
      const spare = this.#spawn();
      this.#spare = spare;
      void spare.gone.then((code) => {
        if (this.#spare !== spare) return;
        this.#spare = undefined;
        this.#parts.onGone(spare, code);
      });
    }, SPARE_DELAY_MS);
    this.#spareTimer.unref();
  }

  #retire(worker: WorkerProcess, drainMs: number): void {
    if (worker.state === "gone") return;
    this.#draining.add(worker);
    worker.drain(drainMs);
  }

  #ended(slot: Slot, worker: WorkerProcess, code: number | null): void {
    const wasDraining = this.#draining.delete(worker);
    this.#entering.delete(worker);
    this.#parts.onGone(worker, code);
    if (wasDraining || this.#isStopping || slot.worker !== worker || !this.#slots.includes(slot)) return;
    slot.worker = undefined;
    slot.restarts++;
    const isYoung = performance.now() - worker.startedMs < STABLE_MS;
    slot.delayMs = isYoung ? Math.min(LONGEST_DELAY_MS, Math.max(FIRST_DELAY_MS, slot.delayMs * 2)) : 0;
    if (slot.delayMs === 0) {
      void this.#start(slot);
      return;
    }
    slot.waiting = setTimeout(() => {
      slot.waiting = undefined;
      void this.#start(slot);
    }, slot.delayMs);
  }
}
