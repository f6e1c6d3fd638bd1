import type { MonotonicMs } from "@basalt/types";
import { IPS_PER_DOMAIN, MIN_TTL_SECONDS } from "./limits.ts";

/** An IP of a domain, as a name server gave it. */
export interface ResolvedIp {
  readonly ip: string;
  readonly ttlSeconds: number;
}

interface Entry<State> {
  endsAt: number;
  readonly state: State;
}

/**
 * The IPs of one domain, each with an end of its own and what is known of it (ORG-22). Pure: whoever calls says what
 * time it is. Never empty again once an IP is known: of IPs that have all ended, the last ones stay.
 */
export class IpTable<State> {
  readonly #entries = new Map<string, Entry<State>>();
  /** No entry ends before. */
  #nextEnd = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#entries.size;
  }

  get states(): readonly State[] {
    return Array.from(this.#entries.values(), (entry) => entry.state);
  }

  get entries(): readonly (readonly [ip: string, state: State])[] {
    return Array.from(this.#entries, ([ip, entry]) => [ip, entry.state] as const);
  }

  get(ip: string): State | undefined {
    return this.#entries.get(ip)?.state;
  }

  /** Whole seconds until the IP ends, rounded up; 0 for one that stays beyond its end. */
  secondsLeft(ip: string, now: MonotonicMs): number {
    const entry = this.#entries.get(ip);
    return entry === undefined ? 0 : Math.max(0, Math.ceil((entry.endsAt - now) / 1000));
  }

  /**
   * Takes an answer over: known IPs live anew, others get the state that `make` gives them, seeing the table without
   * the answer. `maxTtlSeconds` bounds every life (ORG-23); 0 does not. True when there are new IPs.
   */
  renew(answer: readonly ResolvedIp[], maxTtlSeconds: number, now: MonotonicMs, make: (ip: string) => State): boolean {
    const added = new Map<string, State>();
    for (const { ip } of answer) if (!this.#entries.has(ip) && !added.has(ip)) added.set(ip, make(ip));
    for (const { ip, ttlSeconds } of answer) {
      const boundedSeconds = maxTtlSeconds > 0 ? Math.min(ttlSeconds, maxTtlSeconds) : ttlSeconds;
      const endsAt = now + Math.max(MIN_TTL_SECONDS, boundedSeconds) * 1000;
      const known = this.#entries.get(ip);
      const state = added.get(ip);
      if (known !== undefined) known.endsAt = endsAt;
      else if (state !== undefined) this.#add(ip, { endsAt, state });
      this.#nextEnd = Math.min(this.#nextEnd, endsAt);
    }
    return added.size > 0;
  }

  /** Forgets what has ended, except the last IPs. True when something was forgotten. */
  expire(now: MonotonicMs): boolean {
    if (now < this.#nextEnd) return false;
    let latest = Number.NEGATIVE_INFINITY;
    for (const { endsAt } of this.#entries.values()) latest = Math.max(latest, endsAt);
    const sizeBefore = this.#entries.size;
    this.#nextEnd = Number.POSITIVE_INFINITY;
    for (const [ip, { endsAt }] of this.#entries) {
      if (endsAt <= now && endsAt < latest) this.#entries.delete(ip);
      else this.#nextEnd = Math.min(this.#nextEnd, endsAt);
    }
    return this.#entries.size < sizeBefore;
  }

  /** A full table loses the IP that would end first. */
  #add(ip: string, entry: Entry<State>): void {
    if (this.#entries.size >= IPS_PER_DOMAIN) {
      let first: string | undefined;
      let firstEnd = Number.POSITIVE_INFINITY;
      for (const [known, { endsAt }] of this.#entries) {
        if (endsAt < firstEnd) {
          firstEnd = endsAt;
          first = known;
        }
      }
      if (first !== undefined) this.#entries.delete(first);
    }
    this.#entries.set(ip, entry);
  }
}
