import type { OriginAddress } from "@basalt/config";
import { partsOfId } from "./addressServers.ts";
import type { ConnectionOptions } from "./connection.ts";
import { type Connector, openConnection } from "./connector.ts";
import type { AddressSnapshot, OriginServer, OriginSettings, OriginView } from "./contract.ts";
import type { OriginTally } from "./counters.ts";
import { endpointOf } from "./endpoint.ts";
import { PoolServer } from "./poolServer.ts";

export interface ServerListOptions {
  readonly connector: Connector | undefined;
  readonly tallyOf: (ip: string) => OriginTally;
}

/** What is in service as long as the primary has said nothing: every configured IP (OPEN 5 of spec 05). */
const firstView = ({ name, origin }: OriginSettings): OriginView => ({
  vhost: name,
  version: Number.NEGATIVE_INFINITY,
  epoch: 0,
  inService: origin.addresses.flatMap(({ text, host, port, isIp }, addressIndex) =>
    isIp ? [{ id: text, addressIndex, ip: host, port }] : [],
  ),
  isResolving: origin.addresses.some(({ isIp }) => !isIp),
  suspected: [],
  transactions: 0,
});

/** Whether a server belongs to an address of these settings. */
export const hasAddress = ({ origin }: OriginSettings, { address }: PoolServer): boolean =>
  [...origin.addresses, ...origin.standby].some(({ text }) => text === address.text);

/** The servers in service by the latest view, with the connections of this worker to them. */
export class ServerList {
  readonly #settings: OriginSettings;
  readonly #options: ServerListOptions;
  /** By configured text: a view may still be of a configuration with other positions. */
  readonly #addresses: ReadonlyMap<string, OriginAddress>;
  readonly #servers = new Map<string, PoolServer>();
  /** Some addresses are for clients of some countries only. */
  readonly hasCountries: boolean;
  #view: OriginView;
  #inService: readonly PoolServer[] = [];
  /** In service when another configuration took over that has them too. */
  #staying: ReadonlySet<string> = new Set();
  #hasView = false;

  constructor(settings: OriginSettings, options: ServerListOptions) {
    this.#settings = settings;
    this.#options = options;
    const { addresses, standby } = settings.origin;
    this.#addresses = new Map([...addresses, ...standby].map((address) => [address.text, address]));
    this.hasCountries = [...addresses, ...standby].some(({ countries }) => countries.length > 0);
    this.#view = firstView(settings);
    this.#take(this.#view);
  }

  get inService(): readonly PoolServer[] {
    return this.#inService;
  }

  get isResolving(): boolean {
    return this.#view.isResolving;
  }

  get suspected(): readonly string[] {
    return this.#view.suspected;
  }

  /** In all workers, as last told; undefined while nothing was told. */
  get transactions(): number | undefined {
    return this.#hasView ? this.#view.transactions : undefined;
  }

  /** Whether requests may still be sent to that server. */
  isCurrent(server: PoolServer): boolean {
    return this.#servers.get(server.id) === server;
  }

  /** Servers that are gone, or of an earlier epoch, lose their connections as these become idle. False: outdated. */
  apply(view: OriginView): boolean {
    if (view.vhost !== this.#settings.name || view.version <= this.#view.version) return false;
    if (this.#hasView && view.epoch !== this.#view.epoch) this.closeAll();
    this.#hasView = true;
    this.#view = view;
    this.#take(view);
    return true;
  }

  closeAll(): void {
    for (const server of this.#servers.values()) server.connections.close();
    this.#servers.clear();
  }

  /** For good: servers whose addresses are not among those of `next` drain as it says (AWS-27). */
  retire(next: OriginSettings): void {
    const leaving = [...this.#servers.values()].filter((server) => !hasAddress(next, server));
    for (const server of leaving) this.#servers.delete(server.id);
    this.#staying = new Set(this.#servers.keys());
    for (const server of leaving) server.connections.close();
    this.closeAll();
    const { enabled, timeoutSeconds } = next.originOptions.draining;
    if (enabled) for (const server of leaving) server.drain(timeoutSeconds, () => false);
  }

  /** The server in service with that id. */
  find(id: string): PoolServer | undefined {
    return this.#servers.get(id);
  }

  /** What the view says of the configured addresses. */
  snapshot(): readonly AddressSnapshot[] {
    const { addresses, standby } = this.#settings.origin;
    const used = new Set(this.#view.inService.map(({ id }) => partsOfId(id).text));
    const suspected = new Set(this.#view.suspected.map((id) => partsOfId(id).text));
    const vacant = addresses.filter(({ text }) => !used.has(text)).length;
    const unused = vacant - standby.filter(({ text }) => used.has(text)).length;
    const stateOf = (text: string, isStandby: boolean): AddressSnapshot => ({
      address: text,
      standby: isStandby,
      excluded: !used.has(text) && (!isStandby || unused > 0),
      failures: suspected.has(text) ? 1 : 0,
      probes: 0,
    });
    return [...addresses.map(({ text }) => stateOf(text, false)), ...standby.map(({ text }) => stateOf(text, true))];
  }

  #take({ inService }: OriginView): void {
    const named = new Set(inService.map(({ id }) => id));
    for (const [id, server] of this.#servers) {
      if (named.has(id)) continue;
      server.connections.close();
      this.#servers.delete(id);
      const { enabled, timeoutSeconds } = this.#settings.originOptions.draining;
      if (enabled) server.drain(timeoutSeconds, () => this.#servers.has(id) || this.#staying.has(id));
    }
    this.#inService = inService.flatMap((server) => this.#serverOf(server) ?? []);
  }

  #serverOf(server: OriginServer): PoolServer | undefined {
    const known = this.#servers.get(server.id);
    if (known !== undefined) return known;
    const address = this.#addresses.get(partsOfId(server.id).text);
    if (address === undefined) return undefined;
    const made = new PoolServer(server, address, this.#connectionOptions(server, address));
    this.#servers.set(server.id, made);
    return made;
  }

  #connectionOptions(server: OriginServer, address: OriginAddress): ConnectionOptions {
    return {
      endpoint: endpointOf(this.#settings, address, server),
      connector: this.#options.connector ?? openConnection,
      reuseTimeoutMs: this.#settings.originOptions.reuseTimeoutSeconds * 1000,
      onConnect: () => {},
      tally: this.#options.tallyOf(server.ip),
    };
  }
}
