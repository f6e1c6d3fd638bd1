import type { Problem } from "@basalt/types";

/** Where in a file something is written. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly element: string;
}

/** A file of the largest size could hold a million mistakes; nobody reads more than these. */
const MAX_PROBLEMS = 1_000;

export class ProblemList {
  readonly #problems: Problem[] = [];
  #hasErrors = false;

  error(place: Place, message: string, allowed?: string): void {
    this.#hasErrors = true;
    this.#add("error", place, message, allowed);
  }

  warn(place: Place, message: string, allowed?: string): void {
    this.#add("warning", place, message, allowed);
  }

  /** Errors and warnings in the order in which they were met, at most a thousand. */
  get all(): readonly Problem[] {
    return this.#problems;
  }

  get hasErrors(): boolean {
    return this.#hasErrors;
  }

  get isFull(): boolean {
    return this.#problems.length >= MAX_PROBLEMS;
  }

  #add(severity: Problem["severity"], place: Place, message: string, allowed: string | undefined): void {
    if (this.isFull) {
      // An error among a thousand warnings must still be seen.
      if (severity === "warning" || this.#problems.at(-1)?.severity === "error") return;
      this.#problems.pop();
    }
    this.#problems.push({ severity, ...place, message, ...(allowed === undefined ? {} : { allowed }) });
  }
}

export const wholeFile = (file: string): Place => ({ file, line: 0, column: 0, element: "" });
