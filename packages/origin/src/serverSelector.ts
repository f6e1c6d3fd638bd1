import type { OriginOptions } from "@basalt/config";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** 32 bits of a text, evenly spread. */
export const hashText = (text: string): number => {
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

/** What a choice depends on. */
export interface Candidate {
  /** `hashText` of the server's id. */
  readonly seed: number;
  /** A connection waits for use. */
  readonly hasIdle: boolean;
}

/** Rendezvous hashing: each server bids for the key, so that a lost server moves only its own keys (ORG-33, BYP-11). */
export const chooseByKey = <Server extends Candidate>(
  candidates: readonly Server[],
  key: string,
): Server | undefined => {
  if (candidates.length <= 1) return candidates[0];
  const keyHash = hashText(key);
  let chosen: Server | undefined;
  let highest = -1;
  for (const candidate of candidates) {
    const bid = spreadBits(keyHash ^ candidate.seed);
    if (bid > highest) {
      highest = bid;
      chosen = candidate;
    }
  }
  return chosen;
};

/** Picks the server of the next request among those in service (ORG-30 to ORG-33). */
export class ServerSelector<Server extends Candidate> {
  readonly #mode: OriginOptions["balanceMode"];
  #turn = 0;

  constructor(mode: OriginOptions["balanceMode"]) {
    this.#mode = mode;
  }

  /** Undefined when there is no candidate. `key` is what Hash hashes; without one the servers take turns. */
  choose(candidates: readonly Server[], key: string | undefined): Server | undefined {
    if (candidates.length <= 1) return candidates[0];
    switch (this.#mode) {
      case "RoundRobin":
        return this.#next(candidates);
      case "Session":
        return candidates.find((candidate) => candidate.hasIdle) ?? this.#next(candidates);
      case "Hash":
        return key === undefined ? this.#next(candidates) : chooseByKey(candidates, key);
    }
  }

  #next(candidates: readonly Server[]): Server | undefined {
    const chosen = candidates[this.#turn % candidates.length];
    this.#turn += 1;
    return chosen;
  }
}
