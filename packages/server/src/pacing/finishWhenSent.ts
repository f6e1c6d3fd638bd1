import type { Exchange, Ongoing } from "../exchange.ts";
import { PHASE, type PhaseCode } from "../phases/phase.ts";

/** Waits until a response that was written whole has been handed on. */
class HandingOn implements Ongoing {
  readonly #exchange: Exchange;
  readonly #keepAlive: boolean;

  constructor(exchange: Exchange, keepAlive: boolean) {
    this.#exchange = exchange;
    this.#keepAlive = keepAlive;
  }

  drained(): void {
    if (this.#exchange.connection.socket.unsentBytes === 0) this.#exchange.finish(this.#keepAlive);
  }

  clientGone(): void {}

  clientEnded(): void {}
}

/**
 * Ends an exchange whose response has been written whole: at once, unless it is slowed down; then its time, its bytes and
 * its end are those of the client.
 */
export const finishWhenSent = (exchange: Exchange, keepAlive: boolean): PhaseCode => {
  const { connection } = exchange;
  if (!connection.isPaced || connection.socket.unsentBytes === 0) {
    exchange.finish(keepAlive);
    return PHASE.DONE;
  }
  exchange.keepPassing();
  exchange.ongoing = new HandingOn(exchange, keepAlive);
  connection.watchSending();
  return PHASE.WAIT;
};
