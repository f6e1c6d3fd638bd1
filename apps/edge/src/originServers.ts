import type { EdgeConfig, VhostSettings } from "@basalt/config";
import {
  type AddressSnapshot,
  createOriginBoard,
  createSystemResolver,
  type DnsEntry,
  inHundredthsOfMs,
  type OriginBoard,
  type OriginEvent,
  type OriginMonitoring,
  type OriginOutcome,
  type OriginResolver,
  type OriginView,
} from "@basalt/origin";
import { type CounterBlock, type InfoLog, VHOST_SLOT } from "@basalt/telemetry";
import { type Clock, unreachable } from "@basalt/types";
import type { HostLogs } from "./logs/hostLogs.ts";
import { OriginLog } from "./originLog.ts";
import type { OriginViewChange } from "./protocol.ts";
import { servingVhosts } from "./servingVhosts.ts";

export interface OriginServersParts {
  readonly clock: Clock;
  readonly log: Pick<InfoLog, "notice" | "warning">;
  readonly counters: CounterBlock;
  readonly logs: Pick<HostLogs, "logOrigin" | "noteOriginEvent">;
  /** A view has changed: all workers are to know. */
  readonly onView: (change: OriginViewChange) => void;
}

/** The primary's part of the origins: one board for all workers, with what it says in log and counters. */
export class OriginServers {
  readonly #counters: CounterBlock;
  readonly #log: OriginLog;
  readonly #logs: OriginServersParts["logs"];
  readonly #board: OriginBoard;
  #generation = 0;
  #vhosts: readonly string[] = [];
  #settings: ReadonlyMap<string, VhostSettings> = new Map();
  /** Hosts whose servers may have changed since they were counted. */
  readonly #uncounted = new Set<string>();
  #nameServers: readonly string[] = [];
  #resolver: OriginResolver = createSystemResolver({ servers: [] });

  constructor({ clock, log, logs, counters, onView }: OriginServersParts) {
    this.#logs = logs;
    this.#counters = counters;
    this.#log = new OriginLog(log, clock);
    this.#board = createOriginBoard({
      clock,
      resolver: { resolve: (domain, family) => this.#resolver.resolve(domain, family) },
      onView: (view) => {
        this.#uncounted.add(view.vhost);
        onView({ generation: this.#generation, view });
      },
      onEvent: (event) => this.#note(event),
      onTransaction: logs.logOrigin,
      onQuery: (vhost, durationMs) => this.#countQuery(vhost, durationMs),
    });
  }

  /** Before the workers are configured, so that they start with what is known. */
  configure(config: EdgeConfig): void {
    const { dnsServers } = config.server.cache;
    if (dnsServers.join() !== this.#nameServers.join()) {
      this.#nameServers = dnsServers;
      this.#resolver = createSystemResolver({ servers: dnsServers });
    }
    this.#generation = config.generation;
    const vhosts = servingVhosts(config);
    this.#vhosts = vhosts.map(({ name }) => name);
    const before = this.#settings;
    this.#settings = new Map(vhosts.map((vhost) => [vhost.name, vhost]));
    for (const vhost of vhosts) if (before.get(vhost.name) !== vhost) this.#uncounted.add(vhost.name);
    this.#board.configure(vhosts);
  }

  get generation(): number {
    return this.#generation;
  }

  /** Of the virtual hosts of that configuration. */
  get views(): readonly OriginView[] {
    return this.viewsOf(this.#vhosts);
  }

  viewsOf(vhosts: readonly string[]): readonly OriginView[] {
    return vhosts.map((vhost) => this.#board.view(vhost)).filter((view) => view !== undefined);
  }

  report(outcomes: readonly OriginOutcome[]): void {
    for (const outcome of outcomes) this.#board.report(outcome);
  }

  reportTransactions(worker: number, byVhost: ReadonlyMap<string, number>): void {
    this.#board.reportTransactions(worker, byVhost);
  }

  workerGone(worker: number): void {
    this.#board.reportTransactions(worker, new Map());
  }

  reset(vhost: string | undefined): boolean {
    for (const name of vhost === undefined ? this.#vhosts : [vhost]) this.#uncounted.add(name);
    return this.#board.reset(vhost);
  }

  monitoring(vhost: string | undefined): OriginMonitoring | undefined {
    return this.#board.monitoring(vhost);
  }

  dnsList(): readonly DnsEntry[] {
    return this.#board.dnsList();
  }

  /** State of the configured addresses, the active ones first. */
  addressesOf(vhost: string): readonly AddressSnapshot[] {
    return this.#board.snapshot(vhost);
  }

  /** PRG-16. Not while a name has not been resolved yet. */
  areAllExcluded(vhost: string): boolean {
    if ((this.#board.view(vhost)?.inService.length ?? 1) > 0) return false;
    return this.#board.snapshot(vhost).some(({ excluded }) => excluded);
  }

  /** Call it before counters are read. */
  count(): void {
    for (const vhost of this.#uncounted) {
      const offset = this.#counters.vhost(vhost);
      const excluded = this.#board.snapshot(vhost).filter((address) => address.excluded).length;
      const inService = this.#board.view(vhost)?.inService.length ?? 0;
      this.#counters.set(offset + VHOST_SLOT.originServersInService, inService);
      this.#counters.set(offset + VHOST_SLOT.originAddressesExcluded, excluded);
    }
    this.#uncounted.clear();
  }

  close(): void {
    this.#board.close();
  }

  #countQuery(vhost: string, durationMs: number): void {
    const offset = this.#counters.vhost(vhost);
    this.#counters.add(offset + VHOST_SLOT.dnsQueries, 1);
    this.#counters.add(offset + VHOST_SLOT.dnsTime, inHundredthsOfMs(durationMs));
  }

  #note(event: OriginEvent): void {
    this.#uncounted.add(event.vhost);
    this.#log.note(event);
    this.#logs.noteOriginEvent(event);
    const slot = countedIn(event);
    if (slot !== undefined) this.#counters.add(this.#counters.vhost(event.vhost) + slot, 1);
  }
}

/** Slot of the counter that an event adds to. */
const countedIn = (event: OriginEvent): number | undefined => {
  switch (event.kind) {
    case "excluded":
      return VHOST_SLOT.originExclusions;
    case "recovered":
      return VHOST_SLOT.originRecoveries;
    case "unresolved":
      return VHOST_SLOT.originUnresolved;
    case "failure":
    case "servers":
    case "resolved":
    case "probe":
      return undefined;
    default:
      return unreachable(event);
  }
};
