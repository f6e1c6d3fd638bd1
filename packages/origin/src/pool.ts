import type { OriginAddress } from "@basalt/config";
import { type Clock, EdgeError, systemClock } from "@basalt/types";
import { Attempt, type AttemptListener, type AttemptPlan } from "./attempt.ts";
import { BoundSession } from "./boundSession.ts";
import { type ConnectCallback, type Connector, openConnection } from "./connector.ts";
import type {
  AddressSnapshot,
  OriginCounters,
  OriginExchange,
  OriginHandler,
  OriginOutcome,
  OriginPool,
  OriginRequest,
  OriginSettings,
  OriginTunnel,
  OriginView,
  PrivateSession,
} from "./contract.ts";
import { isLoopback, OriginTally } from "./counters.ts";
import { endpointOf } from "./endpoint.ts";
import { failureReasonOf, type OriginEvent } from "./events.ts";
import { Exchange } from "./exchange.ts";
import { forwardTo } from "./forwardingHandler.ts";
import type { PoolServer } from "./poolServer.ts";
import { decideHost, type PreparedHead, prefixTarget, prepareHead } from "./requestHead.ts";
import { ResolutionWaits } from "./resolutionWaits.ts";
import { hasAddress, ServerList } from "./serverList.ts";
import { chooseByKey, ServerSelector } from "./serverSelector.ts";
import { SessionGate } from "./sessionGate.ts";
import type { OriginPurpose, TransactionListener } from "./transaction.ts";

export interface OriginPoolDependencies {
  /** Failures of exchanges, for the log. */
  readonly onEvent: (event: OriginEvent) => void;
  /** What the primary must know of an exchange: failures, and the first normal end after one (ORG-03). */
  readonly onOutcome?: (outcome: OriginOutcome) => void;
  /** Each transaction that has ended, for the origin log. */
  readonly onTransaction?: TransactionListener;
  /** The system's when absent. */
  readonly clock?: Clock;
  readonly connector?: Connector;
  /** This worker's part of `<MaxSessions>`, which all workers have together; see `shareOf`. All of it when absent. */
  readonly share?: (maxSessions: number) => number;
}

/** A pool that follows the views of the primary. Without any it uses the configured IPs. */
export interface SharedOriginPool extends OriginPool {
  /** A view older than the last one, or of another host, is ignored. */
  apply(view: OriginView): void;
  /** By configured address, as the last view tells. */
  snapshot(): readonly AddressSnapshot[];
}

export const createOriginPool = (vhost: OriginSettings, dependencies: OriginPoolDependencies): SharedOriginPool =>
  new VhostOriginPool(vhost, dependencies);

type Purpose = "upgrade" | undefined;

interface PreparedRequest {
  readonly request: OriginRequest;
  readonly head: PreparedHead;
  readonly purpose: Purpose;
  readonly dnsMs: number;
}

/** What a request that looks for a server is told. */
interface ServerSearch {
  readonly request: OriginRequest;
  readonly purpose: Purpose;
  readonly start: (server: PoolServer, isResolved: boolean) => void;
  readonly handOn: () => void;
  readonly refuse: (error: EdgeError) => void;
  readonly whenOver: (task: () => void) => void;
}

const purposeOf = ({ mode, session }: OriginRequest): OriginPurpose => {
  if (mode === "cache") return "cache";
  return session === undefined ? "bypass" : "private";
};

/** AWS-33: those for clients of that country, else those for everybody, else all. */
const serversFor = (country: string | undefined, servers: readonly PoolServer[]): readonly PoolServer[] => {
  const named = servers.filter(({ address }) => country !== undefined && address.countries.includes(country));
  if (named.length > 0) return named;
  const open = servers.filter(({ address }) => address.countries.length === 0);
  return open.length > 0 ? open : servers;
};

/** Servers that are tried for one relayed connection. */
const CONNECT_TRIES = 2;

class VhostOriginPool implements SharedOriginPool {
  readonly #tally = new OriginTally();
  readonly #localTally = new OriginTally(this.#tally);
  readonly #clock: Clock;
  readonly #vhost: OriginSettings;
  readonly #dependencies: OriginPoolDependencies;
  readonly #servers: ServerList;
  readonly #selector: ServerSelector<PoolServer>;
  readonly #gate: SessionGate;
  readonly #sessions = new Set<BoundSession>();
  readonly #waiting = new ResolutionWaits();
  /** Servers whose next normal exchange the primary has to hear of. */
  #suspected = new Set<string>();
  #active = 0;
  /** Exchanges that have begun, those that wait for their turn included. */
  #open = 0;
  #closed = false;
  /** Takes what comes once this one is closed. */
  #successor: OriginPool | undefined;
  readonly #onIdle: (() => void)[] = [];

  constructor(vhost: OriginSettings, dependencies: OriginPoolDependencies) {
    const { balanceMode, maxSessions } = vhost.originOptions;
    this.#vhost = vhost;
    this.#dependencies = dependencies;
    this.#clock = dependencies.clock ?? systemClock;
    this.#servers = new ServerList(vhost, {
      connector: dependencies.connector,
      tallyOf: (ip) => this.#tallyOf(ip),
    });
    this.#selector = new ServerSelector(balanceMode);
    const share = dependencies.share ?? ((count: number) => count);
    this.#gate = new SessionGate(
      () => ({ places: share(maxSessions.count), queue: share(maxSessions.queue) }),
      () => {
        this.#tally.add("refused", 1);
      },
    );
  }

  get counters(): OriginCounters {
    return this.#tally.counters;
  }

  get localCounters(): OriginCounters {
    return this.#localTally.counters;
  }

  beginInterval(): void {
    this.#tally.beginInterval();
  }

  get active(): number {
    return this.#active;
  }

  get transactions(): number {
    return Math.max(this.#active, this.#servers.transactions ?? 0);
  }

  send(request: OriginRequest, handler: OriginHandler): OriginExchange {
    if (this.#successor !== undefined) return this.#successor.send(request, handler);
    return this.#begin(request, handler, undefined, () => {});
  }

  upgrade(request: OriginRequest, handler: OriginHandler): Promise<OriginTunnel | undefined> {
    if (this.#successor !== undefined) return this.#successor.upgrade(request, handler);
    return new Promise((resolve) => {
      const end = (): void => resolve(undefined);
      const onStart = (exchange: OriginExchange): void =>
        handler.onStart?.({
          resume: () => exchange.resume(),
          abort: () => {
            exchange.abort();
            end();
          },
        });
      const ending = forwardTo(handler, onStart, end);
      this.#begin(request, ending, "upgrade", (tunnel) => resolve(tunnel));
    });
  }

  nominate(request: OriginRequest): OriginAddress | undefined {
    if (this.#successor !== undefined) return this.#successor.nominate(request);
    return this.#chooseByClient(request, undefined)?.address;
  }

  openPrivateSession(onEnd: () => void = () => {}): PrivateSession {
    if (this.#successor !== undefined) return this.#successor.openPrivateSession(onEnd);
    const session = new BoundSession(onEnd, (ended) => this.#sessions.delete(ended));
    this.#sessions.add(session);
    return session;
  }

  connect(port: number, callback: ConnectCallback): () => void {
    if (this.#successor !== undefined) return this.#successor.connect(port, callback);
    let giveUp: (() => void) | undefined;
    let isGivenUp = false;
    const tried = new Set<PoolServer>();
    const tryNext = (fallback: EdgeError): void => {
      if (isGivenUp) return;
      const candidates = this.#closed ? [] : this.#servers.inService.filter((server) => !tried.has(server));
      const server = tried.size < CONNECT_TRIES ? this.#selector.choose(candidates, undefined) : undefined;
      if (server === undefined) {
        callback(fallback, null);
        return;
      }
      tried.add(server);
      giveUp = this.#connectTo(server, port, (error, socket) => {
        if (isGivenUp) socket?.destroy();
        else if (error === null) callback(null, socket);
        else tryNext(error);
      });
    };
    queueMicrotask(() => tryNext(this.#unavailable()));
    return () => {
      isGivenUp = true;
      giveUp?.();
    };
  }

  #connectTo(server: PoolServer, port: number, callback: ConnectCallback): () => void {
    const connector = this.#dependencies.connector ?? openConnection;
    const endpoint = { ...endpointOf(this.#vhost, server.address, server.server), port, tls: undefined };
    let isGivenUp = false;
    const giveUp = connector(endpoint, this.#timeouts("bypass").connectTimeoutMs, (error, socket) => {
      if (error === null) this.#recordSuccess(server);
      else if (!isGivenUp) {
        this.#tallyOf(server.server.ip).add("connectFailures", 1);
        this.#recordFailure(server, error);
      }
      if (error === null) callback(null, socket);
      else callback(error, null);
    });
    return () => {
      isGivenUp = true;
      giveUp();
    };
  }

  apply(view: OriginView): void {
    if (!this.#servers.apply(view)) return;
    this.#suspected = new Set(view.suspected);
    for (const session of [...this.#sessions]) {
      if (session.server !== undefined && !this.#servers.isCurrent(session.server)) session.retire();
    }
    this.#waiting.retry();
  }

  snapshot(): readonly AddressSnapshot[] {
    return this.#servers.snapshot();
  }

  close(next?: OriginSettings, successor?: OriginPool): Promise<void> {
    this.#closed = true;
    this.#successor = successor;
    this.#waiting.close(successor !== undefined);
    if (next === undefined) this.#servers.closeAll();
    else this.#servers.retire(next);
    for (const session of [...this.#sessions]) {
      const { server } = session;
      // One without a server has nothing of this configuration yet: its next request is sent by the next one.
      if (next === undefined || (server !== undefined && !hasAddress(next, server))) session.retire();
    }
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #begin(
    request: OriginRequest,
    handler: OriginHandler,
    purpose: Purpose,
    onTunnel: (tunnel: OriginTunnel) => void,
  ): OriginExchange {
    const session = request.session instanceof BoundSession ? request.session : undefined;
    const onEnd: (() => void)[] = [];
    let hasEnded = false;
    const whenOver = (task: () => void): void => {
      if (hasEnded) task();
      else onEnd.push(task);
    };
    const exchange = new Exchange(
      request,
      handler,
      {
        mayRetry: () => session === undefined || purpose === "upgrade" || !session.isFixed,
        choose: (except) => this.#choose(request, purpose, except),
        recordSuccess: (server) => this.#recordSuccess(server),
        recordFailure: (server, error) => this.#recordFailure(server, error),
        onEnd: () => {
          hasEnded = true;
          for (const task of onEnd) task();
          this.#endExchange();
        },
      },
      onTunnel,
    );
    this.#open += 1;
    handler.onStart?.(exchange);
    try {
      const head = prepareHead(request);
      if (purpose === "upgrade" && head.upgrade === undefined) {
        throw new EdgeError("INTERNAL", { detail: "upgrade without an Upgrade field" });
      }
      if (this.#closed) throw new EdgeError("SHUTTING_DOWN", { detail: "origin pool is closed" });
      if (request.session !== undefined && session === undefined) {
        throw new EdgeError("INTERNAL", { detail: "a private session of another kind" });
      }
      if (session?.hasEnded === true) throw new EdgeError("ORIGIN_CLOSED", { detail: "the private session has ended" });
      if (session !== undefined) {
        this.#adopt(session);
        whenOver(session.use(exchange));
      }
      const mayFindServer = this.#servers.inService.length > 0 || this.#servers.isResolving;
      if (!mayFindServer && session?.isFixed !== true) throw this.#unavailable();
      const askedMs = this.#clock.monotonic();
      const start = (server: PoolServer, isResolved: boolean): void => {
        const dnsMs = isResolved ? this.#clock.monotonic() - askedMs : 0;
        exchange.start(server, (next, fresh, listener) =>
          this.#prepare({ request, head, purpose, dnsMs }, next, fresh, listener),
        );
      };
      const { connectTimeoutMs } = this.#timeouts(request.mode);
      const handOn = (): void => this.#handOn(exchange, request, handler, purpose, onTunnel);
      const onTurn = (): void => {
        if (hasEnded) return;
        if (this.#successor !== undefined) {
          // Its place goes to the next one that waits, which is handed on too: one after the other, not one within the other.
          queueMicrotask(handOn);
          return;
        }
        this.#active += 1;
        whenOver(() => {
          this.#active -= 1;
        });
        this.#awaitServer({ request, purpose, start, handOn, refuse: (error) => exchange.refuse(error), whenOver });
      };
      whenOver(this.#gate.enter(connectTimeoutMs, onTurn, (error) => exchange.refuse(error)));
    } catch (cause) {
      exchange.refuse(EdgeError.from(cause));
    }
    return exchange;
  }

  /** Hands a server to `start` now, or as soon as a domain is resolved, at most for as long as a connection may take. */
  #awaitServer({ request, purpose, start, handOn, refuse, whenOver }: ServerSearch): void {
    let hasWaited = false;
    const retry = (): boolean => {
      const server = this.#choose(request, purpose, undefined);
      if (server !== undefined) start(server, hasWaited);
      else if (!this.#servers.isResolving) refuse(this.#unavailable());
      else return false;
      return true;
    };
    if (retry()) return;
    hasWaited = true;
    const giveUp = (): void => refuse(this.#unavailable());
    whenOver(this.#waiting.add({ retry, handOn, giveUp }, this.#timeouts(request.mode).connectTimeoutMs));
  }

  /** What nothing has been sent of yet goes to an origin of the next configuration. */
  #handOn(
    exchange: Exchange,
    request: OriginRequest,
    handler: OriginHandler,
    purpose: Purpose,
    onTunnel: (tunnel: OriginTunnel) => void,
  ): void {
    const successor = this.#successor;
    if (successor === undefined) return;
    exchange.handOn((onStart) => {
      const going = forwardTo(handler, onStart);
      if (purpose === undefined) successor.send(request, going);
      else void successor.upgrade(request, going).then((tunnel) => tunnel !== undefined && onTunnel(tunnel));
    });
  }

  #unavailable(): EdgeError {
    const why = this.#servers.isResolving ? "no address is resolved yet" : "no server is in service";
    return new EdgeError("ORIGIN_UNAVAILABLE", { detail: `${this.#vhost.name}: ${why}` });
  }

  #choose(request: OriginRequest, purpose: Purpose, except: PoolServer | undefined): PoolServer | undefined {
    const session = request.session instanceof BoundSession ? request.session : undefined;
    if (session?.server !== undefined && (session.isFixed || this.#servers.isCurrent(session.server))) {
      if (except === undefined) return session.server;
    }
    const server = this.#chooseByClient(request, except);
    if (server !== undefined && session !== undefined && purpose === undefined) session.bind(server);
    return server;
  }

  #chooseByClient(request: OriginRequest, except: PoolServer | undefined): PoolServer | undefined {
    const { inService, hasCountries } = this.#servers;
    const others = except === undefined ? inService : inService.filter((server) => server !== except);
    const { sticky, affinity, key = request.target, country } = request;
    const kept = sticky === undefined ? undefined : others.find(({ token }) => token === sticky);
    if (kept !== undefined) return kept;
    const candidates = hasCountries ? serversFor(country, others) : others;
    return affinity === undefined ? this.#selector.choose(candidates, key) : chooseByKey(candidates, affinity);
  }

  /** Takes a session over that an earlier pool of the host has begun. */
  #adopt(session: BoundSession): void {
    if (this.#sessions.has(session)) return;
    const server = session.server === undefined ? undefined : this.#servers.find(session.server.id);
    if (session.server !== undefined && server === undefined) return;
    session.moveTo(server, (ended) => this.#sessions.delete(ended));
    this.#sessions.add(session);
  }

  #prepare(
    { request, head, purpose, dnsMs }: PreparedRequest,
    server: PoolServer,
    fresh: boolean,
    listener: AttemptListener,
  ): Attempt {
    const { address, connections } = server;
    const session = request.session instanceof BoundSession && purpose === undefined ? request.session : undefined;
    const plan: AttemptPlan = {
      address: server.id,
      method: request.method,
      path: prefixTarget(request.target, address),
      fields: ["host", decideHost(head.host, this.#vhost.originOptions.host, address), ...head.fields],
      body: request.body,
      upgrade: purpose === "upgrade" ? head.upgrade : undefined,
      ...this.#timeouts(request.mode),
      fresh,
      offersReuse: session !== undefined || server.options.reuseTimeoutMs > 0,
      occasion: {
        vhost: this.#vhost.name,
        server: server.server,
        domain: address.host,
        purpose: purposeOf(request),
        sessionId: request.sessionId ?? 0n,
        cause: request.cause,
        dnsMs,
      },
    };
    return new Attempt(plan, session ?? connections, listener, {
      clock: this.#clock,
      tally: this.#tallyOf(server.server.ip),
      onTransaction: this.#measuring(server),
      running: server.running,
    });
  }

  #measuring(server: PoolServer): TransactionListener | undefined {
    const { onTransaction } = this.#dependencies;
    if (this.#vhost.originOptions.balanceMode !== "Latency") return onTransaction;
    return (transaction) => {
      // One that fails at once is not the soonest to answer.
      if (transaction.status !== 0 && transaction.status < 500)
        server.noteLatency(transaction.connectMs + transaction.sendMs + transaction.firstByteMs);
      onTransaction?.(transaction);
    };
  }

  #tallyOf(ip: string): OriginTally {
    return isLoopback(ip) ? this.#localTally : this.#tally;
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

  #recordSuccess({ id }: PoolServer): void {
    if (this.#suspected.delete(id)) this.#tell(id, "ok");
  }

  #recordFailure({ id }: PoolServer, error: EdgeError): void {
    const reason = failureReasonOf(error);
    if (reason === undefined) return;
    this.#suspected.add(id);
    this.#dependencies.onEvent({ kind: "failure", vhost: this.#vhost.name, server: id, reason, detail: error.detail });
    this.#tell(id, reason);
  }

  #tell(server: string, outcome: OriginOutcome["outcome"]): void {
    this.#dependencies.onOutcome?.({ vhost: this.#vhost.name, server, outcome });
  }

  #endExchange(): void {
    this.#open -= 1;
    if (this.#open === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
