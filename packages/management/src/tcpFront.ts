import { createServer, type Server, type Socket } from "node:net";
import type { PurgeVerb } from "./contract.ts";
import { inspectFirstBytes } from "./extensionMethods.ts";

export interface TcpFrontOptions {
  readonly isAdmitted: (address: string | undefined) => boolean;
  /** The socket's first bytes are back in it; `verb` when they were a request with an extension method. */
  readonly handOver: (socket: Socket, verb: PurgeVerb | undefined) => void;
  readonly firstBytesTimeoutMs: number;
  readonly maxConnections: number;
}

/** A listening TCP socket that admits by address (CFG-17) before anything is read. */
export class TcpFront {
  readonly #server: Server;
  readonly #options: TcpFrontOptions;
  readonly #waiting = new Set<Socket>();

  constructor(options: TcpFrontOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = options.maxConnections;
  }

  listen(address: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: address, port }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", () => undefined);
        resolve();
      });
    });
  }

  get port(): number | undefined {
    const address = this.#server.address();
    return address === null || typeof address === "string" ? undefined : address.port;
  }

  /** Stops accepting; connections handed over live on. */
  close(): void {
    for (const socket of this.#waiting) socket.destroy();
    this.#server.close();
  }

  #accept(socket: Socket): void {
    const ignoreError = (): void => undefined;
    socket.on("error", ignoreError);
    if (!this.#options.isAdmitted(socket.remoteAddress)) {
      socket.destroy();
      return;
    }
    this.#waiting.add(socket);
    socket.setTimeout(this.#options.firstBytesTimeoutMs, () => socket.destroy());
    socket.once("close", () => this.#waiting.delete(socket));
    socket.once("end", () => {
      if (this.#waiting.has(socket)) socket.destroy();
    });
    let received: Buffer = Buffer.alloc(0);
    const inspect = (chunk: Buffer): void => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const first = inspectFirstBytes(received);
      if (first.kind === "undecided") return;
      socket.off("data", inspect);
      socket.pause();
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      socket.off("error", ignoreError);
      this.#waiting.delete(socket);
      socket.unshift(first.kind === "extension" ? first.rewritten : received);
      this.#options.handOver(socket, first.kind === "extension" ? first.verb : undefined);
      socket.resume();
    };
    socket.on("data", inspect);
  }
}
