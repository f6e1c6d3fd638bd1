import type { OriginAddress } from "@basalt/config";
import { EdgeError } from "@basalt/types";
import { AddressConnections } from "./addressConnections.ts";
import type { Running } from "./attempt.ts";
import type { ConnectionOptions } from "./connection.ts";
import type { OriginServer } from "./contract.ts";
import { type Candidate, hashText } from "./serverSelector.ts";
import { serverToken } from "./serverToken.ts";

/** Share of the latest exchange in the mean of a server's times. */
const LATEST_SHARE = 0.2;

/** A server in service, as a worker uses it, with its connections. Replaced by another after a reset (ORG-27). */
export class PoolServer implements Candidate {
  readonly server: OriginServer;
  readonly address: OriginAddress;
  readonly options: ConnectionOptions;
  readonly connections: AddressConnections;
  readonly seed: number;
  /** Exchanges and tunnels of this worker. */
  readonly running = new Set<Running>();
  #latencyMs: number | undefined;
  #token: string | undefined;

  constructor(server: OriginServer, address: OriginAddress, options: ConnectionOptions) {
    this.server = server;
    this.address = address;
    this.options = options;
    this.connections = new AddressConnections(options);
    this.seed = hashText(server.id);
  }

  get hasIdle(): boolean {
    return this.connections.hasIdle;
  }

  get id(): string {
    return this.server.id;
  }

  get weight(): number {
    return this.address.weight;
  }

  get latencyMs(): number | undefined {
    return this.#latencyMs;
  }

  get token(): string {
    this.#token ??= serverToken(this.id);
    return this.#token;
  }

  /** How long it took to answer a request. */
  noteLatency(ms: number): void {
    const before = this.#latencyMs ?? ms;
    this.#latencyMs = before + (ms - before) * LATEST_SHARE;
  }

  /** AWS-27: what still runs after that time is ended, unless the server is back in service by then. */
  drain(timeoutSeconds: number, isBack: () => boolean): void {
    if (this.running.size === 0) return;
    const cut = (): void => {
      if (isBack()) return;
      const detail = `${this.id}: out of service for ${timeoutSeconds} s`;
      for (const running of [...this.running]) running.cut(new EdgeError("ORIGIN_CLOSED", { detail }));
    };
    setTimeout(cut, timeoutSeconds * 1000).unref();
  }
}
