import { isLoopbackClient } from "./clientCounting.ts";
import type { ClientSocket } from "./driver/contract.ts";
import type { Exchange } from "./exchange.ts";
import { TokenBucket } from "./pacing/tokenBucket.ts";
import { nextSessionNumber, sessionIdOf } from "./sessionId.ts";

/** One connection of a client as logs and statistics know it; the streams of an HTTP/2 connection share one. */
export class ClientSession {
  readonly isHttp2: boolean;
  /** Hears of its requests in place of HTTP's counters and access log; undefined: it is a client's. */
  readonly onFinished: ((exchange: Exchange) => void) | undefined;
  readonly #number = nextSessionNumber();
  readonly #remoteAddress: string;
  #text: string | undefined;
  #isLocal: boolean | undefined;
  #activeInterval = -1;
  #block = -1;
  #buckets: Map<number, TokenBucket> | undefined;

  constructor(
    { remoteAddress }: Pick<ClientSocket, "remoteAddress">,
    isHttp2 = false,
    onFinished?: (exchange: Exchange) => void,
  ) {
    this.#remoteAddress = remoteAddress;
    this.isHttp2 = isHttp2;
    this.onFinished = onFinished;
  }

  /** HTTP-41: unsigned 64-bit, unlike that of any other connection. */
  get id(): bigint {
    return sessionIdOf(this.#number);
  }

  /** The id as logs write it. */
  get text(): string {
    this.#text ??= String(this.id);
    return this.#text;
  }

  /**
   * Limits all that the client is sent by virtual hosts with that limit (BW-02). Streams of a connection may ask for hosts
   * with different ones, which hold side by side.
   */
  bucket(bytesPerSecond: number, nowMs: number): TokenBucket {
    this.#buckets ??= new Map();
    let bucket = this.#buckets.get(bytesPerSecond);
    if (bucket === undefined) {
      bucket = new TokenBucket(bytesPerSecond, nowMs);
      this.#buckets.set(bytesPerSecond, bucket);
    }
    return bucket;
  }

  /** The client is on this host. */
  readonly isLocal = (): boolean => {
    this.#isLocal ??= isLoopbackClient(this.#remoteAddress);
    return this.#isLocal;
  };

  /** STAT-27: true once for each interval of the figures; `block` is that of the virtual host asked for. */
  becomesActive(block: number, interval: number): boolean {
    this.#block = block;
    if (this.#activeInterval === interval) return false;
    this.#activeInterval = interval;
    return true;
  }

  /** Of the virtual host of the last request; -1 before the first. */
  get block(): number {
    return this.#block;
  }
}
