import type { FillUpdate } from "./protocol.ts";

/** Updates that decide what a waiting request does next. */
type Decisive = Exclude<FillUpdate, { readonly kind: "progress" }>;

type Listener = (update: FillUpdate) => void;

/**
 * Who in this worker follows which fill of another worker. Updates may overtake the reply that announces a fill; they
 * wait here until somebody asks for them, which always happens.
 */
export class Followers {
  readonly #listeners = new Map<number, Set<Listener>>();
  readonly #early = new Map<number, FillUpdate[]>();
  #isCutOff = false;

  receive(update: FillUpdate): void {
    const listeners = this.#listeners.get(update.fillId);
    if (listeners !== undefined) {
      if (update.kind !== "shared" && update.kind !== "progress") this.#listeners.delete(update.fillId);
      for (const listener of [...listeners]) listener(update);
      return;
    }
    const waiting = this.#early.get(update.fillId);
    if (waiting === undefined) this.#early.set(update.fillId, [update]);
    else waiting.push(update);
  }

  /** No news will come any more: whoever follows a fill fetches by itself. */
  cutOff(): void {
    this.#isCutOff = true;
    for (const fillId of [...this.#listeners.keys()]) this.receive({ fillId, kind: "orphaned" });
  }

  /** All updates of a fill, for the first who asks those too that came early. */
  follow(fillId: number, listener: Listener): void {
    const others = this.#listeners.get(fillId);
    if (others === undefined) this.#listeners.set(fillId, new Set([listener]));
    else others.add(listener);
    const early = this.#early.get(fillId) ?? [];
    this.#early.delete(fillId);
    for (const update of early) this.receive(update);
    if (this.#isCutOff && this.#listeners.has(fillId)) this.receive({ fillId, kind: "orphaned" });
  }

  /** The first update that decides something; later ones wait for `follow`. */
  first(fillId: number): Promise<Decisive> {
    return new Promise((resolve) => {
      const listener = (update: FillUpdate): void => {
        if (update.kind === "progress") return;
        this.#leave(fillId, listener);
        resolve(update);
      };
      this.follow(fillId, listener);
    });
  }

  /** The end of a fill. */
  outcome(fillId: number): Promise<Exclude<Decisive, { readonly kind: "shared" }>> {
    return new Promise((resolve) => {
      this.follow(fillId, (update) => {
        if (update.kind !== "progress" && update.kind !== "shared") resolve(update);
      });
    });
  }

  #leave(fillId: number, listener: Listener): void {
    const listeners = this.#listeners.get(fillId);
    if (listeners?.delete(listener) === true && listeners.size === 0) this.#listeners.delete(fillId);
  }
}
