import { Connection, type ConnectionSource, type ConnectionUser } from "./connection.ts";
import type { PrivateSession } from "./contract.ts";
import { PRIVATE_SESSION_IDLE_MS } from "./limits.ts";
import type { PoolServer } from "./poolServer.ts";

/** What runs on a session; ended with it. */
export interface SessionUse {
  abort(): void;
}

/**
 * The one connection of a private session. As long as it has not been made, the session may change its server; once it
 * stood, its end is the end of the session.
 */
export class BoundSession implements PrivateSession, ConnectionSource {
  readonly #onEnd: () => void;
  #onForget: (session: BoundSession) => void;
  readonly #uses = new Set<SessionUse>();
  readonly #waiting: ConnectionUser[] = [];
  #server: PoolServer | undefined;
  #connection: Connection | undefined;
  #isInUse = false;
  #wasConnected = false;
  #isRetired = false;
  #hasEnded = false;

  /** `onForget`: the session has ended, by whatever side. */
  constructor(onEnd: () => void, onForget: (session: BoundSession) => void) {
    this.#onEnd = onEnd;
    this.#onForget = onForget;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Its connection has stood: no other server and no other connection will do. */
  get isFixed(): boolean {
    return this.#wasConnected;
  }

  get server(): PoolServer | undefined {
    return this.#server;
  }

  /** Another pool answers for it from now on: that of the next configuration, which has its server too, if it has one. */
  moveTo(server: PoolServer | undefined, onForget: (session: BoundSession) => void): void {
    this.#onForget(this);
    this.#server = server;
    this.#onForget = onForget;
  }

  bind(server: PoolServer): void {
    this.#server = server;
  }

  /** An exchange runs on the session until the result is called. */
  use(exchange: SessionUse): () => void {
    this.#uses.add(exchange);
    return () => this.#uses.delete(exchange);
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#finish();
    for (const exchange of [...this.#uses]) exchange.abort();
    this.#connection?.drop();
  }

  /** The server must not be used any longer (ORG-21, ORG-27): ends the session as soon as nothing runs on it. */
  retire(): void {
    this.#isRetired = true;
    if (!this.#isInUse) this.#endByOrigin();
  }

  acquire(user: ConnectionUser): void {
    if (this.#hasEnded) user.refuseConnection();
    else if (this.#isInUse) this.#waiting.push(user);
    else this.#assign(user);
  }

  cancel(user: ConnectionUser): void {
    const index = this.#waiting.indexOf(user);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  release(connection: Connection): void {
    if (this.#hasEnded || this.#isRetired) {
      this.discard(connection);
      return;
    }
    connection.free();
    this.#isInUse = false;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#assign(next);
  }

  discard(connection: Connection): void {
    connection.drop();
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#isInUse = false;
    if (this.#wasConnected || this.#isRetired) {
      this.#endByOrigin();
      return;
    }
    const next = this.#waiting.shift();
    if (next !== undefined) this.#assign(next);
  }

  #assign(user: ConnectionUser): void {
    if (this.#server === undefined) {
      user.refuseConnection();
      return;
    }
    const { options } = this.#server;
    this.#isInUse = true;
    this.#connection ??= new Connection(
      {
        ...options,
        reuseTimeoutMs: PRIVATE_SESSION_IDLE_MS,
        onConnect: () => {
          this.#wasConnected = true;
          options.onConnect();
        },
      },
      () => this.#endByOrigin(),
    );
    this.#connection.assign(user);
  }

  #endByOrigin(): void {
    if (this.#hasEnded) return;
    this.#finish();
    this.#connection?.drop();
    for (const user of this.#waiting.splice(0)) user.refuseConnection();
    setImmediate(this.#onEnd);
  }

  #finish(): void {
    this.#hasEnded = true;
    this.#onForget(this);
  }
}
