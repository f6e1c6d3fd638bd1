import { print } from "../../infra/lib/print.ts";

/** What a check found; the failed ones decide its exit code. */
export class Findings {
  #failures = 0;

  get failures(): number {
    return this.#failures;
  }

  readonly expect = (holds: boolean, finding: string): void => {
    print(`${holds ? "ok  " : "FAIL"}  ${finding}`);
    if (!holds) this.#failures += 1;
  };

  /** A figure with a target, which does not decide: timing depends on the machine. */
  readonly target = (isMet: boolean, finding: string): void => {
    print(`${isMet ? "met " : "miss"}  ${finding}`);
  };

  fail(): void {
    this.#failures += 1;
  }

  verdict(): string {
    return this.#failures === 0 ? "holds" : `does not hold: ${this.#failures} findings`;
  }
}
