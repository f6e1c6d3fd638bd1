export interface SamplingRule {
  readonly matches: (path: string) => boolean;
  /** Requests of each second, all workers together. */
  readonly perSecond: number;
  /** Of the others, in percent. */
  readonly ratePercent: number;
}

interface Reservoir {
  readonly rule: SamplingRule;
  /** Undefined before the first request. */
  second: number | undefined;
  left: number;
}

export interface SamplerParts {
  /** Processes that share the numbers of a second. */
  readonly workers: () => number;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/**
 * Which requests are sampled where nobody has decided it before (AWS-99): the first rule that matches the path says.
 * Each worker has its part of the number of a second; parts of one are saved up until they are one, so that with a
 * small number every worker has its turn.
 */
export class Sampler {
  readonly #reservoirs: readonly Reservoir[];
  readonly #workers: () => number;
  readonly #random: () => number;

  constructor(rules: readonly SamplingRule[], { workers, random = Math.random }: SamplerParts) {
    this.#reservoirs = rules.map((rule) => ({ rule, second: undefined, left: 0 }));
    this.#workers = workers;
    this.#random = random;
  }

  decide(path: string, nowMs: number): boolean {
    const reservoir = this.#reservoirs.find(({ rule }) => rule.matches(path));
    if (reservoir === undefined) return false;
    this.#fill(reservoir, Math.floor(nowMs / 1000));
    if (reservoir.left >= 1) {
      reservoir.left--;
      return true;
    }
    return this.#random() * 100 < reservoir.rule.ratePercent;
  }

  #fill(reservoir: Reservoir, second: number): void {
    if (reservoir.second === second) return;
    const share = reservoir.rule.perSecond / Math.max(1, this.#workers());
    const most = share === 0 ? 0 : Math.max(1, share);
    const { second: last } = reservoir;
    // A clock that is set back begins anew.
    const isFirst = last === undefined || second < last;
    reservoir.left = isFirst ? most : Math.min(most, reservoir.left + share * (second - last));
    reservoir.second = second;
  }
}
