import type { OriginExchange, OriginPool, OriginRequest, OriginResponseHead } from "@basalt/origin";
import type { EdgeError } from "@basalt/types";

/** Takes the body of one response from an origin. */
export interface BodySink {
  /** The exchange that the body comes from: to be resumed after a pause. */
  attach(exchange: OriginExchange): void;
  /** Takes a chunk; false asks for a pause. */
  push(chunk: Buffer): boolean;
  complete(): void;
  fail(error: EdgeError): void;
}

/** What a sink may do about its exchange. */
export interface SinkControl {
  /** Ends the exchange: nothing more is wanted of it. With an error the sink fails, without one it has all it needs. */
  stop(error?: EdgeError): void;
}

/** What a request to the origin led to, as soon as that is known. */
export type FetchOutcome =
  | {
      readonly kind: "head";
      readonly head: OriginResponseHead;
      /** Settles with the end of the body: undefined when all that was wanted is there. */
      readonly done: Promise<EdgeError | undefined>;
    }
  | { readonly kind: "failed"; readonly error: EdgeError };

/**
 * One exchange with the origin. `begin` decides by the head whether the body is wanted. Resolves one turn of the event
 * loop after the head, so that a response which came in one piece is complete by then and can be served as a whole.
 */
export const fetchFromOrigin = (
  pool: OriginPool,
  request: OriginRequest,
  begin: (head: OriginResponseHead, control: SinkControl) => BodySink | undefined,
  onInformation: (status: number, fields: readonly string[]) => void = () => {},
): Promise<FetchOutcome> =>
  new Promise((resolve) => {
    let exchange: OriginExchange | undefined;
    let sink: BodySink | undefined;
    let started = false;
    let isOver = false;
    let finish: (error: EdgeError | undefined) => void = () => {};
    const done = new Promise<EdgeError | undefined>((settle) => {
      finish = settle;
    });
    const over = (error: EdgeError | undefined): void => {
      isOver = true;
      if (error === undefined) sink?.complete();
      else sink?.fail(error);
      finish(error);
    };
    const control: SinkControl = {
      stop(error) {
        if (isOver) return;
        exchange?.abort();
        over(error);
      },
    };
    exchange = pool.send(request, {
      onStart(started) {
        exchange = started;
      },
      onInformation,
      onHead(head) {
        started = true;
        sink = begin(head, control);
        if (exchange !== undefined) sink?.attach(exchange);
        setImmediate(() => resolve({ kind: "head", head, done }));
      },
      onData(chunk) {
        return isOver || sink === undefined ? true : sink.push(chunk);
      },
      onComplete() {
        if (!isOver) over(undefined);
      },
      onError(error) {
        if (!started) resolve({ kind: "failed", error });
        if (!isOver) over(error);
      },
    });
  });
