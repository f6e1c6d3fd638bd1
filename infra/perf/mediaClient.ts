import { Agent, request } from "node:http";

export interface Fetched {
  readonly status: number;
  readonly bytes: number;
  readonly firstByteMs: number;
  readonly totalMs: number;
  /** Of short texts alone. */
  readonly text: string;
}

const KEPT_BYTES = 1 << 20;

/** Asks over connections that are kept and throws bodies away. */
export class MediaClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2000 });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  get(target: string): Promise<Fetched> {
    const startedMs = performance.now();
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: this.#port, path: target, agent: this.#agent };
      const asking = request(options, (response) => {
        const firstByteMs = performance.now() - startedMs;
        let bytes = 0;
        let text = "";
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= KEPT_BYTES) text += chunk.toString("latin1");
        });
        response.on("error", reject);
        response.on("end", () => {
          const status = response.statusCode ?? 0;
          resolve({ status, bytes, firstByteMs, totalMs: performance.now() - startedMs, text });
        });
      });
      asking.on("error", reject);
      asking.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
