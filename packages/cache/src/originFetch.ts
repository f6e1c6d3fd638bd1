import type { OriginExchange, OriginPool, OriginRequest, OriginResponseHead } from "@basalt/origin";
import type { EdgeError } from "@basalt/types";
import type { LocalFill } from "./localFill.ts";

/** What a request to the origin led to, as soon as that is known. */
export type FetchOutcome =
  | {
      readonly kind: "head";
      readonly head: OriginResponseHead;
      /** Undefined where `begin` did not want the body. */
      readonly fill: LocalFill | undefined;
      /** Settles with the end of the body: undefined when it is complete. */
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
  begin: (head: OriginResponseHead) => LocalFill | undefined,
): Promise<FetchOutcome> =>
  new Promise((resolve) => {
    let exchange: OriginExchange | undefined;
    let fill: LocalFill | undefined;
    let started = false;
    let finish: (error: EdgeError | undefined) => void = () => {};
    const done = new Promise<EdgeError | undefined>((settle) => {
      finish = settle;
    });
    exchange = pool.send(request, {
      onHead(head) {
        started = true;
        fill = begin(head);
        settleWithFill(fill, finish);
        if (fill !== undefined && exchange !== undefined) fill.attach(exchange);
        setImmediate(() => resolve({ kind: "head", head, fill, done }));
      },
      onData(chunk) {
        return fill === undefined ? true : fill.push(chunk);
      },
      onComplete() {
        fill?.complete();
        finish(undefined);
      },
      onError(error) {
        if (!started) resolve({ kind: "failed", error });
        fill?.fail(error);
        finish(error);
      },
    });
    fill?.attach(exchange);
  });

/** A fill that cannot be stored ends the exchange by itself. */
const settleWithFill = (fill: LocalFill | undefined, finish: (error: EdgeError | undefined) => void): void => {
  if (fill === undefined) return;
  const unwatch = fill.watch(() => {
    if (fill.state === "growing") return;
    unwatch();
    if (fill.state === "failed") finish(fill.error);
  });
};
