import type { Duplex } from "node:stream";
import { type Clock, EdgeError } from "@basalt/types";
import type { Dispatcher } from "undici";
import type { Connection, ConnectionSource, ConnectionUser } from "./connection.ts";
import type { OriginRequestBody, OriginResponseHead } from "./contract.ts";
import { inHundredthsOfMs, type OriginTally } from "./counters.ts";
import { classifyFailure, originFailureOf } from "./failures.ts";
import { INTERIM_RESPONSES, TRAILER_BYTES } from "./limits.ts";
import { RequestBody } from "./requestBody.ts";
import { fieldBytes } from "./requestHead.ts";
import { announcesClose, flatFields, hasPlainFraming, printableReason, withoutFraming } from "./responseHead.ts";
import type { TransactionListener } from "./transaction.ts";
import { type TransactionOccasion, TransactionRecord } from "./transactionRecord.ts";

/** One request as it is sent to one address. */
export interface AttemptPlan {
  /** Id of the server. */
  readonly address: string;
  readonly method: string;
  /** With the path prefix. */
  readonly path: string;
  /** With Host, without framing. */
  readonly fields: readonly string[];
  readonly body: OriginRequestBody;
  /** Value of the Upgrade field when the request asks for another protocol. */
  readonly upgrade: string | undefined;
  /** 0: no limit. */
  readonly connectTimeoutMs: number;
  /** Longest silence before and within the response; 0: no limit. */
  readonly receiveTimeoutMs: number;
  /** Only a connection that has served nobody will do. */
  readonly fresh: boolean;
  readonly occasion: TransactionOccasion;
  /** The connection is offered for further requests. */
  readonly offersReuse: boolean;
}

/** Who keeps account of attempts. */
export interface AttemptAccount {
  readonly clock: Clock;
  readonly tally: OriginTally;
  readonly onTransaction: TransactionListener | undefined;
  /** Where an attempt stands as long as it runs, its tunnel included. */
  readonly running?: Set<Running>;
}

/** What runs at a server. */
export interface Running {
  /** Ends it; the server is not to blame. */
  cut(error: EdgeError): void;
}

/** Callbacks in order: onInformation*, then onHead, onData* and onComplete, or onUpgrade; onFailure may end it anywhere. */
export interface AttemptListener {
  onInformation(status: number, fields: readonly string[]): void;
  onHead(head: OriginResponseHead): void;
  /** False pauses. */
  onData(chunk: Buffer): boolean;
  onComplete(trailers: readonly string[]): void;
  /** `moved` is to be told of what goes through the socket. */
  onUpgrade(head: OriginResponseHead, socket: Duplex, moved: (sentBytes: number, receivedBytes: number) => void): void;
  onFailure(failure: AttemptFailure): void;
}

export interface AttemptFailure {
  readonly error: EdgeError;
  /** Nothing of a response had arrived. */
  readonly beforeResponse: boolean;
  /** The origin closed a kept connection just when it was used again: normal, says OPEN 1 B, and no failure of the address. */
  readonly staleConnection: boolean;
  /** No connection was free: the fault of our limit, not of the address. */
  readonly refusedHere: boolean;
}

/** One HTTP transaction on one connection. */
export class Attempt implements Dispatcher.DispatchHandler, ConnectionUser, Running {
  readonly #plan: AttemptPlan;
  readonly #connections: ConnectionSource;
  readonly #listener: AttemptListener;
  readonly #account: AttemptAccount;
  readonly #record: TransactionRecord;
  #connection: Connection | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #body: RequestBody | undefined;
  #settled = false;
  #requestSent = false;
  #responseStarted = false;
  #headSeen = false;
  #originCloses = false;
  #interimResponses = 0;
  #resumes = 0;

  constructor(plan: AttemptPlan, connections: ConnectionSource, listener: AttemptListener, account: AttemptAccount) {
    this.#plan = plan;
    this.#connections = connections;
    this.#listener = listener;
    this.#account = account;
    const { method, path, fields } = plan;
    this.#record = new TransactionRecord(plan.occasion, { method, target: path, fields }, account.clock);
  }

  get connectTimeoutMs(): number {
    return this.#plan.connectTimeoutMs;
  }

  start(): void {
    this.#account.running?.add(this);
    this.#connections.acquire(this, this.#plan.fresh);
  }

  /** Ends the transaction; the listener hears nothing more. */
  abort(): void {
    if (this.#settled) return;
    this.#settle();
    this.#controller?.abort(new EdgeError("CLIENT_GONE"));
    if (this.#connection === undefined) this.#connections.cancel(this);
    else this.#connections.discard(this.#connection);
    this.#report("aborted");
  }

  cut(error: EdgeError): void {
    if (this.#connection === undefined) this.#connections.cancel(this);
    this.#fail(error, true);
  }

  /** Undici must not be resumed from within its parser, which the caller may well be in: hence the microtask. */
  resume(): void {
    this.#resumes += 1;
    queueMicrotask(() => {
      if (!this.#settled) this.#controller?.resume();
    });
  }

  useConnection(connection: Connection): void {
    const { body, method, path, upgrade, receiveTimeoutMs } = this.#plan;
    this.#connection = connection;
    this.#record.begin();
    const headers = [...this.#plan.fields];
    if (body.kind === "stream" && body.contentLength >= 0) headers.push("content-length", String(body.contentLength));
    if (body.kind === "stream" && body.contentLength !== 0) {
      this.#body = new RequestBody(body.chunks, (count) => {
        this.#record.requestBodyBytes += count;
        this.#account.tally.add("requestBodyBytes", count);
        connection.noteActive();
      });
    }
    connection.client.dispatch(
      {
        method,
        path,
        headers,
        body: this.#body ?? null,
        upgrade: upgrade ?? null,
        headersTimeout: receiveTimeoutMs,
        bodyTimeout: receiveTimeoutMs,
      },
      this,
    );
  }

  refuseConnection(): void {
    const detail = `${this.#plan.address}: no free connection within ${this.#plan.connectTimeoutMs} ms`;
    this.#fail(new EdgeError("ORIGIN_CONNECT_TIMEOUT", { detail }), true);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    const { tally } = this.#account;
    const headBytes = requestHeadBytes(this.#plan);
    const record = this.#record;
    record.requestHeadBytes = headBytes;
    tally.add("requests", 1);
    tally.add("requestHeadBytes", headBytes);
    const connection = this.#connection;
    if (connection === undefined) return;
    record.isReused = connection.isReused;
    record.connectionNumber = connection.number;
    record.transactionNumber = connection.transactionNumber;
    record.localIp = connection.localIp;
    record.connected();
    connection.noteActive();
  }

  onRequestSent(): void {
    this.#requestSent = true;
    this.#record.sent();
  }

  onResponseStarted(): void {
    this.#responseStarted = true;
    this.#record.responseBegan();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _fields: unknown,
    statusMessage?: string,
  ): void {
    if (this.#settled) return;
    const reason = printableReason(statusMessage);
    const received = this.#countHead(reason, controller.rawHeaders);
    const fields = status < 200 || status === 204 ? withoutFraming(received) : received;
    if (status >= 200 && status <= 599) {
      if (!hasPlainFraming(fields)) {
        this.#refuse(controller, "a transfer coding that is not chunked");
        return;
      }
      this.#headSeen = true;
      this.#record.status = status;
      this.#record.responseFields = fields;
      this.#connection?.noteHead();
      this.#originCloses = announcesClose(fields);
      this.#listener.onHead({ status, reason, fields, address: this.#plan.address });
      return;
    }
    if (status < 100 || status === 101 || status > 599) this.#refuse(controller, `status ${status}`);
    else this.#inform(controller, status, fields);
  }

  noteContinue(): void {
    if (!this.#settled && this.#controller !== undefined) this.#inform(this.#controller, 100, []);
  }

  #inform(controller: Dispatcher.DispatchController, status: number, fields: readonly string[]): void {
    this.#interimResponses += 1;
    if (this.#interimResponses > INTERIM_RESPONSES) this.#refuse(controller, "too many interim responses");
    else this.#listener.onInformation(status, fields);
  }

  #refuse(controller: Dispatcher.DispatchController, what: string): void {
    controller.abort(new EdgeError("ORIGIN_MALFORMED", { detail: `${this.#plan.address}: ${what}` }));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#record.responseBodyBytes += chunk.length;
    this.#account.tally.add("responseBodyBytes", chunk.length);
    this.#connection?.noteActive();
    const resumesBefore = this.#resumes;
    if (!this.#listener.onData(chunk) && resumesBefore === this.#resumes) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const connection = this.#connection;
    if (this.#settled || connection === undefined) return;
    if (connection.isBroken) {
      this.#fail(new EdgeError("ORIGIN_CLOSED", { detail: `${this.#plan.address}: connection reset` }));
      return;
    }
    this.#settle();
    // Undici itself ends connections after HEAD: a body sent nevertheless would be read as the next response.
    const reusable = this.#requestSent && !this.#originCloses && this.#plan.method !== "HEAD" && !this.#plan.upgrade;
    if (reusable) this.#connections.release(connection);
    else this.#connections.discard(connection);
    connection.noteActive();
    this.#report("complete");
    this.#listener.onComplete(boundedTrailers(flatFields(controller.rawTrailers)));
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController, status: number, _fields: unknown, socket: Duplex): void {
    // Undici has taken its listeners away; whoever gets the socket adds its own later.
    socket.on("error", () => {});
    if (this.#settled || this.#connection === undefined) {
      socket.destroy();
      return;
    }
    this.#settle();
    this.#connections.discard(this.#connection);
    const fields = this.#countHead("", controller.rawHeaders);
    const record = this.#record;
    record.status = status;
    record.responseFields = fields;
    record.responseBegan();
    record.end("complete");
    this.#countEnd();
    const { running } = this.#account;
    const tunnel: Running = { cut: () => socket.destroy() };
    running?.add(tunnel);
    socket.once("close", () => {
      running?.delete(tunnel);
      record.end("complete");
      this.#account.onTransaction?.(record);
    });
    const { tally } = this.#account;
    const moved = (sentBytes: number, receivedBytes: number): void => {
      record.requestBodyBytes += sentBytes;
      record.responseBodyBytes += receivedBytes;
      tally.add("requestBodyBytes", sentBytes);
      tally.add("responseBodyBytes", receivedBytes);
    };
    this.#listener.onUpgrade({ status, reason: "", fields, address: this.#plan.address }, socket, moved);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, cause: Error): void {
    this.#fail(classifyFailure(cause, this.#plan.address, this.#headSeen));
  }

  #countHead(reason: string, raw: Dispatcher.DispatchController["rawHeaders"]): readonly string[] {
    const fields = flatFields(raw);
    const headBytes = "HTTP/1.1 200 ".length + reason.length + 4 + fieldBytes(fields);
    this.#record.responseHeadBytes += headBytes;
    this.#account.tally.add("responseHeadBytes", headBytes);
    return fields;
  }

  #fail(error: EdgeError, refusedHere = false): void {
    if (this.#settled) return;
    this.#settle();
    const isReused = this.#connection?.isReused ?? false;
    if (this.#connection !== undefined) this.#connections.discard(this.#connection);
    const beforeResponse = !this.#responseStarted;
    const staleConnection = !refusedHere && isReused && beforeResponse && error.code === "ORIGIN_CLOSED";
    const isOrigins = !staleConnection && !refusedHere;
    if (isOrigins) this.#countFailure(error);
    this.#report((isOrigins ? originFailureOf(error) : undefined) ?? "aborted");
    this.#listener.onFailure({ error, beforeResponse, staleConnection, refusedHere });
  }

  #countFailure(error: EdgeError): void {
    const { tally } = this.#account;
    const { code } = error;
    if (code === "ORIGIN_CONNECT_FAILED" || code === "ORIGIN_CONNECT_TIMEOUT") tally.add("connectFailures", 1);
    else if (code === "ORIGIN_RECEIVE_TIMEOUT") tally.add("receiveTimeouts", 1);
    else if (code === "ORIGIN_CLOSED") tally.add("closedEarly", 1);
    else if (code === "ORIGIN_MALFORMED") tally.add("malformed", 1);
  }

  #report(ended: TransactionRecord["ended"]): void {
    this.#record.end(ended);
    this.#countEnd();
    this.#account.onTransaction?.(this.#record);
  }

  /** STAT-20, STAT-21. */
  #countEnd(): void {
    const { status, ended, firstByteMs, completeMs } = this.#record;
    if (status === 0) return;
    const { tally } = this.#account;
    const firstByte = inHundredthsOfMs(firstByteMs);
    tally.addOfClass("responses", status, 1);
    if (ended === "complete") tally.addOfClass("completed", status, 1);
    tally.addOfClass("firstByteTime", status, firstByte);
    tally.addOfClass("completeTime", status, firstByte + inHundredthsOfMs(completeMs));
  }

  #settle(): void {
    this.#settled = true;
    this.#account.running?.delete(this);
    this.#body?.destroy();
  }
}

const EXPECTS_CONTENT: ReadonlySet<string> = new Set(["PUT", "POST", "PATCH", "QUERY", "PROPFIND", "PROPPATCH"]);

/** What undici sends before the content: the request line, these fields, and its own. */
const requestHeadBytes = ({ method, path, fields, body, upgrade, offersReuse }: AttemptPlan): number => {
  const line = `${method} ${path} HTTP/1.1`.length + 2;
  let connection = "connection: close".length + 2;
  if (upgrade !== undefined) connection = fieldBytes(["connection", "upgrade", "upgrade", upgrade]);
  else if (offersReuse && method !== "HEAD") connection = "connection: keep-alive".length + 2;
  const length = body.kind === "stream" ? body.contentLength : 0;
  let framing = 0;
  if (length < 0) framing = "transfer-encoding: chunked".length + 2;
  else if (length > 0 || EXPECTS_CONTENT.has(method)) framing = `content-length: ${length}`.length + 2;
  return line + fieldBytes(fields) + connection + framing + 2;
};

/** Trailers are a by-product (RFC 9110 6.5.1): too many of them are dropped, not the response that they belong to. */
const boundedTrailers = (trailers: readonly string[]): readonly string[] =>
  fieldBytes(trailers) > TRAILER_BYTES ? [] : trailers;
