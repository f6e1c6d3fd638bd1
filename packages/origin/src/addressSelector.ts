import type { OriginOptions } from "@basalt/config";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

const hashText = (text: string): number => {
  let hash = FNV_OFFSET;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  }
  return spreadBits(hash);
};

/** Finalizer of MurmurHash3: every input bit reaches every output bit, which rendezvous hashing relies on. */
const spreadBits = (value: number): number => {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
};

/** Picks the address of the next request among those in service (ORG-30 to ORG-33). */
export class AddressSelector {
  readonly #mode: OriginOptions["balanceMode"];
  readonly #seeds: readonly number[];
  readonly #hasIdle: (index: number) => boolean;
  #turn = 0;

  /** `addresses` as configured, by index; `hasIdle` tells whether an address has a connection waiting for use. */
  constructor(
    mode: OriginOptions["balanceMode"],
    addresses: readonly string[],
    hasIdle: (index: number) => boolean = () => false,
  ) {
    this.#mode = mode;
    this.#seeds = addresses.map(hashText);
    this.#hasIdle = hasIdle;
  }

  /** Undefined when there is no candidate. */
  choose(candidates: readonly number[], target: string): number | undefined {
    if (candidates.length <= 1) return candidates[0];
    switch (this.#mode) {
      case "RoundRobin":
        return this.#next(candidates);
      case "Session":
        return candidates.find(this.#hasIdle) ?? this.#next(candidates);
      case "Hash":
        return this.#highest(candidates, hashText(target));
    }
  }

  #next(candidates: readonly number[]): number | undefined {
    const chosen = candidates[this.#turn % candidates.length];
    this.#turn += 1;
    return chosen;
  }

  /** Rendezvous hashing: each address bids for the target, so a lost address moves only its own targets. */
  #highest(candidates: readonly number[], targetHash: number): number | undefined {
    let chosen: number | undefined;
    let highest = -1;
    for (const candidate of candidates) {
      const bid = spreadBits(targetHash ^ (this.#seeds[candidate] ?? 0));
      if (bid > highest) {
        highest = bid;
        chosen = candidate;
      }
    }
    return chosen;
  }
}
