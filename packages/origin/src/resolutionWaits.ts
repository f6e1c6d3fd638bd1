/** A request that has no server before a domain is resolved. */
export interface ResolutionWait {
  /** False: it has to wait on. */
  readonly retry: () => boolean;
  /** To the pool of the next configuration. */
  readonly handOn: () => void;
  readonly giveUp: () => void;
}

interface Waiter extends ResolutionWait {
  readonly timer: NodeJS.Timeout | undefined;
}

/** The requests of one pool that wait for a domain to be resolved. */
export class ResolutionWaits {
  readonly #waiting = new Set<Waiter>();

  /** Gives up after `limitMs` (0: never). The result ends the wait without a word; it may be called again. */
  add(wait: ResolutionWait, limitMs: number): () => void {
    const giveUp = (): void => {
      this.#end(waiter);
      wait.giveUp();
    };
    const timer = limitMs > 0 ? setTimeout(giveUp, limitMs) : undefined;
    const waiter: Waiter = { ...wait, timer };
    this.#waiting.add(waiter);
    return () => this.#end(waiter);
  }

  /** The servers may be others now. */
  retry(): void {
    for (const waiter of [...this.#waiting]) if (waiter.retry()) this.#end(waiter);
  }

  /** Nothing will be resolved for this pool any more. */
  close(hasSuccessor: boolean): void {
    for (const waiter of [...this.#waiting]) {
      this.#end(waiter);
      if (hasSuccessor) waiter.handOn();
      else waiter.giveUp();
    }
  }

  #end(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.#waiting.delete(waiter);
  }
}
