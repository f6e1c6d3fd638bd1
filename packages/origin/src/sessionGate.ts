import { EdgeError } from "@basalt/types";

/** One exchange that waits for its turn. */
interface Waiter {
  readonly onTurn: () => void;
  timer: NodeJS.Timeout | undefined;
}

export interface SessionLimits {
  /** Exchanges at a time; 0: no limit. */
  readonly places: number;
  /** Exchanges that may wait. */
  readonly queue: number;
}

/** Lets a bounded number of exchanges of one worker and host run at a time, the others wait in order (`<MaxSessions>`). */
export class SessionGate {
  readonly #limits: () => SessionLimits;
  readonly #onRefuse: () => void;
  readonly #waiting = new Set<Waiter>();
  #running = 0;

  /** The limits may change at any time. `onRefuse`: for each exchange that did not get its turn. */
  constructor(limits: () => SessionLimits, onRefuse: () => void) {
    this.#limits = limits;
    this.#onRefuse = onRefuse;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * `onTurn` is called now or later, or `onRefusal` with ORIGIN_BUSY when the queue is full, or the turn has not come
   * within `waitMs` (0: no limit). The result gives the place back or leaves the queue; it may be called again.
   */
  enter(waitMs: number, onTurn: () => void, onRefusal: (error: EdgeError) => void): () => void {
    const { places, queue } = this.#limits();
    const waiter: Waiter = { onTurn, timer: undefined };
    let isOver = false;
    const leave = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(waiter.timer);
      if (!this.#waiting.delete(waiter)) this.#giveBack();
    };
    const refuse = (why: string): void => {
      isOver = true;
      this.#waiting.delete(waiter);
      this.#onRefuse();
      onRefusal(new EdgeError("ORIGIN_BUSY", { detail: why }));
    };
    if (places === 0 || this.#running < places) {
      this.#running += 1;
      onTurn();
    } else if (this.#waiting.size >= queue) {
      refuse(`${queue} requests wait already`);
    } else {
      if (waitMs > 0) waiter.timer = setTimeout(() => refuse(`no free session within ${waitMs} ms`), waitMs);
      this.#waiting.add(waiter);
    }
    return leave;
  }

  #giveBack(): void {
    this.#running -= 1;
    const { places } = this.#limits();
    for (const waiter of this.#waiting) {
      if (places > 0 && this.#running >= places) return;
      this.#waiting.delete(waiter);
      clearTimeout(waiter.timer);
      this.#running += 1;
      waiter.onTurn();
    }
  }
}

/** One worker's part of what all workers may use together; at least one, as long as there is a limit at all. */
export const shareOf = (total: number, workers: number, place: number): number =>
  total === 0 ? 0 : Math.max(1, Math.floor(total / workers) + (place < total % workers ? 1 : 0));
