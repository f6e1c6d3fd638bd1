import { type CounterBlock, PROCESS_SLOT, VHOST_SLOT } from "@basalt/telemetry";
import type { TransformFigures } from "./protocol.ts";
import type { TransformProcess } from "./transformProcess.ts";

type Ends = Pick<TransformProcess, "pid" | "restarts" | "replacements" | "overloaded">;

const COUNTED = ["done", "failed", "refused", "cancelled", "overloaded"] as const;

type Counts = Partial<Record<(typeof COUNTED)[number], number>>;

/** Processes whose answers may still come: one that gives way answers behind its successor. */
const REMEMBERED = 8;

/** Figures of the transform host as counters of the instance, over all the processes that have had its place. */
export class TransformCounting {
  readonly #counters: CounterBlock;
  /** As last told, by process, the youngest last. */
  readonly #last = new Map<number, Counts>();
  #crashes = 0;
  #replacements = 0;
  #overloaded = 0;

  constructor(counters: CounterBlock) {
    this.#counters = counters;
  }

  /** `figures`: undefined when the host did not answer; `pid`: of the process that was asked. Returns them. */
  take(figures: TransformFigures | undefined, ends: Ends): TransformFigures | undefined {
    const slots = PROCESS_SLOT.transforms;
    this.#counters.add(slots.crashes, ends.restarts - this.#crashes);
    this.#crashes = ends.restarts;
    this.#counters.add(slots.replacements, ends.replacements - this.#replacements);
    this.#replacements = ends.replacements;
    this.#counters.add(slots.overloaded, ends.overloaded - this.#overloaded);
    this.#overloaded = ends.overloaded;
    this.#counters.set(slots.waiting, figures?.waiting ?? 0);
    this.#counters.set(slots.running, figures?.running ?? 0);
    if (figures === undefined) return undefined;
    const last = this.#lastOf(ends.pid);
    for (const name of COUNTED) {
      this.#counters.add(slots[name], Math.max(0, figures[name] - (last[name] ?? 0)));
      last[name] = Math.max(figures[name], last[name] ?? 0);
    }
    for (const [vhost, ms] of figures.spentMs) {
      this.#counters.add(this.#counters.vhost(vhost) + VHOST_SLOT.transformSeconds, ms / 1000);
    }
    return figures;
  }

  #lastOf(pid: number): Counts {
    const known = this.#last.get(pid);
    if (known !== undefined) return known;
    const [oldest] = this.#last.keys();
    if (this.#last.size >= REMEMBERED && oldest !== undefined) this.#last.delete(oldest);
    const counts: Counts = {};
    this.#last.set(pid, counts);
    return counts;
  }
}
