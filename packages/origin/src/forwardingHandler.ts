import type { OriginExchange, OriginHandler } from "./contract.ts";

/** Tells `handler` everything but the handle of the exchange, which `onStart` gets. `onEnd`: behind the last word. */
export const forwardTo = (
  handler: OriginHandler,
  onStart: (exchange: OriginExchange) => void,
  onEnd: () => void = () => {},
): OriginHandler => ({
  onStart,
  onInformation: (status, fields) => handler.onInformation?.(status, fields),
  onHead: (head) => handler.onHead(head),
  onData: (chunk) => handler.onData(chunk),
  onComplete: (trailers) => {
    handler.onComplete(trailers);
    onEnd();
  },
  onError: (error) => {
    handler.onError(error);
    onEnd();
  },
});
