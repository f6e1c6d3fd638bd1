import { createConnection, type Socket } from "node:net";

/**
 * Load at a fixed rate. Requests are due at fixed moments whether or not earlier ones have been answered, and a
 * latency counts from the moment a request was due: a server that stalls is charged for all who would have waited.
 * (wrk only knows full speed.) It spins on its own core instead of trusting timers of a millisecond.
 */
export interface RateResult {
  readonly sent: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** How late the generator itself sent, at its 99th percentile: the floor below which nothing can be told. */
  readonly ownLatenessP99Us: number;
}

interface Client {
  readonly socket: Socket;
  /** When its request was due; it has one request under way at most. */
  dueUs: number;
  received: number;
}

const MAX_US = 2_000_000;

class Histogram {
  readonly #counts = new Uint32Array(MAX_US + 1);
  #total = 0;

  add(us: number): void {
    const slot = Math.min(MAX_US, Math.max(0, Math.round(us)));
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
    this.#total += 1;
  }

  quantile(share: number): number {
    let left = this.#total * share;
    for (let us = 0; us <= MAX_US; us++) {
      left -= this.#counts[us] ?? 0;
      if (left <= 0) return us;
    }
    return MAX_US;
  }
}

const nowUs = () => performance.now() * 1000;

export async function loadAtRate(
  port: number,
  path: string,
  requestsPerSecond: number,
  seconds: number,
  connections: number,
): Promise<RateResult> {
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`, "latin1");
  const answerBytes = await measureAnswer(port, request);
  const idle: Client[] = [];
  const latencies = new Histogram();
  const lateness = new Histogram();
  let failure: Error | undefined;
  let underWay = 0;

  const connect = () =>
    new Promise<void>((resolve, reject) => {
      const buffer = Buffer.allocUnsafe(65_536);
      const socket = createConnection({
        port,
        host: "127.0.0.1",
        noDelay: true,
        onread: {
          buffer,
          callback: (bytes) => {
            client.received += bytes;
            if (client.received >= answerBytes) {
              latencies.add(nowUs() - client.dueUs);
              client.received = 0;
              underWay -= 1;
              idle.push(client);
            }
            return true;
          },
        },
      });
      const client: Client = { socket, dueUs: 0, received: 0 };
      socket.once("connect", () => {
        idle.push(client);
        resolve();
      });
      socket.on("error", (error) => {
        failure = error;
        reject(error);
      });
      socket.on("close", () => {
        failure ??= new Error("the server closed a connection");
      });
    });
  const clients = Array.from({ length: connections }, connect);
  await Promise.all(clients);
  const sockets = idle.map((client) => client.socket);

  const intervalUs = 1e6 / requestsPerSecond;
  const startUs = nowUs();
  const total = Math.floor(requestsPerSecond * seconds);
  let sent = 0;
  await new Promise<void>((resolve) => {
    const turn = () => {
      const now = nowUs();
      for (let dueUs = startUs + sent * intervalUs; sent < total && dueUs <= now; dueUs += intervalUs) {
        const client = idle.pop();
        if (client === undefined) break;
        client.dueUs = dueUs;
        lateness.add(now - dueUs);
        underWay += 1;
        sent += 1;
        client.socket.write(request);
      }
      if (failure !== undefined || (sent === total && underWay === 0) || now - startUs > (seconds + 5) * 1e6) resolve();
      else setImmediate(turn);
    };
    turn();
  });
  for (const socket of sockets) socket.removeAllListeners("close").destroy();
  if (failure !== undefined) throw failure;
  return {
    sent,
    p50Us: latencies.quantile(0.5),
    p99Us: latencies.quantile(0.99),
    p999Us: latencies.quantile(0.999),
    maxUs: latencies.quantile(1),
    ownLatenessP99Us: lateness.quantile(0.99),
  };
}

/** Bytes of one whole answer, which then is the same for every request but for the digits of its date and age. */
function measureAnswer(port: number, request: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = createConnection({ port, host: "127.0.0.1" }, () => socket.write(request));
    socket.once("error", reject);
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      const text = Buffer.concat(chunks).toString("latin1");
      const headBytes = text.indexOf("\r\n\r\n") + 4;
      const bodyBytes = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
      if (headBytes < 4) return;
      socket.destroy();
      if (bodyBytes === undefined) reject(new Error("an answer without Content-Length"));
      else resolve(headBytes + Number(bodyBytes));
    });
  });
}
