import type { OriginAddress, VhostSettings } from "@basalt/config";
import type { EdgeError } from "@basalt/types";
import type { ConnectCallback } from "./connector.ts";
import type { FailureReason } from "./events.ts";

/** What this package reads of a virtual host. */
export type OriginSettings = Pick<VhostSettings, "name" | "origin" | "originOptions">;

/** One request to an origin. Field arrays are flat: name, value, name, value …, latin1, as they go over the wire. */
export interface OriginRequest {
  readonly method: string;
  /** Path and query string, origin-form, without the path prefix of the address. */
  readonly target: string;
  /** End-to-end fields; the pool adds Host (CFG-12 table) unless present, and framing. */
  readonly fields: readonly string[];
  readonly body: OriginRequestBody;
  /** Which pair of time-outs holds: caching or bypass (BYP-13). */
  readonly mode: "cache" | "bypass";
  /** What `<BalanceMode>` Hash hashes: the URL of the cache key (OPEN 11 of spec 05); `target` when absent. */
  readonly key?: string;
  /** BYP-11: the IP of the client, hashed consistently onto the servers in service. */
  readonly affinity?: string;
  /** AWS-29: `serverToken` of the server that the client is to stay with; ignored while that is not in service. */
  readonly sticky?: string;
  /** AWS-33: of the client, in capitals. */
  readonly country?: string;
  /** BYP-12: the exchange runs on the one connection of this session. */
  readonly session?: PrivateSession;
  /** Of the client connection that causes it, for logs. */
  readonly sessionId?: bigint;
  /** What the request is for, as whoever hears of its transactions knows it; nothing here looks at it. */
  readonly cause?: object;
}

/** `stream`: an async iterable of chunks; contentLength -1 means chunked. A request with a body is sent at most once. */
export type OriginRequestBody =
  | { readonly kind: "none" }
  | { readonly kind: "stream"; readonly contentLength: number; readonly chunks: AsyncIterable<Buffer> };

export interface OriginResponseHead {
  readonly status: number;
  readonly reason: string;
  /** Flat, as received. */
  readonly fields: readonly string[];
  /** Id of the server that answered. */
  readonly address: string;
}

/** Callbacks of one exchange, in order: onInformation*, onHead, onData*, then exactly one of onComplete or onError. */
export interface OriginHandler {
  /** Before anything is sent: the handle of this exchange. The only way to get it for `upgrade`. */
  onStart?(exchange: OriginExchange): void;
  /** Interim 1xx responses. */
  onInformation?(status: number, fields: readonly string[]): void;
  onHead(head: OriginResponseHead): void;
  /** False pauses the origin's socket until `resume`. The chunk belongs to the receiver. */
  onData(chunk: Buffer): boolean;
  onComplete(trailers: readonly string[]): void;
  /** Before or after onHead; the response is not complete. */
  onError(error: EdgeError): void;
}

export interface OriginExchange {
  resume(): void;
  /** The caller no longer wants the answer; no callback follows. */
  abort(): void;
}

/** An established upgrade: raw bytes both ways. */
export interface OriginTunnel {
  readonly head: OriginResponseHead;
  readonly socket: import("node:stream").Duplex;
  /** To be told of what goes through it, for statistics and logs. */
  readonly moved: (sentBytes: number, receivedBytes: number) => void;
}

/**
 * A connection to an origin that belongs to one client connection (BYP-12). Opened by its first exchange; one exchange
 * at a time, a second one waits. When the connection is gone the session has ended and refuses every exchange with
 * ORIGIN_CLOSED: the owner closes the client's connection. An upgrade goes to the same server on a connection of its own.
 */
export interface PrivateSession {
  readonly hasEnded: boolean;
  /** The client has gone: ends the connection and what runs on it. Idempotent. */
  end(): void;
}

/** One server that requests can be sent to: an IP of a configured address. Plain data; crosses processes. */
export interface OriginServer {
  /** For a configured IP the address as configured, else that and the IP: `origin.example.com 10.1.2.3`. Stable. */
  readonly id: string;
  /** Position among the addresses of the host: the active ones in order, then the standby ones. */
  readonly addressIndex: number;
  readonly ip: string;
  readonly port: number;
}

/** What the primary says of the servers of a virtual host; replaces what it said before. */
export interface OriginView {
  readonly vhost: string;
  /** Grows; an older view is ignored. */
  readonly version: number;
  /** Grows with every reset (ORG-27): connections of an earlier epoch are not reused. */
  readonly epoch: number;
  readonly inService: readonly OriginServer[];
  /** A domain has not been resolved yet: requests may wait for a view as long as for a connection. */
  readonly isResolving: boolean;
  /** Ids of servers with failures counted against them: the next normal exchange is to be reported too (ORG-03). */
  readonly suspected: readonly string[];
  /** Transactions in progress in all workers together, as of now; sent at most every 100 ms (ORG-28). */
  readonly transactions: number;
}

/** How an exchange ended, as far as the server is concerned. */
export interface OriginOutcome {
  readonly vhost: string;
  /** Id of the server. */
  readonly server: string;
  readonly outcome: "ok" | FailureReason;
}

/** Body of `/monitoring/origin` (ORG-26), key by key. */
export interface OriginMonitoring {
  readonly origin: readonly HostOriginMonitoring[];
}

export interface HostOriginMonitoring {
  readonly VirtualHost: string;
  readonly Address: readonly Readonly<Record<string, "Active" | "Inactive">>[];
  readonly Address2: readonly Readonly<Record<string, "Active" | "Inactive">>[];
  /** IP to the seconds left of its TTL. */
  readonly ActiveIP: readonly Readonly<Record<string, number>>[];
  readonly InactiveIP: readonly Readonly<Record<string, number>>[];
  /** AWS-25, beyond the guide. */
  readonly State: readonly ServerState[];
}

export interface ServerState {
  /** Id of the server. */
  readonly Server: string;
  readonly State: "InService" | "OutOfService";
  /** The last failure; empty when there was none since the last reset. */
  readonly Reason: string;
}

/** What a domain of a virtual host resolves to (ORG-57). */
export interface DnsEntry {
  readonly vhost: string;
  readonly domain: string;
  /** Until the first of the IPs ends. */
  readonly ttlSeconds: number;
  readonly ips: readonly string[];
}

/** State of one configured address over all its IPs; plain data. */
export interface AddressSnapshot {
  readonly address: string;
  readonly standby: boolean;
  readonly excluded: boolean;
  /** Failures in a row while in service (ORG-03). */
  readonly failures: number;
  /** Successful probes in a row while excluded (ORG-04). */
  readonly probes: number;
}

/** The servers of all virtual hosts and what is known of them. One per host, in the primary. */
export interface OriginBoard {
  /** Hosts that exist from now on; the state of addresses that stay is kept (ORG-21), DNS of each host is its own (ORG-22). */
  configure(vhosts: readonly OriginSettings[]): void;
  /** Reports of unknown hosts and servers are ignored: they may be gone. */
  report(outcome: OriginOutcome): void;
  /** Transactions in progress in one worker, by host; replaces its last report; a worker that is gone reports none. */
  reportTransactions(worker: number, byVhost: ReadonlyMap<string, number>): void;
  /** Undefined: no such host. */
  view(vhost: string): OriginView | undefined;
  /** ORG-27; undefined means all hosts. False: no such host. */
  reset(vhost: string | undefined): boolean;
  /** ORG-26; undefined: no such host. */
  monitoring(vhost: string | undefined): OriginMonitoring | undefined;
  dnsList(): readonly DnsEntry[];
  /** Empty: no such host. */
  snapshot(vhost: string): readonly AddressSnapshot[];
  close(): void;
}

/** Origin servers of one virtual host, as one worker sees them. */
export interface OriginPool {
  send(request: OriginRequest, handler: OriginHandler): OriginExchange;
  /** Hands an upgrade request on; resolves with the tunnel after 101, or with the refusal as an ordinary exchange. */
  upgrade(request: OriginRequest, handler: OriginHandler): Promise<OriginTunnel | undefined>;
  /**
   * AWS-43: the address of the server that this request would go to, for a client that is to go there itself; undefined
   * where none is in service.
   */
  nominate(request: OriginRequest): OriginAddress | undefined;
  /**
   * BYP-12: bound to one server by its first exchange; `affinity` of that request decides which. `onEnd`: the session
   * ended otherwise than by `end()`, whether or not an exchange ran on it.
   */
  openPrivateSession(onEnd?: () => void): PrivateSession;
  /**
   * BYP-21: a TCP connection to a server in service, chosen by `<BalanceMode>`, at `port` instead of its own, within
   * BypassConnectTimeout; another server is tried once where the first cannot be connected. Failures count for
   * `<Exclusion>`. The result gives up; nothing is called then.
   */
  connect(port: number, callback: ConnectCallback): () => void;
  /** Transactions in progress in this worker, tunnels included. */
  readonly active: number;
  /** Transactions in progress in all workers together, as last told (ORG-28); those of this worker while nothing was told. */
  readonly transactions: number;
  /** Bytes and exchanges since the pool was made: with servers elsewhere, and with those on loopback addresses. */
  readonly counters: OriginCounters;
  readonly localCounters: OriginCounters;
  /** Another interval of the figures begins: connections count as active anew. */
  beginInterval(): void;
  /**
   * Refuses new requests and ends idle connections now; resolves when the exchanges and tunnels in progress are over.
   * `next`: what takes its place; what runs to servers that are not in it drains as it says, private sessions of the
   * others go on there. `successor` gets the requests that still come here, which were on their way to the origin when the
   * configuration changed; without one they fail with SHUTTING_DOWN.
   */
  close(next?: OriginSettings, successor?: OriginPool): Promise<void>;
}

/** Times are sums in 0.01 ms. Arrays: index = status class 1 to 5. */
export interface OriginCounters {
  requests: number;
  requestHeadBytes: number;
  requestBodyBytes: number;
  responseHeadBytes: number;
  responseBodyBytes: number;
  /** Transactions with a final response that have ended, well or not. */
  readonly responses: number[];
  /** Of these, those that ended well. */
  readonly completed: number[];
  /** Request sent until first byte, and until the end. */
  readonly firstByteTime: number[];
  readonly completeTime: number[];
  connectFailures: number;
  receiveTimeouts: number;
  closedEarly: number;
  malformed: number;
  connections: number;
  connectionsClosed: number;
  connectTime: number;
  /** Connections that carried something, once for each interval that the owner of the counters has. */
  connectionsActive: number;
  /** Requests that neither found a free session nor a place in the queue, or whose wait there ended (`<MaxSessions>`). */
  refused: number;
}
