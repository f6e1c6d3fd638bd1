import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { bodyPieces, bodySeed } from "../../infra/perf/positionedBody.ts";
import { parseKeyedOriginPlan } from "./keyedOrigin.ts";

/**
 * An origin of small bodies, as a program of its own; its plan is its argument. Answers `/body/SIZE/0/NAME` in the time
 * and in the number that the plan says, `POST /deed/NAME` (which it writes down at once), `/` for probes, and
 * `/-/counts`. Prints `port N` when it listens.
 */
const { port, name, takesMs, atOnce, deedFile } = parseKeyedOriginPlan(process.argv[2] ?? "");

const counts = { requests: 0, present: 0, mostPresent: 0, askedTwice: 0 };
const asked = new Set<string>();
const waiting: (() => void)[] = [];
let served = 0;

async function inTurn(): Promise<void> {
  if (served >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  served += 1;
  await delay(takesMs);
  served -= 1;
  waiting.shift()?.();
}

async function answer(request: IncomingMessage, response: ServerResponse, path: string, size: number): Promise<void> {
  counts.requests += 1;
  counts.present += 1;
  counts.mostPresent = Math.max(counts.mostPresent, counts.present);
  response.once("close", () => {
    counts.present -= 1;
  });
  if (request.method === "POST") appendFileSync(deedFile, `${path} ${name}\n`);
  else if (asked.has(path)) counts.askedTwice += 1;
  asked.add(path);
  await inTurn();
  const body = Buffer.concat([...bodyPieces(bodySeed(path), 0, size - 1)]);
  response.writeHead(200, {
    "content-length": body.length,
    "cache-control": "max-age=86400",
    "content-type": "application/octet-stream",
    "x-origin": name,
  });
  response.end(body);
}

const server = createServer((request, response) => {
  request.resume();
  const path = request.url ?? "";
  if (path === "/-/counts") {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(counts));
    return;
  }
  const size = request.method === "POST" ? 16 : Number(/^\/body\/(\d+)\/0\//.exec(path)?.[1] ?? 0);
  if (size > 0) void answer(request, response, path, size);
  else response.writeHead(200, { "content-length": 0 }).end();
});
server.keepAliveTimeout = 300_000;
server.listen({ port, host: "127.0.0.1", backlog: 4096 }, () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.stdout.write(`port ${address.port}\n`);
});
