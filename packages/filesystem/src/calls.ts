/** Longest wait for one call: whoever made it cannot be left hanging. */
const LONGEST_CALL_MS = 60_000;

/** Why a call has been answered before its work was done. */
export type CallEnd = "interrupted" | "timeout";

export interface RunningCall {
  readonly unique: bigint;
  readonly signal: AbortSignal;
  /** Set when the call is over. */
  end: CallEnd | "done" | undefined;
}

interface Running extends RunningCall {
  readonly controller: AbortController;
  readonly startedMs: number;
  readonly answer: (end: CallEnd) => void;
}

/** The calls that wait for something: each is answered once, by its work, by an interrupt, or when it takes too long. */
export class RunningCalls {
  readonly #monotonicMs: () => number;
  readonly #running = new Map<bigint, Running>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  get count(): number {
    return this.#running.size;
  }

  /** `answer` is called when the call ends before it is `done`. */
  begin(unique: bigint, answer: (end: CallEnd) => void): RunningCall {
    const controller = new AbortController();
    const call: Running = {
      unique,
      controller,
      signal: controller.signal,
      startedMs: this.#monotonicMs(),
      answer,
      end: undefined,
    };
    this.#running.set(unique, call);
    return call;
  }

  /** False: it has been answered already. */
  done(call: RunningCall): boolean {
    if (call.end !== undefined) return false;
    call.end = "done";
    this.#running.delete(call.unique);
    return true;
  }

  interrupt(unique: bigint): void {
    const call = this.#running.get(unique);
    if (call !== undefined) this.#end(call, "interrupted");
  }

  /** To be called about once a second. */
  sweep(): void {
    const latestMs = this.#monotonicMs() - LONGEST_CALL_MS;
    for (const call of this.#running.values()) if (call.startedMs <= latestMs) this.#end(call, "timeout");
  }

  endAll(): void {
    for (const call of this.#running.values()) this.#end(call, "interrupted");
  }

  #end(call: Running, end: CallEnd): void {
    call.end = end;
    this.#running.delete(call.unique);
    call.answer(end);
    call.controller.abort();
  }
}
