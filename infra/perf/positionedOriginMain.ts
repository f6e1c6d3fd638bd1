import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { bodyPieces, bodySeed } from "./positionedBody.ts";

/**
 * An origin of bodies of any size, as a program of its own: prints its port, then answers
 * `/body/SIZE/BYTES_PER_SECOND/NAME` (0: as fast as it is taken), whole or one range of it, with an entity tag and a
 * day to live. `/-/counts` tells what it has answered, `/-/paths` how often each path was asked for.
 */
const LAST_MODIFIED = "Sat, 01 Mar 2025 08:00:00 GMT";
const STEP_MS = 50;

const counts = { requests: 0, bytes: 0, complete: 0, lastCompleteAtMs: 0 };
const askedByPath = new Map<string, number>();

type Wanted = { readonly first: number; readonly last: number } | "whole" | "unsatisfiable";

function wantedPart(request: IncomingMessage, size: number, etag: string): Wanted {
  const condition = request.headers["if-range"];
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  if (from === undefined || to === undefined || (from === "" && to === "")) return "whole";
  if (condition !== undefined && condition !== etag) return "whole";
  const first = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  return first >= size || last < first ? "unsatisfiable" : { first, last };
}

async function sendBody(response: ServerResponse, pieces: Iterable<Buffer>, bytesPerSecond: number): Promise<void> {
  const started = performance.now();
  let sent = 0;
  for (const piece of pieces) {
    if (response.destroyed) return;
    const goesOn = response.write(piece);
    counts.bytes += piece.length;
    sent += piece.length;
    if (!goesOn) await new Promise((resolve) => response.once("drain", resolve).once("close", resolve));
    while (bytesPerSecond > 0 && sent > ((performance.now() - started) / 1000) * bytesPerSecond) await delay(STEP_MS);
  }
  response.end(() => {
    counts.complete += 1;
    counts.lastCompleteAtMs = Date.now();
  });
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}

const server = createServer((request, response) => {
  request.resume();
  const path = request.url ?? "";
  if (path === "/-/counts") return sendJson(response, counts);
  if (path === "/-/paths") return sendJson(response, Object.fromEntries(askedByPath));
  const [, sizeText, paceText] = /^\/body\/(\d+)\/(\d+)\//.exec(path) ?? [];
  if (sizeText === undefined || paceText === undefined) {
    response.writeHead(404, { "content-length": 0 }).end();
    return;
  }
  counts.requests += 1;
  askedByPath.set(path, (askedByPath.get(path) ?? 0) + 1);
  const size = Number(sizeText);
  const seed = bodySeed(path);
  const etag = `"${size}-${seed.toString(16)}"`;
  const fields = {
    "content-type": "application/octet-stream",
    "cache-control": "public, max-age=86400",
    "accept-ranges": "bytes",
    "last-modified": LAST_MODIFIED,
    etag,
  };
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, fields).end();
    return;
  }
  const wanted = wantedPart(request, size, etag);
  if (wanted === "unsatisfiable") {
    response.writeHead(416, { "content-range": `bytes */${size}`, "content-length": 0 }).end();
    return;
  }
  const { first, last } = wanted === "whole" ? { first: 0, last: size - 1 } : wanted;
  const length = last - first + 1;
  if (wanted === "whole") response.writeHead(200, { ...fields, "content-length": length });
  else {
    response.writeHead(206, {
      ...fields,
      "content-length": length,
      "content-range": `bytes ${first}-${last}/${size}`,
    });
  }
  if (request.method === "HEAD") response.end();
  else void sendBody(response, bodyPieces(seed, first, last), Number(paceText));
});
server.keepAliveTimeout = 300_000;
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.stdout.write(`${address.port}\n`);
});
