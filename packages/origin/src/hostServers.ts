import type { OriginAddress } from "@basalt/config";
import type { MonotonicMs } from "@basalt/types";
import { AddressServers, type KnownServer, partsOfId } from "./addressServers.ts";
import type { AddressSnapshot, DnsEntry, HostOriginMonitoring, OriginServer, OriginSettings } from "./contract.ts";
import type { ResolvedIp } from "./ipTable.ts";
import { EXCHANGES, type Mechanism, type ServerHealth } from "./serverHealth.ts";
import type { VerdictChange } from "./verdict.ts";

/** A server with the address it belongs to. */
export interface HostServer extends KnownServer {
  readonly address: OriginAddress;
}

/** All servers of one virtual host and which of them are in service. Pure: no sockets, no clock. */
export class HostServers {
  #settings: OriginSettings;
  #addresses = new Map<string, AddressServers>();

  constructor(settings: OriginSettings) {
    this.#settings = settings;
    this.configure(settings);
  }

  get settings(): OriginSettings {
    return this.#settings;
  }

  /** Addresses that stay keep their IPs and states, in whatever role (ORG-21). */
  configure(settings: OriginSettings): void {
    const known = this.#addresses;
    this.#settings = settings;
    this.#addresses = new Map();
    for (const address of [...settings.origin.addresses, ...settings.origin.standby]) {
      const servers = known.get(address.text) ?? new AddressServers(address);
      servers.address = address;
      this.#addresses.set(address.text, servers);
    }
    for (const { health } of this.servers) health.keepOnly(settings.origin.healthCheckers);
  }

  get servers(): readonly HostServer[] {
    return [...this.#addresses.values()].flatMap((servers) =>
      servers.known.map((known) => ({ ...known, address: servers.address })),
    );
  }

  /** Held out by their exchanges: recovery probes are due. */
  get probed(): readonly HostServer[] {
    return this.servers.filter(({ health }) => health.needsProbes);
  }

  get domains(): readonly OriginAddress[] {
    return [...this.#addresses.values()].flatMap(({ address }) => (address.isIp ? [] : [address]));
  }

  /** Active addresses that work, and for each that has failed the next standby that works (CFG-14). */
  get inService(): readonly OriginServer[] {
    const { addresses, standby } = this.#settings.origin;
    const actives = addresses.flatMap((address, index) => this.#of(address)?.serversInService(index) ?? []);
    let vacant = addresses.filter((address) => this.#of(address)?.hasFailed === true).length;
    const standbys = standby.flatMap((address, index) => {
      const servers = vacant > 0 ? this.#of(address) : undefined;
      if (servers === undefined || !servers.isUsable) return [];
      vacant -= 1;
      return servers.serversInService(addresses.length + index);
    });
    return [...actives, ...standbys];
  }

  get isResolving(): boolean {
    return [...this.#addresses.values()].some((servers) => servers.isUnresolved);
  }

  /** Servers in service with failures counted against them (ORG-03). */
  get suspected(): readonly string[] {
    return this.servers.flatMap(({ id, health }) => (health.failures > 0 && !health.isExcluded ? [id] : []));
  }

  find(id: string): HostServer | undefined {
    const { text, ip } = partsOfId(id);
    const servers = this.#addresses.get(text);
    const health = servers?.find(ip);
    if (servers === undefined || health === undefined) return undefined;
    return { id, ip: ip ?? servers.address.host, health, address: servers.address };
  }

  /** The end of an exchange. An excluded server comes back by probes alone. */
  recordExchange(id: string, isSuccess: boolean, failure = ""): VerdictChange | undefined {
    const health = this.find(id)?.health;
    return health === undefined || health.needsProbes
      ? undefined
      : this.#record(id, health, EXCHANGES, isSuccess, failure);
  }

  recordProbe(id: string, isSuccess: boolean, failure = ""): VerdictChange | undefined {
    const health = this.find(id)?.health;
    return health?.needsProbes === true ? this.#record(id, health, EXCHANGES, isSuccess, failure) : undefined;
  }

  recordCheck(id: string, mechanism: Mechanism, isSuccess: boolean, failure = ""): VerdictChange | undefined {
    const health = this.find(id)?.health;
    return health === undefined ? undefined : this.#record(id, health, mechanism, isSuccess, failure);
  }

  /** True when the answer brought new IPs. */
  renew(address: OriginAddress, answer: readonly ResolvedIp[], now: MonotonicMs): boolean {
    const { dnsMaxTtlSeconds } = this.#settings.originOptions;
    return this.#of(address)?.renew(answer, dnsMaxTtlSeconds, now) ?? false;
  }

  /** All that one resolution has brought is known: with an answer, requests need not wait for it any longer. */
  noteResolution(address: OriginAddress, isAnswered: boolean): void {
    this.#of(address)?.noteResolution(isAnswered);
  }

  isUnresolved(address: OriginAddress): boolean {
    return this.#of(address)?.isUnresolved ?? false;
  }

  expire(address: OriginAddress, now: MonotonicMs): boolean {
    return this.#of(address)?.expire(now) ?? false;
  }

  /** ORG-27. */
  reset(): void {
    for (const { health } of this.servers) health.reset();
  }

  monitoring(now: MonotonicMs): HostOriginMonitoring {
    const { addresses, standby, healthCheckers } = this.#settings.origin;
    const used = new Set(this.inService.map(({ id }) => id));
    const usedTexts = new Set([...used].map((id) => partsOfId(id).text));
    const states = (list: readonly OriginAddress[]) =>
      list.map(({ text }) => ({ [text]: usedTexts.has(text) ? ("Active" as const) : ("Inactive" as const) }));
    const left = ({ id, ip, address }: HostServer) => {
      const seconds = this.#of(address)?.secondsLeft(ip, now) ?? 0;
      return { [partsOfId(id).ip ?? id]: seconds };
    };
    const isWatched = ({ id, health }: HostServer) => !used.has(id) && (health.isExcluded || healthCheckers.length > 0);
    return {
      VirtualHost: this.#settings.name,
      Address: states(addresses),
      Address2: states(standby),
      ActiveIP: this.servers.filter(({ id }) => used.has(id)).map(left),
      InactiveIP: this.servers.filter(isWatched).map(left),
      State: this.servers.map(({ id, health }) => ({
        Server: id,
        State: used.has(id) ? "InService" : "OutOfService",
        Reason: health.lastFailure === "" && !used.has(id) ? "standby" : health.lastFailure,
      })),
    };
  }

  dns(now: MonotonicMs): readonly DnsEntry[] {
    const byDomain = new Map<string, DnsEntry>();
    for (const servers of this.#addresses.values()) {
      const { host, isIp } = servers.address;
      const ips = servers.known.map(({ ip }) => ip);
      if (isIp || byDomain.has(host) || ips.length === 0) continue;
      const ttlSeconds = Math.min(...ips.map((ip) => servers.secondsLeft(ip, now)));
      byDomain.set(host, { vhost: this.#settings.name, domain: host, ttlSeconds, ips });
    }
    return [...byDomain.values()];
  }

  /** State by configured address, the active ones first. */
  snapshot(): readonly AddressSnapshot[] {
    const { addresses, standby } = this.#settings.origin;
    const stateOf = (address: OriginAddress, isStandby: boolean): AddressSnapshot => {
      const known = this.#of(address)?.known ?? [];
      return {
        address: address.text,
        standby: isStandby,
        excluded: this.#of(address)?.hasFailed === true,
        failures: Math.max(0, ...known.map(({ health }) => health.failures)),
        probes: Math.max(0, ...known.map(({ health }) => health.probes)),
      };
    };
    return [
      ...addresses.map((address) => stateOf(address, false)),
      ...standby.map((address) => stateOf(address, true)),
    ];
  }

  #of({ text }: OriginAddress): AddressServers | undefined {
    return this.#addresses.get(text);
  }

  #record(
    id: string,
    health: ServerHealth,
    mechanism: Mechanism,
    isSuccess: boolean,
    failure: string,
  ): VerdictChange | undefined {
    const change = health.record(mechanism, isSuccess, this.#settings, failure);
    if (change === "recovered") this.#addresses.get(partsOfId(id).text)?.noteRecovered();
    return change;
  }
}
