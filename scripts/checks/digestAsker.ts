import { createHash } from "node:crypto";
import { createConnection, type Socket } from "node:net";

export interface DigestAnswer {
  readonly status: number;
  readonly digest: string;
}

const SILENCE_MS = 120_000;

/** One keep-alive connection that asks one thing at a time, and tells answers apart by a digest of their bodies. */
export class DigestAsker {
  readonly #socket: Socket;
  readonly #port: number;
  #chunks: Buffer[] = [];
  #received = 0;
  /** Length of the answer under way, once its head is there. */
  #total = Number.POSITIVE_INFINITY;
  #settle: { resolve(answer: DigestAnswer): void; reject(error: Error): void } | undefined;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("connection closed")));
    socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error("no answer")));
  }

  static connect(port: number): Promise<DigestAsker> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ port, host: "127.0.0.1", noDelay: true }, () => {
        socket.off("error", reject);
        resolve(new DigestAsker(socket, port));
      });
      socket.on("error", reject);
    });
  }

  ask(path: string): Promise<DigestAnswer> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#port}\r\n\r\n`);
    });
  }

  close(): void {
    this.#settle = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (this.#total === Number.POSITIVE_INFINITY) {
      const head = Buffer.concat(this.#chunks);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = /^content-length: *(\d+)/im.exec(head.toString("latin1", 0, end))?.[1];
      if (length === undefined) {
        this.#fail(new Error("an answer without Content-Length"));
        return;
      }
      this.#total = end + 4 + Number(length);
    }
    if (this.#received < this.#total) return;
    const answer = Buffer.concat(this.#chunks);
    const body = answer.subarray(answer.indexOf("\r\n\r\n") + 4);
    this.#chunks = [];
    this.#received = 0;
    this.#total = Number.POSITIVE_INFINITY;
    const status = Number(answer.toString("latin1", 9, 12));
    this.#settle?.resolve({ status, digest: createHash("sha1").update(body).digest("hex") });
  }

  #fail(error: Error): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
  }
}

/** So many connections, made in groups. */
export async function connectAll(port: number, count: number, atOnce = 100): Promise<DigestAsker[]> {
  const askers: DigestAsker[] = [];
  while (askers.length < count) {
    const group = Math.min(atOnce, count - askers.length);
    askers.push(...(await Promise.all(Array.from({ length: group }, () => DigestAsker.connect(port)))));
  }
  return askers;
}
