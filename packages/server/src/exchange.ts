import type { BodySource, CachedObject, StoredHead, Variant } from "@basalt/cache";
import type { ContentCoding } from "@basalt/config";
import {
  EMPTY_FIELD_BLOCK,
  FIELD,
  type FieldBlock,
  getField,
  METHOD,
  type Method,
  type RequestHeadParser,
} from "@basalt/http";
import {
  type ConditionRequest,
  type ConnectionDecision,
  type Derivation,
  NO_CODINGS,
  type OriginRequestClient,
} from "@basalt/policy";
import {
  type ClientTls,
  type ClientTransaction,
  LineMemo,
  type RecordedHeads,
  type RequestTrace,
  VHOST_SLOT,
} from "@basalt/telemetry";
import { type CacheResult, EdgeError } from "@basalt/types";
import type { OverloadGate } from "./access/overloadGate.ts";
import type { Connection } from "./connection.ts";
import { needsOwnHead } from "./delivery/cacheStatus.ts";
import type { Rejected } from "./delivery/errorResponse.ts";
import { CLOSING } from "./delivery/fieldLines.ts";
import { MOST_RECORDED_BYTES } from "./delivery/headRecorder.ts";
import { paceResponse } from "./pacing/paceResponse.ts";
import { variantOfCoding } from "./phases/codings.ts";
import type { Composed } from "./phases/composeMade.ts";
import { PHASE, type PhaseCode } from "./phases/phase.ts";
import { selectingValue } from "./phases/selectingFields.ts";
import { runPhases } from "./phases/table.ts";
import { RequestAccount } from "./requestAccount.ts";
import type { RequestBody } from "./requestBody.ts";
import type { BookedVhost, ServedVhost } from "./servedVhost.ts";

/** Something that goes on after the phases returned: a stream to the client, a tunnel. */
export interface Ongoing {
  /** The client has taken everything written so far. */
  drained(): void;
  clientGone(): void;
  /** The client will send no more. */
  clientEnded(): void;
  /** Whether the memory tier holds what is being sent. */
  isKept?(data: Buffer): boolean;
}

const NO_FIELDS: readonly string[] = [];

/**
 * One request and its response. A connection has one and uses it again for each request, so that a cache hit makes no
 * object; what goes on asynchronously holds a `ticket` and finds out by it that its request is over.
 */
export class Exchange implements ConditionRequest, ClientTransaction {
  readonly connection: Connection;
  methodCode: Method = METHOD.GET;
  method = "";
  /** Path and query string once rewriteUrl has run. */
  target = "";
  /** As the client has sent it. */
  sentTarget = "";
  /** What stood in its place, where the log is to have that (VHT-10). */
  askedTarget: string | undefined;
  /** Name of the host asked for: of the target if it is absolute, else of the Host field. */
  host: string | undefined;
  minorVersion: 0 | 1 = 1;
  fields: FieldBlock = EMPTY_FIELD_BLOCK;
  body: RequestBody | undefined;
  nowMs = 0;
  /** Where the request is served. */
  vhost: ServedVhost | undefined;
  /** Who counts and logs the client side: the same object unless a facade was asked for (VHT-21). */
  booked: BookedVhost | undefined;
  trace: RequestTrace | undefined;
  /** Hosts that have handed the request on, and the names that they gave (VHT-52). */
  #handedOn: { readonly by: ServedVhost[]; readonly to: string[] } | undefined;
  url = "";
  /** The URL and the selector under which the cache is asked for it. */
  name = "";
  /** Selector of a request whose body counts (KEY-12); empty for all others. */
  bodySelector = "";
  /** The body of such a request. */
  keyBody: Buffer | undefined;
  variant: Variant = 0;
  /** Codings in which a copy compressed here is wanted, the best first. */
  codings: readonly ContentCoding[] = NO_CODINGS;
  /** The URL asks for something made of another object (DIMS-08, DRM-03). */
  derivation: Derivation | undefined;
  /** Where the request counts as in progress (AWS-58). */
  overloadGate: OverloadGate | undefined;
  /** Of a signed URL, which the target has no more. */
  signedParameter = "";
  /** The object has no body of its own: it is made of others while it is sent. */
  composed: Composed | undefined;
  /** Under which the cache knows what the object was made of, once it is the one that was asked for. */
  madeOfName = "";
  madeOfVariant: Variant = 0;
  /** What the error page says instead of the error's own words. */
  errorText = "";
  /** Where the client is sent. */
  redirectUrl: string | undefined;
  mustRenew = false;
  /** What was stored turned out to be of the past: the request is being answered anew. */
  isAnew = false;
  /** How often the store has failed the request before its answer began. */
  storeFailures = 0;
  /** The body that is sent lies in memory that the cache uses again (`StoredObjects.bodyNow`). */
  isPassing = false;
  object: CachedObject | undefined;
  /** A body that is still arriving, instead of an object. */
  source: BodySource | undefined;
  sourceHead: StoredHead | undefined;
  error: EdgeError | undefined;
  /** It was fetched for this request alone. */
  isPassed = false;
  /** Fields that the origin has sent for this request alone, flat. */
  ownFields: readonly string[] = NO_FIELDS;
  /** Status of the error page, where it is not that of the error; else 0. */
  errorStatus = 0;
  result: CacheResult = "TCP_NONE";
  connectionDecision: ConnectionDecision = CLOSING;
  status = 0;
  headBytesSent = 0;
  bodyBytesSent = 0;
  /** What the client sent through a tunnel, which is no body. */
  tunnelBytesReceived = 0;
  /** Where in the object the body of the response begins; -1 for several ranges. */
  bodyStart = 0;
  /** Content-Length of the response; -1 without. */
  contentLength = -1;
  bypassKind: ClientTransaction["bypassKind"] = "none";
  /** Fields of an answer that is passed through from the origin, flat. */
  relayedFields: readonly string[] = NO_FIELDS;
  startedAtMs = 0;
  /** Moment of `startedAtMs` by the monotonic clock. */
  startedMs = 0;
  isComplete = false;
  ongoing: Ongoing | undefined;
  readonly #account: RequestAccount;
  #ticket = 0;
  #isRunning = false;
  #isBroken = false;
  /** Of the response, where it is logged. */
  #sentHead: RecordedHeads["response"];
  #memo: LineMemo | undefined;
  /** Combined value of a field of the request. */
  readonly get = (lowerCaseName: string): string | undefined => this.fields.get(lowerCaseName);

  constructor(connection: Connection) {
    this.connection = connection;
    this.#account = new RequestAccount(this);
  }

  get path(): string {
    const query = this.target.indexOf("?");
    return query < 0 ? this.target : this.target.slice(0, query);
  }

  get pathAndQuery(): string {
    return this.target;
  }

  get clientIp(): string {
    const address = this.connection.socket.remoteAddress;
    return address.startsWith("::ffff:") ? address.slice(7) : address;
  }

  get country(): string | undefined {
    return this.connection.server.parts.countryOf?.(this.clientIp);
  }

  headerLines(lowerCaseName: string): readonly string[] {
    return this.fields.getAll(lowerCaseName);
  }

  get protocol(): string {
    return this.connection.socket.tls === undefined ? "http" : "https";
  }

  get vhostName(): string | undefined {
    return this.booked?.name;
  }

  get httpVersion(): ClientTransaction["httpVersion"] {
    if (this.connection.session.isHttp2) return "2.0";
    return this.minorVersion === 1 ? "1.1" : "1.0";
  }

  get sessionText(): string {
    return this.connection.sessionText;
  }

  get clientPort(): number {
    return this.connection.socket.remotePort;
  }

  get serverIp(): string {
    return this.connection.serverIp;
  }

  get serverPort(): number {
    return this.connection.localPort;
  }

  get requestHeadBytes(): number {
    return this.#account.headBytes;
  }

  get requestBodyBytes(): number {
    return (this.body?.receivedBytes ?? 0) + this.tunnelBytesReceived;
  }

  get vhostLink(): string | undefined {
    return this.#handedOn?.to.join("+");
  }

  /** VHT-53. */
  hasVisited(vhost: ServedVhost): boolean {
    return this.vhost?.name === vhost.name || this.#handedOn?.by.some(({ name }) => name === vhost.name) === true;
  }

  /** Nothing has been sent: from now on the request is the other host's. */
  handOn(vhost: ServedVhost, name: string): void {
    this.#handedOn ??= { by: [], to: [] };
    if (this.vhost !== undefined) this.#handedOn.by.push(this.vhost);
    this.#handedOn.to.push(name);
    this.vhost = vhost;
    this.object = undefined;
    this.source = undefined;
    this.sourceHead = undefined;
    this.error = undefined;
    this.errorStatus = 0;
    this.errorText = "";
    this.isPassed = false;
    this.ownFields = NO_FIELDS;
    this.codings = NO_CODINGS;
    this.derivation = undefined;
    this.composed = undefined;
    this.mustRenew = false;
    this.url = "";
    this.name = "";
    this.result = "TCP_NONE";
  }

  get contentCoding(): string | undefined {
    if (this.status === 304 || this.error !== undefined) return undefined;
    if (this.object !== undefined) return this.object.contentCoding;
    return getField(this.sourceHead?.fields ?? this.relayedFields, "content-encoding");
  }

  get firstByteMs(): number {
    return this.status === 0 ? 0 : this.#account.firstByteMs;
  }

  get elapsedMs(): number {
    return this.#account.elapsedMs;
  }

  get tls(): ClientTls | undefined {
    return this.connection.socket.tls;
  }

  get memo(): LineMemo {
    this.#memo ??= new LineMemo();
    return this.#memo;
  }

  /** A field of the request as far as it tells objects apart. */
  readonly getSelecting = (lowerCaseName: string): string | undefined => {
    const { vhost } = this;
    return vhost === undefined ? this.get(lowerCaseName) : selectingValue(lowerCaseName, this.get, vhost, this);
  };

  header(lowerCaseName: string): string | undefined {
    return this.fields.get(lowerCaseName);
  }

  get isHead(): boolean {
    return this.methodCode === METHOD.HEAD;
  }

  /** What an origin may learn of the client. */
  get originClient(): OriginRequestClient {
    return {
      clientIp: this.clientIp,
      host: this.host,
      userAgent: this.fields.get("user-agent"),
      xForwardedFor: this.fields.get("x-forwarded-for"),
      protocol: this.protocol,
      port: this.connection.localPort,
    };
  }

  start(head: RequestHeadParser, headBytes: number, body: RequestBody | undefined): void {
    const { clock } = this.connection.server.parts;
    this.methodCode = head.method;
    this.method = head.methodName;
    this.target = head.target;
    this.sentTarget = head.target;
    this.askedTarget = undefined;
    this.minorVersion = head.minorVersion;
    this.fields = head.fields;
    this.body = body;
    this.nowMs = clock.now();
    this.startedAtMs = this.nowMs;
    this.bypassKind = "none";
    this.relayedFields = NO_FIELDS;
    this.contentLength = -1;
    this.bodyStart = 0;
    this.#isBroken = false;
    this.vhost = undefined;
    this.booked = undefined;
    this.trace = undefined;
    this.#handedOn = undefined;
    this.signedParameter = "";
    this.redirectUrl = undefined;
    this.object = undefined;
    this.source = undefined;
    this.sourceHead = undefined;
    this.error = undefined;
    this.errorStatus = 0;
    this.isPassed = false;
    this.ownFields = NO_FIELDS;
    this.codings = NO_CODINGS;
    this.derivation = undefined;
    this.composed = undefined;
    this.errorText = "";
    this.mustRenew = false;
    this.keyBody = undefined;
    this.bodySelector = "";
    this.isAnew = false;
    this.storeFailures = 0;
    this.url = "";
    this.result = "TCP_NONE";
    this.status = 0;
    this.headBytesSent = 0;
    this.bodyBytesSent = 0;
    this.tunnelBytesReceived = 0;
    this.startedMs = clock.monotonic();
    this.#account.begin(headBytes);
    this.#ticket++;
    this.#isRunning = true;
    runPhases(this, PHASE.RECEIVE);
  }

  /** The cache was asked, nothing has been sent, and there is a way left that was not tried. */
  get mayAnswerAnew(): boolean {
    return this.url !== "" && this.headBytesSent === 0 && this.storeFailures < STORE_ATTEMPTS;
  }

  /** Names the present request; `isCurrent` tells later whether it still runs. */
  get ticket(): number {
    return this.#ticket;
  }

  isCurrent(ticket: number): boolean {
    return this.#isRunning && this.#ticket === ticket;
  }

  /** Goes on with a phase after waiting; does nothing when the request is over meanwhile. */
  continueWith(ticket: number, phase: PhaseCode): void {
    if (!this.isCurrent(ticket)) return;
    this.nowMs = this.connection.server.parts.clock.now();
    runPhases(this, phase);
  }

  /** Ends the request with an error page, or by closing the connection when an answer has begun. */
  fail(ticket: number, cause: unknown): void {
    if (!this.isCurrent(ticket)) return;
    const error = EdgeError.from(cause);
    if (error.code === "INTERNAL") this.connection.reportDefect(cause, this.trace?.idText);
    if (this.headBytesSent > 0) {
      this.abort();
      return;
    }
    this.error = error;
    runPhases(this, PHASE.DELIVER);
  }

  /** The response cannot be completed: the client must not take it for complete. */
  abort(): void {
    this.#isBroken = true;
    this.finish(false);
    this.connection.reset();
  }

  /** The response says something that no prepared one says. */
  get needsOwnHead(): boolean {
    return this.vhost !== undefined && needsOwnHead(this.vhost, this.result, this.ownFields);
  }

  /** Call it before the response is written to the connection's socket. */
  pace(): void {
    if (this.vhost?.bandwidth !== undefined || this.connection.isPaced) paceResponse(this);
    if (this.booked?.isRecorded === true) this.#recordHead();
  }

  get heads(): RecordedHeads | undefined {
    if (this.booked?.isRecorded !== true) return undefined;
    return { requestFields: () => this.fields.toFlatArray(), response: this.#sentHead };
  }

  #recordHead(): void {
    const ticket = this.#ticket;
    this.connection.recordHead((text) => {
      if (this.isCurrent(ticket)) this.#sentHead = { text, isWhole: text.length < MOST_RECORDED_BYTES };
    });
  }

  decideConnection(): ConnectionDecision {
    this.pace();
    const { connection, vhost } = this;
    const { isDraining, isEmergency } = connection.server;
    if (isDraining || isEmergency || connection.isLastRequest || vhost === undefined) this.connectionDecision = CLOSING;
    else {
      this.connectionDecision = vhost.connectionRules(this.fields.flags, this.minorVersion, connection.served);
      // Another object than the standard one: no prepared response goes out as it is.
      if (this.needsOwnHead) this.connectionDecision = { ...this.connectionDecision };
    }
    return this.connectionDecision;
  }

  /** The first byte of the response leaves now; `contentLength`: -1 when it says none. */
  responding(status: number, headBytes: number, contentLength: number): void {
    this.respondingAtOnce(status, headBytes, contentLength);
    this.#account.responded();
  }

  /** As `responding`, of a response that leaves in one short write: its first byte and its end are one moment. */
  respondingAtOnce(status: number, headBytes: number, contentLength: number): void {
    this.status = status;
    this.headBytesSent = headBytes;
    this.contentLength = contentLength;
  }

  /**
   * Whether the memory tier holds these bytes of the present or, until the next one begins, the last response. Looking
   * counts as asking for the object there, so that the tier parts with others first (OPT-60).
   */
  isKept(data: Buffer): boolean {
    return this.ongoing?.isKept?.(data) === true || this.keptTest()(data);
  }

  /** The same question about the last response, to be asked when others have followed it. */
  keptTest(): (data: Buffer) => boolean {
    const { vhost, name, variant } = this;
    const { cache } = this.connection.server.parts;
    return (data) =>
      vhost !== undefined &&
      (isMemoryOf(cache.find(vhost.cache, variant, name), data) ||
        vhost.codings?.some((coding) => isMemoryOf(cache.find(vhost.cache, variantOfCoding(coding), name), data)) ===
          true);
  }

  drained(): void {
    this.ongoing?.drained();
  }

  clientEnded(): void {
    this.ongoing?.clientEnded();
  }

  clientGone(): void {
    if (!this.#isRunning) return;
    const { booked } = this;
    if (booked !== undefined && this.connection.session.onFinished === undefined)
      this.connection.server.parts.counters.add(this.blockOf(booked) + VHOST_SLOT.clientAborted, 1);
    const { ongoing } = this;
    this.#isBroken = true;
    this.bodyBytesSent = Math.max(0, this.bodyBytesSent - this.connection.heldBytes);
    this.finish(false);
    ongoing?.clientGone();
  }

  /** The connection has answered by itself: what the request goes on with elsewhere must not answer it a second time. */
  rejected(error: EdgeError, { status, headBytes, bodyBytes }: Rejected): void {
    if (!this.#isRunning) return;
    const { ongoing } = this;
    this.error = error;
    this.responding(status, headBytes, bodyBytes);
    this.bodyBytesSent = bodyBytes;
    this.finish(false);
    ongoing?.clientGone();
  }

  /** What has been written lies in memory that the cache uses again: not while any of it is on its way. */
  keepPassing(): void {
    if (!this.isPassing) return;
    this.isPassing = false;
    if (this.connection.socket.unsentBytes > 0) this.connection.server.parts.cache.stored.keepPassing();
  }

  /** Counts the request and hands the connection back. */
  finish(keepAlive: boolean): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.ongoing = undefined;
    this.overloadGate?.leave();
    this.overloadGate = undefined;
    this.keepPassing();
    const { booked } = this;
    this.isComplete = !this.#isBroken;
    this.#account.end();
    const { onFinished } = this.connection.session;
    if (onFinished === undefined) {
      if (booked !== undefined) this.#account.count(booked);
      if (this.askedTarget !== undefined) this.target = this.askedTarget;
      this.connection.server.parts.accessLog?.(this);
    } else onFinished(this);
    if (this.#sentHead !== undefined) this.#sentHead = undefined;
    if (this.trace?.isSampled === true) this.connection.server.parts.tracing?.finished(this.trace, this);
    this.object = undefined;
    this.source = undefined;
    this.body = undefined;
    this.keyBody = undefined;
    if (this.#isBroken) this.connection.broken();
    else this.connection.finished(keepAlive);
  }

  /** Where requests of that virtual host on this connection count. */
  blockOf(vhost: BookedVhost): number {
    return this.#account.blockOf(vhost);
  }

  /** Counts what has moved of long bodies, so that the figures of a second are those of that second. */
  countProgress(): void {
    const { booked } = this;
    if (this.#isRunning && booked !== undefined && this.status !== 0) this.#account.countProgress(booked);
  }
}

/** From the store once more, then past it. */
const STORE_ATTEMPTS = 2;

const isMemoryOf = (object: CachedObject | undefined, data: Buffer): boolean =>
  object !== undefined && (object.prepared?.buffer.buffer === data.buffer || object.body?.buffer === data.buffer);

/** True when the client wants the connection for another protocol (RFC 9110 7.8). */
export const asksForUpgrade = (exchange: Exchange): boolean =>
  (exchange.fields.flags & FIELD.UPGRADE) !== 0 && exchange.minorVersion === 1;
