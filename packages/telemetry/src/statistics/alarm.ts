/** AWS-75. */
export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";

/** When a value is beyond its threshold, how often it must be, and what a period without a value is. */
export interface AlarmTerms {
  readonly comparison: "AtLeast" | "Above" | "AtMost" | "Below";
  readonly threshold: number;
  readonly periods: number;
  readonly missing: "missing" | "ignore" | "breaching" | "notBreaching";
}

const isBeyond = (value: number, { comparison, threshold }: AlarmTerms): boolean => {
  switch (comparison) {
    case "AtLeast":
      return value >= threshold;
    case "Above":
      return value > threshold;
    case "AtMost":
      return value <= threshold;
    case "Below":
      return value < threshold;
  }
};

/** Undefined: the period says nothing. */
const judge = (value: number | undefined, terms: AlarmTerms): boolean | undefined => {
  if (value !== undefined) return isBeyond(value, terms);
  return terms.missing === "breaching" ? true : terms.missing === "notBreaching" ? false : undefined;
};

/** The state of an alarm by the values of its periods, one after the other. */
export class AlarmWatch {
  readonly #terms: AlarmTerms;
  /** Of the last periods, the latest at the end. */
  readonly #verdicts: (boolean | undefined)[] = [];
  #state: AlarmState = "INSUFFICIENT_DATA";

  constructor(terms: AlarmTerms) {
    this.#terms = terms;
  }

  get state(): AlarmState {
    return this.#state;
  }

  /** A period has ended; undefined: without a sample. True: the state is another now. */
  observe(value: number | undefined): boolean {
    const verdict = judge(value, this.#terms);
    if (verdict === undefined && this.#terms.missing === "ignore") return false;
    this.#verdicts.push(verdict);
    if (this.#verdicts.length > this.#terms.periods) this.#verdicts.shift();
    const before = this.#state;
    this.#state = this.#judged();
    return this.#state !== before;
  }

  /** As long as periods are beyond the threshold, but not enough of them, nothing changes. */
  #judged(): AlarmState {
    if (this.#verdicts.includes(false)) return "OK";
    if (!this.#verdicts.includes(true)) return "INSUFFICIENT_DATA";
    const isLongEnough = this.#verdicts.length === this.#terms.periods;
    return isLongEnough && !this.#verdicts.includes(undefined) ? "ALARM" : this.#state;
  }
}
