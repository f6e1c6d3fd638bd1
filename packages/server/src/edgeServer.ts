import type { ObjectCache, PinnedVisitor } from "@basalt/cache";
import type { EdgeConfig, Http2Settings, ServerSettings, VhostSettings } from "@basalt/config";
import type { Recipe } from "@basalt/media";
import {
  type ClientRewriter,
  type CountryLookup,
  compileClientRewriter,
  compileVhostTableInSteps,
  type ProductIdentity,
  type PurgeVerb,
  type VhostTable,
} from "@basalt/policy";
import {
  type ClientTransaction,
  type CounterBlock,
  type MarkedRequest,
  PROCESS_SLOT,
  type RequestTrace,
  type TracingRules,
  VHOST_SLOT,
} from "@basalt/telemetry";
import type { Clock } from "@basalt/types";
import { OverloadGates } from "./access/overloadGate.ts";
import type { RateLimiter } from "./access/rateLimiter.ts";
import { clientKeyOf, connectionLimiter, RateLimits } from "./access/rateLimits.ts";
import { Connection } from "./connection.ts";
import { HeldMovies } from "./delivery/heldMovies.ts";
import { readBuffers } from "./delivery/readBuffers.ts";
import { Recipes } from "./delivery/recipes.ts";
import { SlicedPlans } from "./delivery/slicedPlans.ts";
import { DrainLimit } from "./drainLimit.ts";
import type { AcceptListener, ClientSocket, SocketHandler } from "./driver/contract.ts";
import { MediaKnowledge } from "./pacing/mediaKnowledge.ts";
import { Pacer } from "./pacing/pacer.ts";
import { compileBandwidth } from "./pacing/vhostBandwidth.ts";
import { type BypassedPort, PortRelay } from "./portRelay.ts";
import { type ServedName, ServedNames } from "./servedNames.ts";
import { compileServedVhost, type ServedVhost } from "./servedVhost.ts";
import { type CacheVhosts, ServedVhosts } from "./servedVhosts.ts";

/** A PURGE-type request that came in on a service port (PRG-26). */
export interface PurgeCall {
  readonly verb: PurgeVerb;
  /** Host and URL as in `/command/purge?url=`. */
  readonly target: string;
  readonly clientIp: string;
  readonly expireAfterSeconds: number | undefined;
  /** Somebody with the right to has deleted a file of the mount (FS-11): no role is asked for. */
  readonly isOfMount: boolean;
}

export interface PurgeAnswer {
  readonly status: number;
  /** JSON text; empty for a refusal. */
  readonly body: string;
}

/** Who traces requests. */
export interface RequestTracing {
  /** Undefined: those of the host have no traces. */
  rulesOf(settings: VhostSettings): TracingRules | undefined;
  /** A sampled request is over; nothing may be kept of the transaction. */
  finished(trace: RequestTrace, transaction: ClientTransaction): void;
}

export interface EdgeServerParts {
  readonly clock: Clock;
  readonly cache: ObjectCache;
  readonly counters: CounterBlock;
  readonly product: ProductIdentity;
  readonly purge: (call: PurgeCall) => Promise<PurgeAnswer>;
  /** Hears of each finished request, that of no virtual host too; nothing may be kept of the argument. */
  readonly accessLog?: (transaction: ClientTransaction) => void;
  readonly tracing?: RequestTracing;
  /** A response has said which queries of its path make no difference: objects are found under other URLs from now on. */
  readonly onSearchRule?: (news: { readonly vhost: string; readonly path: string; readonly value: string }) => void;
  /** Whether the server lets a client in at all (ACL-10). */
  readonly serviceAccess?: (remoteAddress: string) => boolean;
  /** What an authority that is issuing a certificate is to find at that path (RFC 8555 8.3). */
  readonly challengePage?: (target: string) => string | undefined;
  /** A client was turned away because of `<ConnectionRate>`. */
  readonly onTooOften?: (remoteAddress: string) => void;
  /** The country of a client address; undefined when it is not known (ACL-05). */
  readonly countryOf?: CountryLookup;
  /** Unexpected failures: each is a defect to be mended. `request`: that it happened to, if it is known. */
  readonly onDefect: (error: unknown, request?: MarkedRequest) => void;
}

export type ClientLimits = ServerSettings["cache"]["clientLimits"];

/** What one configuration means for requests; replaced as a whole, so that each request sees exactly one. */
export interface ServingState {
  readonly generation: number;
  readonly table: VhostTable;
  readonly served: { get(name: string): ServedVhost | undefined };
  /** Where the requests for a name of the table come to. */
  readonly names: { get(name: string): ServedName | undefined };
  /** Rules of `<Vhosts><URLRewrite>`; undefined without any. */
  readonly rewriter: ClientRewriter | undefined;
  /** By the port that clients connect to. */
  readonly bypassedPorts: ReadonlyMap<number, BypassedPort>;
  readonly limits: ClientLimits;
  readonly http2: Http2Settings;
  readonly maxConnections: number;
  readonly reopenConnections: number;
}

/** A client connection, whatever is spoken on it. */
export interface ServedConnection {
  destroy(): void;
  /** OPT-65. */
  closeIfIdle(monotonicMs: number): void;
  checkDeadline(monotonicMs: number): void;
  /** What the client has not taken yet. */
  visitPinned(visit: PinnedVisitor): void;
  /** Of the virtual host of its last request; -1 without one. */
  readonly block: number;
  /** Counts what has moved so far. */
  countProgress(): void;
  /** Takes no more requests and tells the client, where the protocol has a way to; of connections to that port only. */
  announceEnd?(localPort?: number): void;
}

/**
 * The request side of an accept worker: connections, their requests, and the configuration that they see. Knows no
 * process and no port; its owner hands it accepted sockets.
 */
export class EdgeServer {
  readonly #overloadGates = new OverloadGates();
  readonly parts: EdgeServerParts;
  /** What clients may do how often; the owner tells workers of each other's counts. */
  readonly rateLimits = new RateLimits();
  readonly recipes = new Recipes();
  readonly movies = new HeldMovies();
  /** Of sections of those films. */
  readonly plans = new SlicedPlans<Recipe | undefined>();
  /** Of all responses that are slowed down. */
  readonly pacer: Pacer;
  readonly media = new MediaKnowledge();
  readonly #connections = new Set<ServedConnection>();
  /** New connections of one client; undefined: without limit. */
  #connectionRate: RateLimiter | undefined;
  #state: ServingState;
  /** Those of the state. */
  #served: ServedVhosts | undefined;
  #draining = false;
  readonly #drainLimit = new DrainLimit(() => {
    for (const connection of [...this.#connections]) connection.destroy();
  });
  #refusing = false;
  #isEmergency = false;
  #isBypassing = false;
  #interval = 0;
  /** Connections by the block that they count on. */
  #sessions = new Map<number, number>();

  constructor(parts: EdgeServerParts) {
    this.parts = parts;
    this.pacer = new Pacer(parts.clock, parts.onDefect);
    this.#state = EMPTY_STATE;
  }

  get state(): ServingState {
    return this.#state;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** No memory may be taken for content (OPT-61): only what is loaded is served, as it is. */
  get isEmergency(): boolean {
    return this.#isEmergency;
  }

  setEmergency(isActive: boolean): void {
    this.#isEmergency = isActive;
  }

  /** There is no store: every request goes to the origin (CFG-43). */
  get isBypassing(): boolean {
    return this.#isBypassing;
  }

  setBypassing(isBypassing: boolean): void {
    this.#isBypassing = isBypassing;
  }

  /** Names the present interval of the figures. */
  get interval(): number {
    return this.#interval;
  }

  /** Brings the counters to this moment. `endsInterval`: connections count as active anew (STAT-27). */
  count(endsInterval: boolean): void {
    const { counters } = this.parts;
    const sessions = new Map<number, number>();
    for (const connection of this.#connections) {
      connection.countProgress();
      const { block } = connection;
      if (block >= 0) sessions.set(block, (sessions.get(block) ?? 0) + 1);
    }
    for (const block of this.#sessions.keys()) {
      if (!sessions.has(block)) counters.set(block + VHOST_SLOT.clientSessions, 0);
    }
    for (const [block, count] of sessions) counters.set(block + VHOST_SLOT.clientSessions, count);
    this.#sessions = sessions;
    if (endsInterval) this.#interval += 1;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Puts a configuration in service; `share` of 1/n of the connection limits belongs to this worker. */
  configure(config: EdgeConfig, cacheVhosts: CacheVhosts, share: number): void {
    const steps = this.prepare(config, cacheVhosts, share);
    for (;;) {
      const step = steps.next();
      if (step.done !== true) continue;
      step.value();
      return;
    }
  }

  /** Makes a configuration ready in small steps; the result puts it in service. Not two at a time. */
  *prepare(config: EdgeConfig, cacheVhosts: CacheVhosts, share: number): Generator<void, () => void> {
    this.rateLimits.beginConfiguration();
    const { tracing, counters } = this.parts;
    const served = new ServedVhosts(cacheVhosts, (settings, cache) =>
      compileServedVhost(
        settings,
        cache,
        tracing?.rulesOf(settings),
        this.rateLimits,
        compileBandwidth(settings, this.pacer),
        this.#overloadGates.guardOf(settings.name, settings.options.overload, share),
      ),
    );
    yield* served.add(config);
    const names = new ServedNames(served, counters);
    yield* names.add(config);
    const bypassedPorts = new Map<number, BypassedPort>();
    for (const { name, status, portBypass } of config.vhosts) {
      const vhost = status === "Active" && portBypass.length > 0 ? served.get(name) : undefined;
      if (vhost === undefined) continue;
      for (const { port, originPort } of portBypass) bypassedPorts.set(port, { vhost, originPort });
    }
    const table = yield* compileVhostTableInSteps(config);
    const { maxSockets, maxSocketsReopen, clientLimits, http2 } = config.server.cache;
    const maxConnections = Math.max(1, Math.floor(maxSockets / share));
    const state: ServingState = {
      generation: config.generation,
      table,
      served,
      names,
      rewriter: compileClientRewriter(config.urlRewrites),
      bypassedPorts,
      limits: clientLimits,
      http2,
      maxConnections,
      reopenConnections: Math.floor((maxConnections * maxSocketsReopen) / 100),
    };
    return () => {
      this.#connectionRate = connectionLimiter(config.server.host.connectionRate, this.rateLimits);
      this.rateLimits.endConfiguration();
      this.#overloadGates.keepOnly(new Set(config.vhosts.map(({ name }) => name)));
      const capped = [...served.compiled].filter(({ bandwidth }) => bandwidth?.gate !== undefined);
      this.pacer.keepGates(new Set(capped.map(({ name }) => name)));
      if (this.#served !== undefined) served.goOnWith(this.#served);
      this.#served = served;
      this.#state = state;
    };
  }

  /** Listener for a socket that is bound to `localPort`. */
  acceptor(localPort: number): AcceptListener {
    return (socket, attach) => {
      if (this.admits(socket.remoteAddress)) this.serve(socket, attach, localPort);
      else socket.destroy();
    };
  }

  /** Whether a new connection may come in; to be asked once for each, before anything is read from it. */
  admits(remoteAddress: string): boolean {
    const { counters, serviceAccess } = this.parts;
    if (serviceAccess?.(remoteAddress) === false) {
      counters.add(PROCESS_SLOT.accessDenied, 1);
      return false;
    }
    if (this.#connectionRate !== undefined && this.#comesTooOften(remoteAddress, this.#connectionRate)) return false;
    if (this.#isFull()) {
      counters.add(PROCESS_SLOT.connectionsRefused, 1);
      return false;
    }
    counters.add(PROCESS_SLOT.connectionsAccepted, 1);
    counters.add(PROCESS_SLOT.accessAllowed, 1);
    return true;
  }

  #comesTooOften(remoteAddress: string, limiter: RateLimiter): boolean {
    const { clock, counters, onTooOften } = this.parts;
    if (limiter.take(clientKeyOf(remoteAddress), clock.now()) === 0) return false;
    counters.add(PROCESS_SLOT.accessDenied, 1);
    onTooOften?.(remoteAddress);
    return true;
  }

  /** Serves a connection that has been admitted. */
  serve(socket: ClientSocket, attach: (handler: SocketHandler) => void, localPort: number): void {
    const bypassed = this.#state.bypassedPorts.get(localPort);
    if (bypassed !== undefined) {
      const relay = new PortRelay(this, socket, localPort, bypassed);
      this.#connections.add(relay);
      attach(relay);
      relay.start(bypassed.originPort);
      return;
    }
    const connection = new Connection(this, socket, localPort);
    this.#connections.add(connection);
    attach(connection);
  }

  /** Takes charge of an admitted connection that is not served by `serve`: of its deadlines, and of its end. */
  enlist(connection: ServedConnection): void {
    this.#connections.add(connection);
  }

  /** The connection goes on under another object, which has been served or enlisted. */
  replaced(connection: ServedConnection): void {
    this.#connections.delete(connection);
  }

  forget(connection: ServedConnection): void {
    if (this.#connections.delete(connection)) this.parts.counters.add(PROCESS_SLOT.connectionsClosed, 1);
    if (this.#draining && this.#connections.size === 0) this.#drainLimit.end();
  }

  /** Ends what has been silent for too long; call about twice a second. */
  sweep(): void {
    const now = this.parts.clock.monotonic();
    for (const connection of this.#connections) {
      if (this.#isEmergency) connection.closeIfIdle(now);
      connection.checkDeadline(now);
    }
  }

  /** The port is listened on no more. */
  leavePort(localPort: number): void {
    for (const connection of this.#connections) connection.announceEnd?.(localPort);
  }

  /** What clients have not taken yet and what is being read for them. */
  visitPinned(visit: PinnedVisitor): void {
    for (const connection of this.#connections) connection.visitPinned(visit);
    readBuffers.visitInUse(visit);
  }

  /**
   * Lets connections finish: each response from now on closes its connection, idle ones end with their keep-alive
   * time. Resolves when none is left or `limitMs` has passed; then the rest is cut. Another call may shorten the limit.
   */
  drain(limitMs: number): Promise<void> {
    this.#draining = true;
    for (const connection of this.#connections) connection.announceEnd?.();
    if (this.#connections.size === 0) return Promise.resolve();
    this.#drainLimit.shorten(limitMs);
    return this.#drainLimit.over;
  }

  /** OPT-24, OPT-25: beyond the maximum new connections are closed until enough have gone. */
  #isFull(): boolean {
    const open = this.#connections.size;
    if (this.#refusing) this.#refusing = open > this.#state.reopenConnections;
    else this.#refusing = open >= this.#state.maxConnections;
    return this.#refusing;
  }
}

const EMPTY_STATE: ServingState = {
  generation: 0,
  table: { select: () => undefined, find: () => undefined },
  served: new Map(),
  names: new Map(),
  rewriter: undefined,
  bypassedPorts: new Map(),
  http2: {
    maxConcurrentStreams: 128,
    idleTimeoutSeconds: 60,
    streamWindowBytes: 256 * 1024,
    connectionWindowBytes: 1024 * 1024,
    connectionMemoryBytes: 10 * 1024 * 1024,
    maxResets: 300,
    maxPings: 100,
    maxSettings: 20,
    maxControlBytes: 256 * 1024,
  },
  limits: {
    targetBytes: 8192,
    headBytes: 32768,
    fieldCount: 128,
    bodyBytes: 0,
    headTimeoutSeconds: 15,
    bodyTimeoutSeconds: 30,
    sendTimeoutSeconds: 60,
    trailerBytes: 8192,
    ranges: 16,
  },
  maxConnections: 1,
  reopenConnections: 0,
};
