import type { OriginAddress } from "@basalt/config";
import type { MonotonicMs } from "@basalt/types";
import type { OriginServer } from "./contract.ts";
import { IpTable, type ResolvedIp } from "./ipTable.ts";
import { ServerHealth } from "./serverHealth.ts";

/** One server of an address and what is known of it. */
export interface KnownServer {
  readonly id: string;
  readonly ip: string;
  readonly health: ServerHealth;
}

/** Configured text and IP of a server id; no IP when the text is one. */
export const partsOfId = (id: string): { readonly text: string; readonly ip: string | undefined } => {
  const blank = id.indexOf(" ");
  return blank < 0 ? { text: id, ip: undefined } : { text: id.slice(0, blank), ip: id.slice(blank + 1) };
};

/** The servers behind one configured address: one for an IP (ORG-21), a table of them for a domain (ORG-22 to ORG-24). */
export class AddressServers {
  address: OriginAddress;
  readonly #fixed: ServerHealth | undefined;
  readonly #table = new IpTable<ServerHealth>();
  #resolution: "pending" | "unanswered" | "answered" = "pending";

  constructor(address: OriginAddress) {
    this.address = address;
    this.#fixed = address.isIp ? new ServerHealth() : undefined;
  }

  /** A domain that no name server has said anything of so far, good or bad: an answer may still come. */
  get isUnresolved(): boolean {
    return this.#fixed === undefined && this.#resolution !== "answered";
  }

  /** Works no longer, or was never resolved although that was tried: a standby may take its place (CFG-14). */
  get hasFailed(): boolean {
    return !this.isUsable && (this.#fixed !== undefined || this.#resolution !== "pending");
  }

  get known(): readonly KnownServer[] {
    if (this.#fixed !== undefined) return [{ id: this.address.text, ip: this.address.host, health: this.#fixed }];
    return this.#table.entries.map(([ip, health]) => ({ id: `${this.address.text} ${ip}`, ip, health }));
  }

  /** At least one server is in service. A domain is out as a whole when all its IPs are (ORG-24, rule 1). */
  get isUsable(): boolean {
    return this.#fixed !== undefined
      ? !this.#fixed.isExcluded
      : this.#table.states.some((health) => !health.isExcluded);
  }

  serversInService(addressIndex: number): readonly OriginServer[] {
    const { port } = this.address;
    return this.known.flatMap(({ id, ip, health }) => (health.isExcluded ? [] : [{ id, addressIndex, ip, port }]));
  }

  /** 0 for a configured IP. */
  secondsLeft(ip: string, now: MonotonicMs): number {
    return this.#table.secondsLeft(ip, now);
  }

  find(ip: string | undefined): ServerHealth | undefined {
    return ip === undefined ? this.#fixed : this.#table.get(ip);
  }

  /**
   * Takes an answer of a name server over. An IP that is new while the domain is excluded starts as excluded by what
   * excludes the others (ORG-24, rule 2). True when there are new IPs.
   */
  renew(answer: readonly ResolvedIp[], maxTtlSeconds: number, now: MonotonicMs): boolean {
    const { states } = this.#table;
    const holders = states.length > 0 && !this.isUsable ? [...new Set(states.flatMap((health) => health.holders))] : [];
    return this.#table.renew(answer, maxTtlSeconds, now, () => {
      const health = new ServerHealth();
      health.inherit(holders);
      return health;
    });
  }

  /** A resolution has ended; `isAnswered` when a name server has said what the domain is, or that it is not. */
  noteResolution(isAnswered: boolean): void {
    if (this.#resolution !== "answered") this.#resolution = isAnswered ? "answered" : "unanswered";
  }

  expire(now: MonotonicMs): boolean {
    return this.#table.expire(now);
  }

  /**
   * One of its servers is back, and the domain with it (ORG-24, rule 4): IPs that are out for the domain's sake alone
   * are in service too.
   */
  noteRecovered(): void {
    if (this.isUsable) for (const health of this.#table.states) health.endInheritance();
  }
}
