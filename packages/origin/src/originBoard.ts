import type { Clock } from "@basalt/types";
import { type Connector, openConnection } from "./connector.ts";
import type {
  AddressSnapshot,
  DnsEntry,
  OriginBoard,
  OriginMonitoring,
  OriginOutcome,
  OriginSettings,
  OriginView,
} from "./contract.ts";
import type { OriginEvent } from "./events.ts";
import { HostBoard } from "./hostBoard.ts";
import { BOARD_TICK_MS } from "./limits.ts";
import type { OriginResolver } from "./resolver.ts";
import { type Scheduler, unrefScheduler } from "./scheduler.ts";
import type { TransactionListener } from "./transaction.ts";
import type { ViewContent } from "./viewPublisher.ts";

export interface OriginBoardDependencies {
  readonly clock: Clock;
  readonly resolver: OriginResolver;
  /** For all workers; in order for each host. */
  readonly onView: (view: OriginView) => void;
  readonly onEvent: (event: OriginEvent) => void;
  /** Probes and checks that are to be logged (ORG-08, ORG-19). */
  readonly onTransaction?: TransactionListener;
  /** A question to a name server has been answered, or has not. */
  readonly onQuery?: (vhost: string, durationMs: number) => void;
  readonly schedule?: Scheduler;
  readonly connector?: Connector;
}

export const createOriginBoard = (dependencies: OriginBoardDependencies): OriginBoard => new Board(dependencies);

class Board implements OriginBoard {
  readonly #dependencies: OriginBoardDependencies;
  readonly #schedule: Scheduler;
  readonly #hosts = new Map<string, HostBoard>();
  /** Those that have something to do; there may be thousands of others. */
  readonly #busy = new Set<HostBoard>();
  readonly #transactions = new Map<number, ReadonlyMap<string, number>>();
  /** Begins with the time, so that views of a primary that was started again are newer than those before. */
  #version: number;
  #stopTicking: (() => void) | undefined;
  #isClosed = false;

  constructor(dependencies: OriginBoardDependencies) {
    this.#dependencies = dependencies;
    this.#schedule = dependencies.schedule ?? unrefScheduler;
    this.#version = dependencies.clock.now();
  }

  configure(vhosts: readonly OriginSettings[]): void {
    if (this.#isClosed) return;
    const names = new Set(vhosts.map(({ name }) => name));
    for (const [name, host] of this.#hosts) {
      if (names.has(name)) continue;
      host.close();
      this.#hosts.delete(name);
      this.#busy.delete(host);
    }
    for (const settings of vhosts) {
      const known = this.#hosts.get(settings.name);
      if (known === undefined) this.#add(settings);
      else if (known.servers.settings !== settings) known.configure(settings);
    }
    this.#decideTicking();
  }

  report(outcome: OriginOutcome): void {
    this.#hosts.get(outcome.vhost)?.report(outcome);
  }

  reportTransactions(worker: number, byVhost: ReadonlyMap<string, number>): void {
    const before = this.#transactions.get(worker);
    if (byVhost.size === 0) this.#transactions.delete(worker);
    else this.#transactions.set(worker, byVhost);
    for (const vhost of new Set([...(before?.keys() ?? []), ...byVhost.keys()])) {
      this.#hosts.get(vhost)?.setTransactions(this.#sumOf(vhost));
    }
  }

  view(vhost: string): OriginView | undefined {
    const host = this.#hosts.get(vhost);
    return host === undefined ? undefined : this.#number(host.content);
  }

  reset(vhost: string | undefined): boolean {
    const hosts = this.#named(vhost);
    for (const host of hosts) host.reset();
    return vhost === undefined || hosts.length > 0;
  }

  monitoring(vhost: string | undefined): OriginMonitoring | undefined {
    const hosts = this.#named(vhost);
    const now = this.#dependencies.clock.monotonic();
    if (vhost !== undefined && hosts.length === 0) return undefined;
    return { origin: hosts.map((host) => host.servers.monitoring(now)) };
  }

  dnsList(): readonly DnsEntry[] {
    const now = this.#dependencies.clock.monotonic();
    return [...this.#hosts.values()].flatMap((host) => host.servers.dns(now));
  }

  snapshot(vhost: string): readonly AddressSnapshot[] {
    return this.#hosts.get(vhost)?.servers.snapshot() ?? [];
  }

  close(): void {
    this.#isClosed = true;
    for (const host of this.#hosts.values()) host.close();
    this.#hosts.clear();
    this.#busy.clear();
    this.#decideTicking();
  }

  #add(settings: OriginSettings): void {
    const { clock, resolver, connector, onEvent, onTransaction, onQuery } = this.#dependencies;
    const host: HostBoard = new HostBoard(settings, {
      clock,
      resolver,
      schedule: this.#schedule,
      connector: connector ?? openConnection,
      publish: (content) => this.#dependencies.onView(this.#number(content)),
      onEvent,
      onTransaction,
      onQuery: (durationMs) => onQuery?.(settings.name, durationMs),
      onJobsChanged: () => this.#noteJobs(host),
    });
    this.#hosts.set(settings.name, host);
    host.begin(this.#sumOf(settings.name));
  }

  #named(vhost: string | undefined): readonly HostBoard[] {
    if (vhost === undefined) return [...this.#hosts.values()];
    const host = this.#hosts.get(vhost);
    return host === undefined ? [] : [host];
  }

  #sumOf(vhost: string): number {
    let sum = 0;
    for (const counts of this.#transactions.values()) sum += counts.get(vhost) ?? 0;
    return sum;
  }

  #number(content: ViewContent): OriginView {
    this.#version += 1;
    return { ...content, version: this.#version };
  }

  #noteJobs(host: HostBoard): void {
    if (host.hasJobs && this.#hosts.get(host.servers.settings.name) === host) this.#busy.add(host);
    else this.#busy.delete(host);
    this.#decideTicking();
  }

  /** Costs nothing while there is nothing to do. */
  #decideTicking(): void {
    const hasJobs = this.#busy.size > 0;
    if (hasJobs) this.#stopTicking ??= this.#schedule(BOARD_TICK_MS, () => this.#tick());
    if (hasJobs) return;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }

  #tick(): void {
    for (const host of [...this.#busy]) host.tick();
  }
}
