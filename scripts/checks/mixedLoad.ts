import { createConnection, type Socket } from "node:net";

/**
 * Hits at a fixed rate, half of them on connections that are kept and half on connections of their own, whether or not
 * earlier ones have been answered. A latency counts from the moment a request was due; every answer is compared.
 */
export interface MixedLoadPlan {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly body: Buffer;
  readonly requestsPerSecond: number;
  readonly keptConnections: number;
}

export interface MixedAnswer {
  readonly dueMs: number;
  readonly latencyMs: number;
  /** How late this side sent it: below that nothing can be told of the server. */
  readonly ownLatenessMs: number;
  readonly isKept: boolean;
  /** Empty for the right answer. */
  readonly failure: string;
}

export interface MixedLoad {
  readonly answers: readonly MixedAnswer[];
  /** Connections that the server closed between two requests, as it may. */
  readonly closedIdle: number;
  /** Asks no more; resolves when all answers are there. */
  stop(): Promise<void>;
}

const STEP_MS = 2;
const PATIENCE_MS = 10_000;

interface Waiting {
  readonly dueMs: number;
  readonly ownLatenessMs: number;
  readonly isKept: boolean;
  readonly received: Buffer[];
  receivedBytes: number;
  /** Of the whole answer, when its head is there. */
  wantedBytes: number;
}

class MixedLoadRun implements MixedLoad {
  readonly answers: MixedAnswer[] = [];
  closedIdle = 0;
  readonly #plan: MixedLoadPlan;
  readonly #requests: { readonly kept: Buffer; readonly single: Buffer };
  readonly #idle: Socket[] = [];
  readonly #waiting = new Map<Socket, Waiting>();
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #isStopped = false;
  #onEmpty: (() => void) | undefined;

  constructor(plan: MixedLoadPlan) {
    this.#plan = plan;
    const head = `GET ${plan.path} HTTP/1.1\r\nHost: ${plan.host}\r\n`;
    this.#requests = { kept: Buffer.from(`${head}\r\n`), single: Buffer.from(`${head}Connection: close\r\n\r\n`) };
    for (let index = 0; index < plan.keptConnections; index++) this.#idle.push(this.#connect());
    this.#timer = setInterval(() => this.#turn(), STEP_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#isStopped = true;
    const limit = setTimeout(() => {
      for (const socket of this.#waiting.keys()) this.#end(socket, "no answer");
    }, PATIENCE_MS);
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
    clearTimeout(limit);
    for (const socket of this.#idle) socket.destroy();
  }

  #turn(): void {
    const due = ((performance.now() - this.#startedMs) / 1000) * this.#plan.requestsPerSecond;
    for (; this.#sent < due; this.#sent++) {
      const dueMs = this.#startedMs + (this.#sent * 1000) / this.#plan.requestsPerSecond;
      const isKept = this.#sent % 2 === 0;
      const socket = (isKept ? this.#idle.pop() : undefined) ?? this.#connect();
      const ownLatenessMs = performance.now() - dueMs;
      this.#waiting.set(socket, { dueMs, ownLatenessMs, isKept, received: [], receivedBytes: 0, wantedBytes: 0 });
      socket.write(isKept ? this.#requests.kept : this.#requests.single);
    }
  }

  #connect(): Socket {
    const socket = createConnection({ port: this.#plan.port, host: "127.0.0.1", noDelay: true });
    let failure = "";
    socket.on("data", (chunk) => this.#receive(socket, chunk));
    socket.on("error", (error) => {
      failure = "code" in error ? String(error.code) : error.message;
    });
    socket.on("close", () => {
      const index = this.#idle.indexOf(socket);
      if (index >= 0) {
        this.#idle.splice(index, 1);
        if (!this.#isStopped) this.closedIdle += 1;
      }
      this.#end(socket, failure === "" ? "closed without an answer" : failure);
    });
    return socket;
  }

  #receive(socket: Socket, chunk: Buffer): void {
    const waiting = this.#waiting.get(socket);
    if (waiting === undefined) return;
    waiting.received.push(chunk);
    waiting.receivedBytes += chunk.length;
    if (waiting.wantedBytes === 0) waiting.wantedBytes = answerBytes(Buffer.concat(waiting.received));
    if (waiting.wantedBytes === 0 || waiting.receivedBytes < waiting.wantedBytes) return;
    const answer = Buffer.concat(waiting.received);
    this.#end(socket, judge(answer, this.#plan.body));
    const isGoingOn = waiting.isKept && !/\r\nconnection: *close/i.test(answer.toString("latin1", 0, 1024));
    if (isGoingOn && !this.#isStopped) this.#idle.push(socket);
    else socket.destroy();
  }

  #end(socket: Socket, failure: string): void {
    const waiting = this.#waiting.get(socket);
    if (waiting === undefined) return;
    this.#waiting.delete(socket);
    const { dueMs, ownLatenessMs, isKept } = waiting;
    this.answers.push({ dueMs, ownLatenessMs, isKept, latencyMs: performance.now() - dueMs, failure });
    if (this.#waiting.size === 0) this.#onEmpty?.();
  }
}

/** 0 while the head is not there. */
const answerBytes = (received: Buffer): number => {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.toString("latin1", 0, end))?.[1];
  return end + 4 + Number(length ?? 0);
};

const judge = (answer: Buffer, body: Buffer): string => {
  const status = answer.toString("latin1", 9, 12);
  if (status !== "200") return `status ${status}`;
  return answer.subarray(answer.indexOf("\r\n\r\n") + 4).equals(body) ? "" : "wrong body";
};

export const startMixedLoad = (plan: MixedLoadPlan): MixedLoad => new MixedLoadRun(plan);

export interface MixedFigures {
  readonly requests: number;
  /** How often what went wrong. */
  readonly failures: ReadonlyMap<string, number>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  readonly ownLatenessP99Ms: number;
}

/** Of the requests that were due within a span, in milliseconds of `performance.now()`. */
export const figuresBetween = (answers: readonly MixedAnswer[], fromMs: number, toMs: number): MixedFigures => {
  const within = answers.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs);
  const sorted = within.map(({ latencyMs }) => latencyMs).sort((one, other) => one - other);
  const lateness = within.map(({ ownLatenessMs }) => ownLatenessMs).sort((one, other) => one - other);
  const at = (share: number, of = sorted): number => of[Math.min(of.length - 1, Math.floor(of.length * share))] ?? 0;
  const failures = new Map<string, number>();
  for (const { failure } of within) if (failure !== "") failures.set(failure, (failures.get(failure) ?? 0) + 1);
  return {
    requests: within.length,
    failures,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    longestMs: at(1),
    ownLatenessP99Ms: at(0.99, lateness),
  };
};
