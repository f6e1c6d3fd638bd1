import type { TerminationPlan } from "@basalt/management";
import type { KeptTermination } from "./launcherProtocol.ts";

export interface TerminationParts {
  /** What an earlier primary has been told. */
  readonly kept: KeptTermination | undefined;
  /** For the primary that comes next, should this one end before. */
  readonly keep: (termination: KeptTermination) => void;
  /** Ends the instance, or shortens an end that is under way; undefined: drains as long as is configured. */
  readonly stop: (drainMs: number | undefined) => void;
}

/** The end that an instance has been told of (AWS-28). No crash and no restart makes it forget that. */
export class Termination {
  readonly #parts: TerminationParts;
  #isUnderWay: boolean;
  #drainMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: TerminationParts) {
    this.#parts = parts;
    this.#isUnderWay = parts.kept !== undefined;
    this.#drainMs = parts.kept?.drainMs;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** What runs has so long at the end; undefined: as is configured. */
  get drainMs(): number | undefined {
    return this.#drainMs;
  }

  /** In place of what was told before. */
  begin({ leaveSeconds, drainSeconds }: TerminationPlan): void {
    const termination = {
      leaveMs: leaveSeconds * 1000,
      drainMs: drainSeconds === undefined ? undefined : drainSeconds * 1000,
    };
    this.#parts.keep(termination);
    this.#schedule(termination);
  }

  /** Once everything serves: goes on with what an earlier primary has begun, unless this one has been told since. */
  resume(): void {
    const { kept } = this.#parts;
    if (kept !== undefined && this.#timer === undefined) this.#schedule(kept);
  }

  #schedule({ leaveMs, drainMs }: KeptTermination): void {
    this.#isUnderWay = true;
    this.#drainMs = drainMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#parts.stop(drainMs), leaveMs);
  }
}
