import type { FillUpdate } from "./protocol.ts";

/** Updates that decide what a waiting request does next. */
type Decisive = Exclude<FillUpdate, { readonly kind: "progress" }>;

/**
 * Who in this worker follows which fill of another worker. Updates may overtake the reply that announces a fill; they
 * wait here until somebody asks for them, which always happens.
 */
export class Followers {
  readonly #listeners = new Map<number, (update: FillUpdate) => void>();
  readonly #early = new Map<number, FillUpdate[]>();

  receive(update: FillUpdate): void {
    const listener = this.#listeners.get(update.fillId);
    if (listener !== undefined) {
      if (update.kind !== "shared" && update.kind !== "progress") this.#listeners.delete(update.fillId);
      listener(update);
      return;
    }
    const waiting = this.#early.get(update.fillId);
    if (waiting === undefined) this.#early.set(update.fillId, [update]);
    else waiting.push(update);
  }

  /** All updates of a fill, those that came early first. Replaces an earlier listener. */
  follow(fillId: number, listener: (update: FillUpdate) => void): void {
    this.#listeners.set(fillId, listener);
    const early = this.#early.get(fillId) ?? [];
    this.#early.delete(fillId);
    for (const update of early) this.receive(update);
  }

  /** The first update that decides something; later ones wait for `follow`. */
  first(fillId: number): Promise<Decisive> {
    return new Promise((resolve) => {
      this.follow(fillId, (update) => {
        if (update.kind === "progress") return;
        this.#listeners.delete(fillId);
        resolve(update);
      });
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
}
