import type { LookupFunction } from "node:net";
import type { OriginAddress, VhostSettings } from "@basalt/config";
import { type Clock, EdgeError } from "@basalt/types";
import { AddressConnections } from "./addressConnections.ts";
import { AddressSelector } from "./addressSelector.ts";
import { type AddressSnapshot, AddressStates } from "./addressStates.ts";
import { Attempt, type AttemptListener, type AttemptPlan } from "./attempt.ts";
import { type Connector, openConnection } from "./connector.ts";
import type {
  OriginCounters,
  OriginExchange,
  OriginHandler,
  OriginPool,
  OriginRequest,
  OriginTunnel,
} from "./contract.ts";
import { failureReasonOf, type OriginEvent } from "./events.ts";
import { Exchange } from "./exchange.ts";
import { probeListener } from "./recoveryProbe.ts";
import { RecoveryProber, type Scheduler, unrefScheduler } from "./recoveryProber.ts";
import { decideHost, type PreparedHead, prefixTarget, prepareHead } from "./requestHead.ts";

/** What the pool reads of a virtual host. */
export type OriginSettings = Pick<VhostSettings, "name" | "origin" | "originOptions">;

export interface OriginPoolDependencies {
  readonly clock: Clock;
  readonly onEvent: (event: OriginEvent) => void;
  /** Resolves domain addresses; the system's resolver when absent. */
  readonly lookup?: LookupFunction;
  readonly connector?: Connector;
  readonly schedule?: Scheduler;
}

/** A pool whose view of the addresses can be shared with other workers. */
export interface SharedOriginPool extends OriginPool {
  snapshot(): readonly AddressSnapshot[];
  apply(snapshots: readonly AddressSnapshot[]): void;
}

export const createOriginPool = (vhost: OriginSettings, dependencies: OriginPoolDependencies): SharedOriginPool =>
  new VhostOriginPool(vhost, dependencies);

interface Target {
  readonly address: OriginAddress;
  readonly connections: AddressConnections;
}

class VhostOriginPool implements SharedOriginPool {
  readonly counters: OriginCounters = newCounters();
  readonly #vhost: OriginSettings;
  readonly #onEvent: (event: OriginEvent) => void;
  readonly #targets: readonly Target[];
  readonly #states: AddressStates;
  readonly #selector: AddressSelector;
  readonly #prober: RecoveryProber;
  #active = 0;
  #closed = false;
  readonly #onIdle: (() => void)[] = [];

  constructor(vhost: OriginSettings, dependencies: OriginPoolDependencies) {
    const options = vhost.originOptions;
    this.#vhost = vhost;
    this.#onEvent = dependencies.onEvent;
    this.#targets = [...vhost.origin.addresses, ...vhost.origin.standby].map((address) => ({
      address,
      connections: new AddressConnections({
        endpoint: { address: address.text, host: bareHost(address), port: address.port, lookup: dependencies.lookup },
        connector: dependencies.connector ?? openConnection,
        reuseTimeoutMs: options.reuseTimeoutSeconds * 1000,
        onConnect: () => {
          this.counters.connections += 1;
        },
      }),
    }));
    this.#states = new AddressStates(
      vhost.origin.addresses.map((address) => address.text),
      vhost.origin.standby.map((address) => address.text),
      { exclusion: options.exclusion, recovery: options.recovery.count },
    );
    this.#selector = new AddressSelector(
      options.balanceMode,
      this.#targets.map((target) => target.address.text),
      (index) => this.#targets[index]?.connections.hasIdle ?? false,
    );
    this.#prober = new RecoveryProber(
      options.recovery.cycleSeconds * 1000,
      dependencies.clock,
      dependencies.schedule ?? unrefScheduler,
      (index, done) => this.#probe(index, done),
      (index, successful) => this.#recordProbe(index, successful),
    );
  }

  get active(): number {
    return this.#active;
  }

  send(request: OriginRequest, handler: OriginHandler): OriginExchange {
    return this.#begin(request, handler, undefined, () => {});
  }

  upgrade(request: OriginRequest, handler: OriginHandler): Promise<OriginTunnel | undefined> {
    return new Promise((resolve) => {
      const ending: OriginHandler = {
        onStart: (exchange) =>
          handler.onStart?.({
            resume: () => exchange.resume(),
            abort: () => {
              exchange.abort();
              resolve(undefined);
            },
          }),
        onInformation: (status, fields) => handler.onInformation?.(status, fields),
        onHead: (head) => handler.onHead(head),
        onData: (chunk) => handler.onData(chunk),
        onComplete: (trailers) => {
          handler.onComplete(trailers);
          resolve(undefined);
        },
        onError: (error) => {
          handler.onError(error);
          resolve(undefined);
        },
      };
      this.#begin(request, ending, "upgrade", (tunnel) => resolve(tunnel));
    });
  }

  snapshot(): readonly AddressSnapshot[] {
    return this.#states.snapshot();
  }

  apply(snapshots: readonly AddressSnapshot[]): void {
    this.#states.apply(snapshots);
    this.#watchExcluded();
  }

  /** Refuses new requests and ends idle connections now; resolves when the exchanges and tunnels in progress are over. */
  close(): Promise<void> {
    this.#closed = true;
    this.#prober.stop();
    for (const target of this.#targets) target.connections.close();
    if (this.#active === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #begin(
    request: OriginRequest,
    handler: OriginHandler,
    purpose: "upgrade" | undefined,
    onTunnel: (tunnel: OriginTunnel) => void,
  ): OriginExchange {
    const exchange = new Exchange(
      request,
      handler,
      {
        choose: (target, except) => this.#choose(target, except),
        recordSuccess: (index) => this.#states.recordSuccess(index),
        recordFailure: (index, error) => this.#recordFailure(index, error),
        onEnd: () => this.#endExchange(),
      },
      (tunnelHead, socket) => onTunnel({ head: tunnelHead, socket }),
    );
    this.#active += 1;
    handler.onStart?.(exchange);
    try {
      const head = prepareHead(request);
      if (purpose === "upgrade" && head.upgrade === undefined) {
        throw new EdgeError("INTERNAL", { detail: "upgrade without an Upgrade field" });
      }
      if (this.#closed) throw new EdgeError("SHUTTING_DOWN", { detail: "origin pool is closed" });
      const index = this.#choose(request.target, undefined);
      if (index === undefined) {
        throw new EdgeError("ORIGIN_UNAVAILABLE", { detail: `no address of ${this.#vhost.name} is in service` });
      }
      exchange.start(index, (next, fresh, listener) => this.#prepare(request, head, purpose, next, fresh, listener));
    } catch (cause) {
      exchange.refuse(EdgeError.from(cause));
    }
    return exchange;
  }

  #choose(target: string, except: number | undefined): number | undefined {
    const inService = this.#states.inService;
    const candidates = except === undefined ? inService : inService.filter((index) => index !== except);
    return this.#selector.choose(candidates, target);
  }

  #prepare(
    request: OriginRequest,
    head: PreparedHead,
    purpose: "upgrade" | undefined,
    index: number,
    fresh: boolean,
    listener: AttemptListener,
  ): Attempt {
    const { address, connections } = this.#target(index);
    const plan: AttemptPlan = {
      address: address.text,
      method: request.method,
      path: prefixTarget(request.target, address),
      fields: ["host", decideHost(head.host, this.#vhost.originOptions.host, address), ...head.fields],
      body: request.body,
      upgrade: purpose === "upgrade" ? head.upgrade : undefined,
      ...this.#timeouts(request.mode),
      fresh,
    };
    return new Attempt(plan, connections, listener, this.counters);
  }

  #timeouts(mode: OriginRequest["mode"]): Pick<AttemptPlan, "connectTimeoutMs" | "receiveTimeoutMs"> {
    const options = this.#vhost.originOptions;
    return mode === "bypass"
      ? {
          connectTimeoutMs: options.bypassConnectTimeoutSeconds * 1000,
          receiveTimeoutMs: options.bypassReceiveTimeoutSeconds * 1000,
        }
      : {
          connectTimeoutMs: options.connectTimeoutSeconds * 1000,
          receiveTimeoutMs: options.receiveTimeoutSeconds * 1000,
        };
  }

  #target(index: number): Target {
    const target = this.#targets[index];
    if (target === undefined) throw new EdgeError("INTERNAL", { detail: `no origin address ${index}` });
    return target;
  }

  #recordFailure(index: number, error: EdgeError): void {
    const reason = failureReasonOf(error);
    if (reason === undefined) return;
    const address = this.#target(index).address.text;
    this.#onEvent({ kind: "failure", address, reason, detail: error.detail });
    if (!this.#states.recordFailure(index)) return;
    this.#onEvent({ kind: "excluded", address, reason });
    this.#watchExcluded();
  }

  #recordProbe(index: number, successful: boolean): void {
    if (!this.#states.recordProbe(index, successful)) return;
    this.#onEvent({ kind: "recovered", address: this.#target(index).address.text, reason: "Probe" });
    this.#watchExcluded();
  }

  #watchExcluded(): void {
    const isProbed = !this.#closed && this.#vhost.originOptions.recovery.count > 0;
    this.#prober.watch(isProbed ? this.#states.excluded : []);
  }

  /** Default Host and the configured User-Agent, nothing else (ORG-50); not part of the traffic counters. */
  #probe(index: number, done: (successful: boolean) => void): () => void {
    const { address, connections } = this.#target(index);
    const { recovery, host, userAgent } = this.#vhost.originOptions;
    const plan: AttemptPlan = {
      address: address.text,
      method: "GET",
      path: prefixTarget(recovery.uri, address),
      fields: [
        "host",
        decideHost(undefined, host, address),
        ...(userAgent === "" || userAgent === "*" ? [] : ["user-agent", userAgent]),
      ],
      body: { kind: "none" },
      upgrade: undefined,
      ...this.#timeouts("cache"),
      fresh: true,
    };
    const listener = probeListener(recovery.resCodes, () => attempt.abort(), done);
    const attempt = new Attempt(plan, connections, listener, newCounters());
    attempt.start();
    return () => attempt.abort();
  }

  #endExchange(): void {
    this.#active -= 1;
    if (this.#active === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

const newCounters = (): OriginCounters => ({
  requests: 0,
  requestBytes: 0,
  responseHeadBytes: 0,
  responseBodyBytes: 0,
  responses: [0, 0, 0, 0, 0, 0],
  connectFailures: 0,
  receiveTimeouts: 0,
  closedEarly: 0,
  connections: 0,
});

/** An IPv6 address may be written in brackets in a URL only. */
const bareHost = (address: OriginAddress): string => address.host.replace(/^\[(.*)\]$/, "$1");
