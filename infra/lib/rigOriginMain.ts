import { createServer, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { generateRigBody } from "./rigBody.ts";

/**
 * The rigs' origin as a program of its own: prints its port, then answers
 * `/bytes/SIZE/NAME`, `/slow/SIZE/BYTES_PER_SECOND/NAME` (both cacheable for a day), `/upload` (when it has the
 * whole body of the request) and `/-/requests` (how many of the former it has answered).
 */
const LAST_MODIFIED = "Sat, 01 Mar 2025 08:00:00 GMT";
const KEPT_BODY_BYTES = 1 << 20;
const SLOW_STEPS_PER_SECOND = 20;

const keptBodies = new Map<number, Buffer>();
let requests = 0;

function keptBody(size: number): Buffer {
  const kept = keptBodies.get(size) ?? Buffer.concat([...generateRigBody(size)]);
  keptBodies.set(size, kept);
  return kept;
}

async function sendPaced(response: ServerResponse, size: number, bytesPerSecond: number): Promise<void> {
  let sent = 0;
  let wake = () => {};
  response.on("drain", () => wake()).on("close", () => wake());
  const started = performance.now();
  for (const chunk of generateRigBody(size)) {
    if (response.destroyed) return;
    if (!response.write(chunk)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    sent += chunk.length;
    while (sent > ((performance.now() - started) / 1000) * bytesPerSecond) await delay(1000 / SLOW_STEPS_PER_SECOND);
  }
  response.end();
}

const server = createServer((request, response) => {
  request.resume();
  const [, kind = "", sizeText = "", rest = ""] = /^\/(bytes|slow)\/(\d+)\/(.*)$/.exec(request.url ?? "") ?? [];
  if (request.url === "/-/requests") {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ requests }));
    return;
  }
  if (request.url === "/upload") {
    request.once("end", () => response.writeHead(200, { "content-length": 0 }).end());
    return;
  }
  if (kind === "") {
    response.writeHead(404, { "content-length": 0 }).end();
    return;
  }
  requests += 1;
  const size = Number(sizeText);
  response.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-length": size,
    "cache-control": "public, max-age=86400",
    "accept-ranges": "bytes",
    "last-modified": LAST_MODIFIED,
    etag: `"rig-${size}"`,
  });
  if (request.method === "HEAD") response.end();
  else if (kind === "bytes" && size <= KEPT_BODY_BYTES) response.end(keptBody(size));
  else sendPaced(response, size, kind === "slow" ? Number.parseInt(rest, 10) : Number.MAX_SAFE_INTEGER);
});
server.keepAliveTimeout = 300_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.stdout.write(`${address.port}\n`);
});
