import { Agent, type IncomingMessage, request } from "node:http";
import { bodySeed, isBodyAt } from "../../infra/perf/positionedBody.ts";
import { bodyPath } from "../../infra/perf/positionedOrigin.ts";

/** One request of the load, when it has ended. */
export interface Asked {
  readonly method: "GET" | "POST";
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Who answered, by its `X-Origin`; undefined: nobody rightly. */
  readonly server: string | undefined;
  /** Empty for the right answer. */
  readonly failure: string;
}

export interface SteadyLoadPlan {
  readonly port: number;
  readonly host: string;
  /** Requests for bodies that nobody has asked for before. */
  readonly getsPerSecond: number;
  readonly postsPerSecond: number;
  readonly bodyBytes: number;
}

export interface SteadyLoad {
  readonly asked: readonly Asked[];
  /** Asks no more; resolves when all answers are there. */
  stop(): Promise<void>;
}

const STEP_MS = 10;
const PATIENCE_MS = 30_000;

/** Misses at a fixed rate, whether or not earlier ones have been answered; every byte is compared. */
export function startSteadyLoad(plan: SteadyLoadPlan): SteadyLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: 1024, scheduling: "lifo" });
  const asked: Asked[] = [];
  const running = new Set<Promise<void>>();
  const startedAt = performance.now();
  let sequence = 0;
  const due = { gets: 0, posts: 0 };

  const ask = (method: Asked["method"]): void => {
    sequence += 1;
    const path = method === "GET" ? bodyPath(plan.bodyBytes, `miss-${sequence}`) : `/deed/${sequence}`;
    const startedAtMs = Date.now();
    const done = askOnce(plan, agent, method, path).then(({ server, failure }) => {
      asked.push({ method, startedAtMs, endedAtMs: Date.now(), server, failure });
      running.delete(done);
    });
    running.add(done);
  };
  const timer = setInterval(() => {
    const seconds = (performance.now() - startedAt) / 1000;
    for (; due.gets < seconds * plan.getsPerSecond; due.gets++) ask("GET");
    for (; due.posts < seconds * plan.postsPerSecond; due.posts++) ask("POST");
  }, STEP_MS);
  return {
    asked,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(running);
      agent.destroy();
    },
  };
}

interface Outcome {
  readonly server: string | undefined;
  readonly failure: string;
}

function askOnce(plan: SteadyLoadPlan, agent: Agent, method: Asked["method"], path: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const fail = (failure: string): void => resolve({ server: undefined, failure });
    const outgoing = request(
      { agent, port: plan.port, host: "127.0.0.1", method, path, headers: { host: plan.host } },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", (error) => fail(`cut: ${error.message}`));
        incoming.on("end", () => resolve(judge(incoming, Buffer.concat(chunks), method, path, plan.bodyBytes)));
      },
    );
    outgoing.setTimeout(PATIENCE_MS, () => outgoing.destroy(new Error("no answer")));
    outgoing.on("error", (error) => fail(error.message));
    if (method === "POST") outgoing.setHeader("content-length", 4).end("deed");
    else outgoing.end();
  });
}

function judge(incoming: IncomingMessage, body: Buffer, method: string, path: string, bytes: number): Outcome {
  if (incoming.statusCode !== 200) return { server: undefined, failure: `status ${incoming.statusCode}` };
  const isRight = method === "POST" || (body.length === bytes && isBodyAt(bodySeed(path), 0, body));
  const server = incoming.headers["x-origin"];
  return isRight && typeof server === "string" ? { server, failure: "" } : { server: undefined, failure: "wrong body" };
}
