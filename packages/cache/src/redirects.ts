import type { OriginAddress, VhostSettings } from "@basalt/config";
import { getField } from "@basalt/http";
import {
  CLASS_COUNTER_NAMES,
  COUNTER_NAMES,
  type OriginCounters,
  type OriginExchange,
  type OriginHandler,
  type OriginPool,
  type OriginRequest,
  type OriginResponseHead,
  type OriginSettings,
  type OriginTunnel,
  type PrivateSession,
} from "@basalt/origin";
import { allowedAddresses, decideRedirect, type FollowedRedirect, fieldsForElsewhere } from "@basalt/policy";
import { EdgeError, unreachable } from "@basalt/types";

/** Body of a redirect that is held while it is decided whether to follow, or read to its end to keep the connection. */
const HELD_BYTES = 64 * 1024;

/** Far more failures than one request can bring. */
const NEVER_EXCLUDED = 1_000_000;

export interface RedirectParts {
  readonly settings: Pick<VhostSettings, "name" | "aliases" | "origin" | "originOptions">;
  /** IP addresses that a name stands for now; an IP address stands for itself. Rejects when there are none. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** A pool for servers that are not the host's own. */
  readonly openPool: (settings: OriginSettings) => OriginPool;
}

type Elsewhere = FollowedRedirect & { readonly kind: "elsewhere" };

/**
 * A pool whose requests for the cache follow a redirect once (`<RedirectionTrace>`, ORG-55): whoever asks gets the
 * answer that the redirect leads to, whatever that is. A redirect that is not followed is an answer like any other.
 */
export const followRedirects = (pool: OriginPool, parts: RedirectParts): OriginPool => new FollowingPool(pool, parts);

class FollowingPool implements OriginPool {
  readonly #pool: OriginPool;
  readonly #parts: RedirectParts;

  constructor(pool: OriginPool, parts: RedirectParts) {
    this.#pool = pool;
    this.#parts = parts;
  }

  send(request: OriginRequest, handler: OriginHandler): OriginExchange {
    if (request.mode !== "cache" || request.method !== "GET") return this.#pool.send(request, handler);
    const exchange = new FollowingExchange(this.#pool, this.#parts, request, handler);
    exchange.start();
    return exchange;
  }

  upgrade(request: OriginRequest, handler: OriginHandler): Promise<OriginTunnel | undefined> {
    return this.#pool.upgrade(request, handler);
  }

  nominate(request: OriginRequest): OriginAddress | undefined {
    return this.#pool.nominate(request);
  }

  openPrivateSession(onEnd?: () => void): PrivateSession {
    return this.#pool.openPrivateSession(onEnd);
  }

  connect(...given: Parameters<OriginPool["connect"]>): () => void {
    return this.#pool.connect(...given);
  }

  get active(): number {
    return this.#pool.active;
  }

  get transactions(): number {
    return this.#pool.transactions;
  }

  get counters(): OriginCounters {
    return this.#pool.counters;
  }

  get localCounters(): OriginCounters {
    return this.#pool.localCounters;
  }

  beginInterval(): void {
    this.#pool.beginInterval();
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** The redirect, as long as it is not clear whether it is the answer. */
interface HeldAnswer {
  readonly head: OriginResponseHead;
  readonly chunks: Buffer[];
  end: { readonly trailers: readonly string[] } | { readonly error: EdgeError } | undefined;
}

/** Callbacks of the first exchange go to `#first…`; once it is let go of they only count what still comes. */
class FollowingExchange implements OriginExchange {
  readonly #pool: OriginPool;
  readonly #parts: RedirectParts;
  readonly #request: OriginRequest;
  readonly #handler: OriginHandler;
  #first: OriginExchange | undefined;
  #second: OriginExchange | undefined;
  #held: HeldAnswer | undefined;
  #heldBytes = 0;
  #state: "first" | "held" | "followed" | "over" = "first";

  constructor(pool: OriginPool, parts: RedirectParts, request: OriginRequest, handler: OriginHandler) {
    this.#pool = pool;
    this.#parts = parts;
    this.#request = request;
    this.#handler = handler;
  }

  start(): void {
    this.#handler.onStart?.(this);
    const started = this.#pool.send(this.#request, {
      onStart: (exchange) => {
        this.#first = exchange;
      },
      onInformation: (status, fields) => this.#handler.onInformation?.(status, fields),
      onHead: (head) => this.#firstHead(head),
      onData: (chunk) => this.#firstData(chunk),
      onComplete: (trailers) => this.#firstEnd({ trailers }),
      onError: (error) => this.#firstEnd({ error }),
    });
    this.#first = started;
  }

  resume(): void {
    if (this.#state === "first") this.#first?.resume();
    else if (this.#state === "followed") this.#second?.resume();
  }

  abort(): void {
    this.#state = "over";
    this.#held = undefined;
    this.#first?.abort();
    this.#second?.abort();
  }

  #firstHead(head: OriginResponseHead): void {
    const followed = this.#decide(head);
    if (followed === undefined) {
      this.#handler.onHead(head);
      return;
    }
    this.#state = "held";
    this.#held = { head, chunks: [], end: undefined };
    switch (followed.kind) {
      case "own":
        this.#follow(this.#pool, { ...this.#request, target: followed.target });
        return;
      case "elsewhere":
        void this.#followElsewhere(followed);
        return;
      default:
        unreachable(followed);
    }
  }

  #decide(head: OriginResponseHead): FollowedRedirect | undefined {
    const { settings } = this.#parts;
    const address = addressOf(head.address, settings);
    if (address === undefined) return undefined;
    const { target, fields } = this.#request;
    const host = getField(fields, "host") ?? configuredHost(settings);
    return decideRedirect(head, { target, address, host }, settings);
  }

  #firstData(chunk: Buffer): boolean {
    if (this.#state === "first") return this.#handler.onData(chunk);
    this.#heldBytes += chunk.length;
    const isShort = this.#heldBytes <= HELD_BYTES;
    if (this.#state === "held") {
      this.#held?.chunks.push(chunk);
      return isShort;
    }
    if (!isShort) this.#first?.abort();
    return true;
  }

  #firstEnd(end: NonNullable<HeldAnswer["end"]>): void {
    if (this.#state === "first") this.#deliverEnd(end);
    else if (this.#held !== undefined) this.#held.end = end;
  }

  #deliverEnd(end: NonNullable<HeldAnswer["end"]>): void {
    if ("error" in end) this.#handler.onError(end.error);
    else this.#handler.onComplete(end.trailers);
  }

  async #followElsewhere(place: Elsewhere): Promise<void> {
    const { settings, resolve, openPool } = this.#parts;
    try {
      const ips = await resolve(place.host);
      if (this.#state !== "held") return;
      const allowed = allowedAddresses(place.host, ips, settings.originOptions.redirectionTrace.allow);
      if (allowed.length === 0) {
        this.#deliverHeld();
        return;
      }
      const pool = openPool(settingsFor(place, allowed, settings));
      const { target } = place;
      this.#follow(pool, { ...this.#request, target, fields: fieldsForElsewhere(this.#request.fields) }, () => {
        addCounts(this.#pool.counters, pool.counters);
        addCounts(this.#pool.localCounters, pool.localCounters);
        void pool.close();
      });
    } catch (cause) {
      if (this.#state !== "held") return;
      this.abort();
      const detail = `${place.hostField}, where a redirect leads: ${EdgeError.from(cause).detail}`;
      this.#handler.onError(new EdgeError("ORIGIN_CONNECT_FAILED", { detail, cause }));
    }
  }

  /** The redirect is the answer after all. */
  #deliverHeld(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#state = "first";
    this.#handler.onHead(held.head);
    let isWanted = true;
    for (const chunk of held.chunks) if (this.#isFirst) isWanted = this.#handler.onData(chunk);
    if (!this.#isFirst) return;
    if (held.end !== undefined) this.#deliverEnd(held.end);
    else if (isWanted) this.#first?.resume();
  }

  /** For the compiler: calls in between may have changed the state. */
  get #isFirst(): boolean {
    return this.#state === "first";
  }

  /** What is short of the redirect's body is read to its end, so that its connection can be used again. */
  #follow(pool: OriginPool, request: OriginRequest, onEnd: () => void = () => {}): void {
    const handler = this.#handler;
    this.#state = "followed";
    this.#held = undefined;
    if (this.#heldBytes > HELD_BYTES) this.#first?.abort();
    let hasEnded = false;
    const end = (): void => {
      if (!hasEnded) onEnd();
      hasEnded = true;
    };
    const second = pool.send(request, {
      onInformation: (status, fields) => handler.onInformation?.(status, fields),
      onHead: (head) => handler.onHead(head),
      onData: (chunk) => handler.onData(chunk),
      onComplete: (trailers) => {
        end();
        handler.onComplete(trailers);
      },
      onError: (error) => {
        end();
        handler.onError(error);
      },
    });
    this.#second = {
      resume: () => second.resume(),
      abort: () => {
        second.abort();
        end();
      },
    };
  }
}

/** The address that answered: `OriginResponseHead.address` is its text, with the IP behind it where it is a name. */
const addressOf = (answered: string, { origin }: Pick<VhostSettings, "origin">): OriginAddress | undefined =>
  [...origin.addresses, ...origin.standby].find(({ text }) => answered === text || answered.startsWith(`${text} `));

const configuredHost = ({ originOptions }: Pick<VhostSettings, "originOptions">): string | undefined =>
  originOptions.host === "" || originOptions.host === "*" ? undefined : originOptions.host;

/**
 * Only the addresses that have been looked at are connected; each request has connections of its own. A certificate has
 * to be for the name.
 */
const settingsFor = (
  place: Elsewhere,
  ips: readonly string[],
  { originOptions }: RedirectParts["settings"],
): OriginSettings => ({
  name: place.host,
  origin: {
    addresses: ips.map((ip) => ({
      text: `${ip.includes(":") ? `[${ip}]` : ip}:${place.port}`,
      scheme: place.scheme,
      host: ip,
      port: place.port,
      isIp: true,
      pathPrefix: "",
      weight: 1,
      countries: [],
      hostField: place.hostField,
    })),
    standby: [],
    healthCheckers: [],
  },
  originOptions: {
    ...originOptions,
    host: "",
    exclusion: NEVER_EXCLUDED,
    maxSessions: { count: 0, queue: 0 },
    reuseTimeoutSeconds: 0,
  },
});

/** The other pool is done: its connections close now, which nobody counts any more. */
const addCounts = (total: OriginCounters, more: OriginCounters): void => {
  more.connectionsClosed = more.connections;
  for (const name of COUNTER_NAMES) total[name] += more[name];
  for (const name of CLASS_COUNTER_NAMES) {
    for (let group = 1; group <= 5; group++) total[name][group] = (total[name][group] ?? 0) + (more[name][group] ?? 0);
  }
};
