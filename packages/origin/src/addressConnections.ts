import { Connection, type ConnectionOptions, type ConnectionSource, type ConnectionUser } from "./connection.ts";
import { CONNECTIONS_PER_ADDRESS } from "./limits.ts";

/** All connections of one worker to one server: the idle ones, most recently used last, and a bounded number in use. */
export class AddressConnections implements ConnectionSource {
  readonly #options: ConnectionOptions;
  readonly #limit: number;
  readonly #idle: Connection[] = [];
  /** In order of arrival, with the timer that ends the wait. */
  readonly #waiting = new Map<ConnectionUser, NodeJS.Timeout | undefined>();
  #count = 0;
  #closed = false;

  constructor(options: ConnectionOptions, limit = CONNECTIONS_PER_ADDRESS) {
    this.#options = options;
    this.#limit = limit;
  }

  get hasIdle(): boolean {
    return this.#idle.length > 0;
  }

  acquire(user: ConnectionUser, fresh: boolean): void {
    const idle = fresh ? undefined : this.#idle.pop();
    if (idle !== undefined) {
      idle.assign(user);
      return;
    }
    if (this.#count >= this.#limit && !this.#forgetOldestIdle()) {
      this.#wait(user);
      return;
    }
    this.#open(user);
  }

  cancel(user: ConnectionUser): void {
    clearTimeout(this.#waiting.get(user));
    this.#waiting.delete(user);
  }

  release(connection: Connection): void {
    if (this.#closed || this.#options.reuseTimeoutMs === 0) {
      this.discard(connection);
      return;
    }
    connection.free();
    const next = this.#takeWaiting();
    if (next === undefined) this.#idle.push(connection);
    else connection.assign(next);
  }

  discard(connection: Connection): void {
    connection.drop();
    this.#count -= 1;
    const next = this.#takeWaiting();
    if (next !== undefined) this.#open(next);
  }

  /** Ends idle connections now and the others when their users are done. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) this.discard(connection);
  }

  #open(user: ConnectionUser): void {
    this.#count += 1;
    new Connection(this.#options, (connection) => this.#forgetIdle(connection)).assign(user);
  }

  #forgetIdle(connection: Connection): void {
    const index = this.#idle.indexOf(connection);
    if (index < 0) return;
    this.#idle.splice(index, 1);
    this.discard(connection);
  }

  #forgetOldestIdle(): boolean {
    const oldest = this.#idle.shift();
    if (oldest === undefined) return false;
    oldest.drop();
    this.#count -= 1;
    return true;
  }

  #wait(user: ConnectionUser): void {
    const giveUp = (): void => {
      this.#waiting.delete(user);
      user.refuseConnection();
    };
    const limitMs = user.connectTimeoutMs;
    this.#waiting.set(user, limitMs > 0 ? setTimeout(giveUp, limitMs) : undefined);
  }

  #takeWaiting(): ConnectionUser | undefined {
    const [next] = this.#waiting.keys();
    if (next !== undefined) this.cancel(next);
    return next;
  }
}
