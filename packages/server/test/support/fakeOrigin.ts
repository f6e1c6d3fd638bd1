import {
  type ConnectCallback,
  newCounters,
  type OriginExchange,
  type OriginHandler,
  type OriginPool,
  type OriginRequest,
  type OriginTunnel,
  type PrivateSession,
} from "@basalt/origin";
import { EdgeError, type ErrorCode } from "@basalt/types";
import { until } from "./waiting.ts";

/** One request as the origin got it; the test says what comes back, and when. */
export class OriginCall implements OriginExchange {
  readonly request: OriginRequest;
  readonly #handler: OriginHandler;
  resumed = 0;
  aborted = false;

  constructor(request: OriginRequest, handler: OriginHandler) {
    this.request = request;
    this.#handler = handler;
  }

  head(status: number, fields: readonly string[] = []): this {
    this.#handler.onHead({ status, reason: "", fields, address: "10.0.0.1" });
    return this;
  }

  information(status: number, fields: readonly string[] = []): void {
    this.#handler.onInformation?.(status, fields);
  }

  /** False: the receiver asks for a pause. */
  data(chunk: Buffer | string): boolean {
    return this.aborted || this.#handler.onData(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  }

  complete(): void {
    if (!this.aborted) this.#handler.onComplete([]);
  }

  fail(code: ErrorCode): void {
    if (!this.aborted) this.#handler.onError(new EdgeError(code, { detail: "as the test wants it" }));
  }

  /** A whole response in one turn, with its length. */
  reply(status: number, body: Buffer | string, fields: readonly string[] = []): void {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.head(status, ["Content-Length", String(bytes.length), ...fields]);
    if (bytes.length > 0) this.data(bytes);
    this.complete();
  }

  resume(): void {
    this.resumed++;
  }

  abort(): void {
    this.aborted = true;
  }
}

/** A connection of one client's own, as far as anybody asks. */
export class FakeSession implements PrivateSession {
  readonly #onEnd: () => void;
  hasEnded = false;
  /** Ended from here. */
  isLetGo = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  end(): void {
    this.hasEnded = true;
    this.isLetGo = true;
  }

  /** The origin closes it. */
  breakOff(): void {
    this.hasEnded = true;
    this.#onEnd();
  }
}

/** An origin whose answers the test gives by hand, or by `answer` as soon as a request is there. */
export class FakeOrigin implements OriginPool {
  readonly calls: OriginCall[] = [];
  readonly counters = newCounters();
  readonly localCounters = newCounters();

  answer: ((call: OriginCall) => void) | undefined;
  active = 0;
  transactions = 0;
  readonly sessions: FakeSession[] = [];
  /** Connections that were asked for, with what answers them. */
  readonly connects: { readonly port: number; readonly answer: ConnectCallback; isGivenUp: boolean }[] = [];
  /** Answers the last upgrade: a tunnel, or undefined after an ordinary answer through its call. */
  acceptUpgrade: (tunnel: OriginTunnel | undefined) => void = () => {};

  send(request: OriginRequest, handler: OriginHandler): OriginExchange {
    const call = new OriginCall(request, handler);
    handler.onStart?.(call);
    this.calls.push(call);
    const { answer } = this;
    if (answer !== undefined) setImmediate(() => answer(call));
    return call;
  }

  beginInterval(): void {}

  upgrade(request: OriginRequest, handler: OriginHandler): Promise<OriginTunnel | undefined> {
    const call = new OriginCall(request, handler);
    handler.onStart?.(call);
    this.calls.push(call);
    return new Promise((resolve) => {
      this.acceptUpgrade = resolve;
    });
  }

  nominate(): undefined {}

  openPrivateSession(onEnd: () => void = () => {}): PrivateSession {
    const session = new FakeSession(onEnd);
    this.sessions.push(session);
    return session;
  }

  connect(port: number, answer: ConnectCallback): () => void {
    const asked = { port, answer, isGivenUp: false };
    this.connects.push(asked);
    return () => {
      asked.isGivenUp = true;
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The request of that number, counted from 1, once it has come. */
  async call(number = 1): Promise<OriginCall> {
    await until(() => this.calls.length >= number, `origin request ${number}`);
    const call = this.calls[number - 1];
    if (call === undefined) throw new Error("unreachable");
    return call;
  }
}
