import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { extname, join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** The demo's origin: the site of Harbour Market with an API, a slow page and a page that arrives in pieces. */
export interface DemoOrigin {
  readonly port: number;
  /** Requests answered since the start. */
  requests(): number;
  stop(): Promise<void>;
}

interface SiteFile {
  readonly body: Buffer;
  readonly type: string;
  readonly etag: string;
  readonly lastModified: string;
  readonly cacheControl: string;
}

const MIME_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".mp4": "video/mp4",
};

const PAGE_SECONDS = 60;
const ASSET_SECONDS = 3600;
const SLOW_PAGE_MS = 2000;
const PIECES = 8;
const PIECE_INTERVAL_MS = 250;
/** High water twice a day, as a sine: period of the semidiurnal tide. */
const TIDE_PERIOD_MS = 44_714_000;

const site = join(import.meta.dirname, "site");

function loadSite(): ReadonlyMap<string, SiteFile> {
  const files = new Map<string, SiteFile>();
  for (const entry of readdirSync(site, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const body = readFileSync(file);
    const type = MIME_TYPES[extname(entry.name)] ?? "application/octet-stream";
    const isPage = type.startsWith("text/html");
    const loaded = {
      body,
      type,
      etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 16)}"`,
      lastModified: new Date(Math.floor(statSync(file).mtimeMs / 1000) * 1000).toUTCString(),
      cacheControl: `public, max-age=${isPage ? PAGE_SECONDS : ASSET_SECONDS}`,
    };
    const path = `/${relative(site, file)}`;
    files.set(path, loaded);
    if (entry.name === "index.html") files.set(path.slice(0, -"index.html".length), loaded);
  }
  return files;
}

export async function startDemoOrigin(): Promise<DemoOrigin> {
  const files = loadSite();
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    answer(files, request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the demo origin has no port");
  return {
    port: address.port,
    requests: () => requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  files: ReadonlyMap<string, SiteFile>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://origin");
  if (request.method !== "GET" && request.method !== "HEAD") {
    request.resume();
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  switch (url.pathname) {
    case "/api/tide.json":
      return sendJson(response, tideAt(Date.now()), "no-cache");
    case "/api/stock.json":
      return sendJson(response, stockOf(url.searchParams.get("product") ?? ""), "max-age=10");
    case "/slow":
      await delay(SLOW_PAGE_MS);
      return sendText(response, "This page takes the origin two seconds, once a minute.\n", "max-age=60");
    case "/log":
      return sendInPieces(response);
    default:
      return sendFile(files, url.pathname, request, response);
  }
}

function tideAt(epochMs: number): { metres: number; rising: boolean } {
  const phase = (2 * Math.PI * (epochMs % TIDE_PERIOD_MS)) / TIDE_PERIOD_MS;
  return { metres: 2.6 + 1.9 * Math.sin(phase), rising: Math.cos(phase) > 0 };
}

function stockOf(product: string): { product: string; left: number } {
  return { product, left: (createHash("sha256").update(product).digest()[0] ?? 0) % 30 };
}

function sendJson(response: ServerResponse, value: object, cacheControl: string): void {
  const body = JSON.stringify(value);
  response
    .writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "cache-control": cacheControl,
    })
    .end(body);
}

function sendText(response: ServerResponse, body: string, cacheControl: string): void {
  response
    .writeHead(200, {
      "content-type": "text/plain; charset=utf-8",
      "content-length": Buffer.byteLength(body),
      "cache-control": cacheControl,
    })
    .end(body);
}

/** No Content-Length: Node sends it chunked. */
async function sendInPieces(response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8", "cache-control": "max-age=30" });
  for (let piece = 1; piece <= PIECES && !response.destroyed; piece++) {
    response.write(`${String(piece).padStart(2, "0")}:00  wind ${piece + 2}, one more boat in the harbour\n`);
    await delay(PIECE_INTERVAL_MS);
  }
  response.end();
}

function sendFile(
  files: ReadonlyMap<string, SiteFile>,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const file = files.get(path);
  if (file === undefined) {
    const body = files.get("/404.html")?.body ?? Buffer.alloc(0);
    response.writeHead(404, { "content-type": "text/html; charset=utf-8", "content-length": body.length }).end(body);
    return;
  }
  const fields = {
    "content-type": file.type,
    etag: file.etag,
    "last-modified": file.lastModified,
    "cache-control": file.cacheControl,
    "accept-ranges": "bytes",
  };
  if (isUnchanged(file, request)) {
    response.writeHead(304, fields).end();
    return;
  }
  const range = parseSingleRange(request.headers.range, file.body.length);
  if (range === "unsatisfiable") {
    response.writeHead(416, { "content-range": `bytes */${file.body.length}`, "content-length": 0 }).end();
    return;
  }
  const [start, end] = range ?? [0, file.body.length];
  response.writeHead(range === undefined ? 200 : 206, {
    ...fields,
    "content-length": end - start,
    ...(range === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${file.body.length}` }),
  });
  response.end(request.method === "HEAD" ? undefined : file.body.subarray(start, end));
}

function isUnchanged(file: SiteFile, request: IncomingMessage): boolean {
  const noneMatch = request.headers["if-none-match"];
  if (noneMatch !== undefined) return noneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === file.etag);
  const since = Date.parse(request.headers["if-modified-since"] ?? "");
  return since >= Date.parse(file.lastModified);
}

/** Start and end (exclusive); undefined for no range or one to be ignored. */
function parseSingleRange(field: string | undefined, size: number): [number, number] | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(field ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") return Number(last) === 0 ? "unsatisfiable" : [Math.max(0, size - Number(last)), size];
  if (Number(first) >= size) return "unsatisfiable";
  if (last !== "" && Number(last) < Number(first)) return undefined;
  return [Number(first), Math.min(size, last === "" ? size : Number(last) + 1)];
}
