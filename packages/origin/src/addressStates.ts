/** State of one configured address; plain data, crosses process boundaries. */
export interface AddressSnapshot {
  readonly address: string;
  readonly standby: boolean;
  readonly excluded: boolean;
  /** Consecutive failures while in service (ORG-03). */
  readonly failures: number;
  /** Consecutive successful probes while excluded (ORG-04). */
  readonly probes: number;
}

export interface AddressRules {
  /** Consecutive failures that exclude; 0 never excludes. */
  readonly exclusion: number;
  /** Consecutive successful probes that bring back; 0 never does (ORG-04). */
  readonly recovery: number;
}

interface AddressState {
  readonly address: string;
  excluded: boolean;
  failures: number;
  probes: number;
}

/**
 * Which addresses of a virtual host may be used. Pure: no sockets, no clock. Addresses are named by index: the active
 * ones in configured order, then the standby ones.
 */
export class AddressStates {
  readonly #states: readonly AddressState[];
  readonly #activeCount: number;
  readonly #rules: AddressRules;
  #inService: readonly number[];

  constructor(actives: readonly string[], standbys: readonly string[], rules: AddressRules) {
    this.#states = [...actives, ...standbys].map((address) => ({ address, excluded: false, failures: 0, probes: 0 }));
    this.#activeCount = actives.length;
    this.#rules = rules;
    this.#inService = this.#decideInService();
  }

  /** Indices in service: healthy actives, and for each failed active the next healthy standby (CFG-14, OPEN 4 B). */
  get inService(): readonly number[] {
    return this.#inService;
  }

  get excluded(): readonly number[] {
    return this.#states.flatMap((state, index) => (state.excluded ? [index] : []));
  }

  isExcluded(index: number): boolean {
    return this.#states[index]?.excluded ?? false;
  }

  /** A normal exchange ended; any status is normal (ORG-11). Does not bring back an excluded address: probes do. */
  recordSuccess(index: number): void {
    const state = this.#states[index];
    if (state !== undefined) state.failures = 0;
  }

  /** True when this failure excludes the address. */
  recordFailure(index: number): boolean {
    const state = this.#states[index];
    if (state === undefined || state.excluded) return false;
    state.failures += 1;
    if (this.#rules.exclusion === 0 || state.failures < this.#rules.exclusion) return false;
    state.excluded = true;
    state.probes = 0;
    this.#inService = this.#decideInService();
    return true;
  }

  /** True when this probe brings the address back. */
  recordProbe(index: number, successful: boolean): boolean {
    const state = this.#states[index];
    if (state === undefined || !state.excluded) return false;
    state.probes = successful ? state.probes + 1 : 0;
    if (this.#rules.recovery === 0 || state.probes < this.#rules.recovery) return false;
    state.excluded = false;
    state.failures = 0;
    state.probes = 0;
    this.#inService = this.#decideInService();
    return true;
  }

  snapshot(): readonly AddressSnapshot[] {
    return this.#states.map((state, index) => ({ ...state, standby: index >= this.#activeCount }));
  }

  /** Takes over the states of equally named addresses of the same role; others keep theirs. */
  apply(snapshots: readonly AddressSnapshot[]): void {
    this.#states.forEach((state, index) => {
      const standby = index >= this.#activeCount;
      const known = snapshots.find((entry) => entry.address === state.address && entry.standby === standby);
      if (known === undefined) return;
      state.excluded = known.excluded;
      state.failures = known.failures;
      state.probes = known.probes;
    });
    this.#inService = this.#decideInService();
  }

  #decideInService(): readonly number[] {
    const healthy = this.#states.flatMap((state, index) => (state.excluded ? [] : [index]));
    const actives = healthy.filter((index) => index < this.#activeCount);
    const standbys = healthy.filter((index) => index >= this.#activeCount);
    return [...actives, ...standbys.slice(0, this.#activeCount - actives.length)];
  }
}
