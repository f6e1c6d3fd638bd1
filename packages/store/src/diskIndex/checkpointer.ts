import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { describeCause, type ReportProblem, storeProblem } from "../storeProblem.ts";
import { THREAD_STATE } from "./threadState.ts";
import type { WalConnection } from "./walConnection.ts";

/** The thread's module has the extension of this one: compiled beside compiled, source beside source. */
const THREAD = new URL(`./checkpointThread${extname(import.meta.url)}`, import.meta.url);

/** Frames (4 KB and a little) that wait to be copied before the thread is asked: 8 MB, worth two flushes of the disk. */
const CHECKPOINT_FRAMES = 2048;
/** Frames that wait before the writer copies them itself, because it has no thread: 32 MB. */
const UNAIDED_FRAMES = 8192;
/** Length of the log from which the writer prefers quiet, so that the log can begin anew: 64 MB. */
const QUIET_PREFERRED_FRAMES = 16_384;
/** Length from which it insists: 256 MB. */
const QUIET_NEEDED_FRAMES = 65_536;
/** Length from which it lets many rows wait, because they come faster than they are copied: 512 MB. */
const QUIET_URGENT_FRAMES = 131_072;
/**
 * Looks at the log while it is quiet, and their distance: half a second, in which every reader has ended its view. A log
 * of urgent length gets the time to be copied whole, however slow the disk: else it would grow for ever.
 */
const QUIET_LOOKS: Readonly<Record<Quiet, number>> = { none: 0, preferred: 25, needed: 25, urgent: 1500 };
const QUIET_LOOK_MS = 20;
/** Milliseconds to wait for the thread to let go of the file; only a disk that hangs takes that long. */
const THREAD_CLOSE_MS = 10_000;

export type Quiet = "none" | "preferred" | "needed" | "urgent";

export interface CheckpointerParts {
  readonly path: string;
  readonly onProblem: ReportProblem;
  /** Called when writes that were held back for the sake of quiet should be made. */
  readonly onQuietEnd: () => void;
}

/**
 * Keeps the write-ahead log short. A thread copies it to the database file beside the writer. The log begins anew only
 * when all of it was copied and no reader looks at it, a moment that steady small writes would prevent for ever;
 * so when it has grown long, writes that can wait are held back until that moment has come. Nothing here throws.
 */
export class Checkpointer {
  readonly #parts: CheckpointerParts;
  readonly #wal: WalConnection;
  #thread: { readonly worker: Worker; readonly state: Int32Array } | undefined;
  #isThreadLost = false;
  #isAsked = false;
  #isReported = false;
  #isClosed = false;
  #askedAtFrames = 0;
  #quietFromFrames = QUIET_PREFERRED_FRAMES;
  #frames = 0;
  #looks = 0;
  #quiet: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(wal: WalConnection, parts: CheckpointerParts) {
    this.#wal = wal;
    this.#parts = parts;
  }

  /** Whether batches should wait: `preferred` those that nobody waits for, from `needed` on all that can. */
  get quiet(): Quiet {
    if (this.#quiet === undefined) return "none";
    if (this.#frames >= QUIET_URGENT_FRAMES) return "urgent";
    return this.#frames >= QUIET_NEEDED_FRAMES ? "needed" : "preferred";
  }

  /** Resolves when batches need not wait any more: after half a second at the latest, but when it is urgent. */
  async quietEnd(): Promise<void> {
    await this.#quiet?.promise;
  }

  /** Call it after every commit. */
  noteCommit(): void {
    this.#guard(() => {
      const { frames, backfilledFrames } = this.#wal.gauge();
      if (frames < this.#frames) {
        this.#askedAtFrames = 0;
        this.#quietFromFrames = QUIET_PREFERRED_FRAMES;
      }
      this.#frames = frames;
      const isDue = frames - backfilledFrames >= CHECKPOINT_FRAMES;
      if (isDue && frames - this.#askedAtFrames >= CHECKPOINT_FRAMES / 2) this.#ask(frames - backfilledFrames);
    });
  }

  /** When it returns, no thread touches the file any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#quiet?.resolve();
    this.#quiet = undefined;
    if (this.#thread === undefined) return;
    const { worker, state } = this.#thread;
    const { STARTING, CANCELLED, OPEN } = THREAD_STATE;
    if (Atomics.compareExchange(state, 0, STARTING, CANCELLED) === STARTING) return;
    worker.postMessage("close");
    Atomics.wait(state, 0, OPEN, THREAD_CLOSE_MS);
  }

  #ask(waitingFrames: number): void {
    if (this.#isAsked || this.#isClosed) return;
    if (this.#isThreadLost) {
      if (waitingFrames >= UNAIDED_FRAMES) this.#wal.backfill();
      return;
    }
    this.#thread ??= this.#startThread();
    this.#isAsked = true;
    this.#askedAtFrames = this.#frames;
    this.#thread.worker.postMessage("checkpoint");
  }

  #startThread(): { readonly worker: Worker; readonly state: Int32Array } {
    const state = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const worker = new Worker(THREAD, { workerData: { path: this.#parts.path, state }, execArgv: [] });
    worker.on("message", (problem: unknown) => this.#noteAnswer(typeof problem === "string" ? problem : ""));
    worker.on("error", (cause) => this.#noteLoss(describeCause(cause)));
    worker.on("exit", () => this.#noteLoss("its thread has ended"));
    worker.unref();
    return { worker, state };
  }

  #noteLoss(reason: string): void {
    if (this.#isClosed || this.#isThreadLost) return;
    this.#isThreadLost = true;
    this.#thread = undefined;
    this.#isAsked = false;
    this.#report(`${reason}. The writer does it in between.`);
  }

  #noteAnswer(problem: string): void {
    this.#isAsked = false;
    if (this.#isClosed) return;
    if (problem !== "") {
      this.#report(`${problem}. It is tried again.`);
      return;
    }
    this.#isReported = false;
    if (this.#quiet === undefined && this.#frames >= this.#quietFromFrames) {
      this.#quiet = Promise.withResolvers();
      this.#looks = 0;
      this.#look();
    }
  }

  #look(): void {
    const isRestarted = this.#guard(() => {
      const { frames, backfilledFrames } = this.#wal.gauge();
      this.#frames = frames;
      if (frames < QUIET_PREFERRED_FRAMES) return true;
      if (frames === backfilledFrames) return this.#wal.restart();
      this.#ask(frames - backfilledFrames);
      return false;
    });
    this.#looks += 1;
    if (isRestarted !== true && this.#looks < QUIET_LOOKS[this.quiet]) {
      this.#timer = setTimeout(() => this.#look(), QUIET_LOOK_MS);
      return;
    }
    this.#quietFromFrames = this.#frames + QUIET_PREFERRED_FRAMES;
    const quiet = this.#quiet;
    this.#quiet = undefined;
    quiet?.resolve();
    this.#parts.onQuietEnd();
  }

  #guard<Result>(work: () => Result): Result | undefined {
    try {
      return work();
    } catch (cause) {
      this.#report(`${describeCause(cause)}. It is tried again.`);
      return undefined;
    }
  }

  #report(reason: string): void {
    if (this.#isReported) return;
    this.#isReported = true;
    const message = `The log of the index cannot be brought into its file: ${reason}`;
    this.#parts.onProblem(storeProblem("warning", this.#parts.path, message));
  }
}
