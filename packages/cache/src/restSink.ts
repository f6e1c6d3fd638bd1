import type { OriginExchange, OriginPool, OriginRequest } from "@basalt/origin";
import { judgePart, type Representation } from "@basalt/policy";
import { EdgeError } from "@basalt/types";
import { type BodySink, fetchFromOrigin, type SinkControl } from "./originFetch.ts";

export interface RestParts {
  /** Takes the whole body, in order. */
  readonly target: BodySink;
  readonly representation: Representation;
  /** Bytes that the first exchange brings. */
  readonly firstBytes: number;
  readonly pool: OriginPool;
  /** The request for what is behind them. */
  readonly request: OriginRequest;
}

/** A short body of which the first exchange has brought only the beginning: a second one brings the rest of it. */
export class RestSink implements BodySink {
  readonly control: SinkControl;
  /** As that of `FetchOutcome`, of both exchanges. */
  readonly done: Promise<EdgeError | undefined>;
  readonly #parts: RestParts;
  readonly #finish: (error: EdgeError | undefined) => void;
  #current: SinkControl;
  #isOver = false;

  constructor(parts: RestParts, first: SinkControl) {
    this.#parts = parts;
    this.#current = first;
    const { promise, resolve } = Promise.withResolvers<EdgeError | undefined>();
    this.done = promise;
    this.#finish = resolve;
    this.control = { stop: (error) => this.#current.stop(error) };
  }

  attach(exchange: OriginExchange): void {
    this.#parts.target.attach(exchange);
  }

  push(chunk: Buffer): boolean {
    return this.#parts.target.push(chunk);
  }

  complete(): void {
    void this.#fetchRest().then(
      (error) => {
        if (error !== undefined) this.fail(error);
      },
      (cause: unknown) => this.fail(EdgeError.from(cause)),
    );
  }

  fail(error: EdgeError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.target.fail(error);
    this.#finish(error);
  }

  async #fetchRest(): Promise<EdgeError | undefined> {
    const { pool, request, representation, firstBytes, target } = this.#parts;
    let isTaken = false;
    const outcome = await fetchFromOrigin(pool, request, (head, control) => {
      this.#current = control;
      const verdict = judgePart(head.status, head.fields, firstBytes, representation);
      isTaken = verdict.kind === "part" && verdict.end === representation.bodyBytes;
      if (isTaken) return target;
      control.stop();
      return undefined;
    });
    if (outcome.kind === "failed") return outcome.error;
    if (!isTaken) return new EdgeError("ORIGIN_CLOSED", { detail: "the rest of a short body is not to be had" });
    // The target has been told by the exchange itself.
    const error = await outcome.done;
    this.#isOver = true;
    this.#finish(error);
    return undefined;
  }
}
