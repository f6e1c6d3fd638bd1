import type { Sliced } from "@basalt/media";

/** At a time; each holds some megabytes at most. More are better done by other processes. */
const MOST_PLANS = 8;

interface Plan<Planned> {
  readonly name: string;
  readonly work: Sliced<Planned>;
  readonly resolve: (planned: Planned) => void;
  readonly reject: (cause: unknown) => void;
}

/**
 * Plans that take several slices: in each turn of the event loop one slice of one of them is worked on, however many
 * requests wait, so that others have the rest of the turn. One plan serves all who want it.
 */
export class SlicedPlans<Planned> {
  readonly #queue: Plan<Planned>[] = [];
  readonly #coming = new Map<string, Promise<Planned>>();

  get isFull(): boolean {
    return this.#queue.length >= MOST_PLANS;
  }

  /** The plan of that name, if it is on its way. */
  find(name: string): Promise<Planned> | undefined {
    return this.#coming.get(name);
  }

  finish(name: string, work: Sliced<Planned>): Promise<Planned> {
    const coming = new Promise<Planned>((resolve, reject) => {
      this.#queue.push({ name, work, resolve, reject });
    });
    this.#coming.set(name, coming);
    if (this.#queue.length === 1) setImmediate(() => this.#goOn());
    return coming;
  }

  #goOn(): void {
    const [plan] = this.#queue;
    if (plan === undefined) return;
    try {
      const step = plan.work.next();
      if (step.done === true) this.#end(plan, () => plan.resolve(step.value));
    } catch (cause) {
      this.#end(plan, () => plan.reject(cause));
    }
    if (this.#queue.length > 0) setImmediate(() => this.#goOn());
  }

  #end({ name }: Plan<Planned>, settle: () => void): void {
    this.#queue.shift();
    this.#coming.delete(name);
    settle();
  }
}
