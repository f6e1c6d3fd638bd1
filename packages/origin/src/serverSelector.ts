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
  /** Its share of the requests, against those of the others (AWS-33). */
  readonly weight: number;
  /** Mean time that it takes to answer; undefined while nothing is known. */
  readonly latencyMs: number | undefined;
}

const haveOneWeight = (candidates: readonly Candidate[]): boolean => {
  const [first] = candidates;
  return candidates.every(({ weight }) => weight === first?.weight);
};

const BIDS = 2 ** 32;

/** What a bid is worth: the highest of all is that of a server as often as its weight says (weighted rendezvous). */
const worthOf = (bid: number, weight: number): number => weight / -Math.log((bid + 0.5) / BIDS);

/** Rendezvous hashing: each server bids for the key, so that a lost server moves only its own keys (ORG-33, BYP-11). */
export const chooseByKey = <Server extends Candidate>(
  candidates: readonly Server[],
  key: string,
): Server | undefined => {
  if (candidates.length <= 1) return candidates[0];
  const keyHash = hashText(key);
  const isEven = haveOneWeight(candidates);
  let chosen: Server | undefined;
  let highest = -1;
  for (const candidate of candidates) {
    const bid = spreadBits(keyHash ^ candidate.seed);
    const worth = isEven ? bid : worthOf(bid, candidate.weight);
    if (worth > highest) {
      highest = worth;
      chosen = candidate;
    }
  }
  return chosen;
};

/** Of so many requests one measures a server that is not the soonest. */
const MEASURED_EVERY = 20;

/** Picks the server of the next request among those in service (ORG-30 to ORG-33). */
export class ServerSelector<Server extends Candidate> {
  readonly #mode: OriginOptions["balanceMode"];
  /** What each server is owed where weights differ. */
  readonly #owed = new WeakMap<Server, number>();
  #turn = 0;
  #measured = 0;

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
      case "Latency":
        return this.#soonest(candidates);
    }
  }

  /** Now and then the servers take turns all the same: what is not asked is not measured. */
  #soonest(candidates: readonly Server[]): Server | undefined {
    this.#measured += 1;
    const unknown = candidates.find(({ latencyMs }) => latencyMs === undefined);
    if (unknown !== undefined || this.#measured % MEASURED_EVERY === 0) return this.#next(candidates);
    return candidates.reduce((best, each) => ((each.latencyMs ?? 0) < (best.latencyMs ?? 0) ? each : best));
  }

  #next(candidates: readonly Server[]): Server | undefined {
    if (!haveOneWeight(candidates)) return this.#nextByWeight(candidates);
    const chosen = candidates[this.#turn % candidates.length];
    this.#turn += 1;
    return chosen;
  }
  /** The one that is owed most, so that a server's turns lie evenly between those of the others. */
  #nextByWeight(candidates: readonly Server[]): Server | undefined {
    let total = 0;
    let chosen: Server | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (const candidate of candidates) {
      const owed = (this.#owed.get(candidate) ?? 0) + candidate.weight;
      this.#owed.set(candidate, owed);
      total += candidate.weight;
      if (owed > most) {
        most = owed;
        chosen = candidate;
      }
    }
    if (chosen !== undefined) this.#owed.set(chosen, most - total);
    return chosen;
  }
}
