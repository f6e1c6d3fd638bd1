/** Results in a row after which a server is excluded or back; 0: never (ORG-03, ORG-04, ORG-17, ORG-18). */
export interface VerdictRules {
  readonly exclusion: number;
  readonly recovery: number;
}

export type VerdictChange = "excluded" | "recovered";

/** What one mechanism thinks of one server. Servers start in service (OPEN 5 of spec 05). */
export class Verdict {
  #isExcluded = false;
  #isInherited = false;
  /** Failures in a row while in service, successes in a row while excluded. */
  #count = 0;

  get isExcluded(): boolean {
    return this.#isExcluded;
  }

  /** Excluded with its domain (ORG-24), not for anything that is known of the server itself. */
  get isInherited(): boolean {
    return this.#isInherited;
  }

  /** Failures in a row that count against a server in service. */
  get failures(): number {
    return this.#isExcluded ? 0 : this.#count;
  }

  /** Successes in a row of an excluded server. */
  get successes(): number {
    return this.#isExcluded ? this.#count : 0;
  }

  record(isSuccess: boolean, rules: VerdictRules): VerdictChange | undefined {
    if (isSuccess !== this.#isExcluded) {
      this.#count = 0;
      if (!isSuccess) this.#isInherited = false;
      return undefined;
    }
    this.#count += 1;
    const needed = this.#isExcluded ? rules.recovery : rules.exclusion;
    if (needed === 0 || this.#count < needed) return undefined;
    this.#set(!this.#isExcluded, false);
    return this.#isExcluded ? "excluded" : "recovered";
  }

  inheritExclusion(): void {
    this.#set(true, true);
  }

  clear(): void {
    this.#set(false, false);
  }

  #set(isExcluded: boolean, isInherited: boolean): void {
    this.#isExcluded = isExcluded;
    this.#isInherited = isInherited;
    this.#count = 0;
  }
}
