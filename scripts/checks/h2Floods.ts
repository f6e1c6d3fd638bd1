import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import tls from "node:tls";
import { parseArgs } from "node:util";
import { findFreePort } from "../../infra/lib/ports.ts";
import { formatTable, print, printError } from "../../infra/lib/print.ts";
import { readCpuSeconds, readMemory } from "../../infra/lib/procfs.ts";
import * as rawHttp2 from "../../packages/server/test/http2/rawFrames.ts";
import { makeCertificate, startEdge, startOrigin, type TestEdge } from "../../packages/testkit/src/index.ts";

const { FLAG, FRAME, frame, headers, requestBlock, resetStream, settings, windowUpdate } = rawHttp2;

const HOST = "www.h2.test";
const MEMORY_LEEWAY_BYTES = 96 << 20;
const LONGEST_WAIT_MS = 5_000;
const BATCH = 200;
/** A stream's number may not pass 2^31: a connection that has sent so many batches begins anew. */
const MOST_BATCHES = 100_000;

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "5" }, connections: { type: "string", default: "20" } },
});
const SECONDS = Number(values.seconds);
const CONNECTIONS = Number(values.connections);

const GET = requestBlock(HOST, "/page");
const POST = requestBlock(HOST, "/form", [], "POST");
const odd = (index: number): number => index * 2 + 1;
const many = (make: (index: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: BATCH }, (_, index) => make(index)));

interface Attack {
  readonly name: string;
  /** Behind the preface. */
  readonly opening: Buffer;
  /** Sent again and again; `batch` counts from 0. */
  readonly batch: (batch: number) => Buffer;
}

const BOMB = Buffer.concat([
  rawHttp2.indexingField("x", "y".repeat(3_900)),
  ...Array.from({ length: 100 }, () => rawHttp2.NEWEST_ENTRY),
]);

const resetBatches: Buffer[] = [];

/** Made once for all connections: making them takes this program longer than sending them. */
const resets = (batch: number): Buffer => {
  resetBatches[batch] ??= many((at) => {
    const stream = odd(batch * BATCH + at);
    return Buffer.concat([headers(stream, GET), resetStream(stream)]);
  });
  return resetBatches[batch];
};

const ATTACKS: readonly Attack[] = [
  {
    name: "rapid reset",
    opening: settings(),
    batch: resets,
  },
  { name: "PING", opening: settings(), batch: () => many(() => rawHttp2.ping()) },
  { name: "SETTINGS", opening: settings(), batch: () => many(() => settings([[1, 4096]])) },
  {
    name: "empty DATA",
    opening: Buffer.concat([settings(), headers(1, POST, FLAG.END_HEADERS)]),
    batch: () => many(() => frame(FRAME.DATA, 0, 1)),
  },
  {
    name: "CONTINUATION",
    opening: Buffer.concat([settings(), headers(1, GET, FLAG.END_STREAM)]),
    batch: () => many(() => rawHttp2.continuation(1, rawHttp2.literalField("x", "y".repeat(1_000)))),
  },
  { name: "PRIORITY", opening: settings(), batch: () => many((at) => rawHttp2.priority(odd(at))) },
  { name: "WINDOW_UPDATE", opening: settings(), batch: () => many(() => windowUpdate(0, 1)) },
  { name: "unknown frames", opening: settings(), batch: () => many(() => frame(0xfe, 0, 0, Buffer.alloc(64))) },
  {
    name: "header bomb",
    opening: settings(),
    batch: (batch) => headers(odd(batch), requestBlock(HOST, "/page", [BOMB])),
  },
  {
    name: "window of zero",
    opening: settings([[4, 0]]),
    batch: (batch) =>
      batch === 0 ? Buffer.concat(Array.from({ length: 128 }, (_, at) => headers(odd(at), GET))) : Buffer.alloc(0),
  },
  {
    name: "half-open streams",
    opening: settings(),
    batch: (batch) =>
      batch === 0
        ? Buffer.concat(Array.from({ length: 128 }, (_, at) => headers(odd(at), POST, FLAG.END_HEADERS)))
        : Buffer.alloc(0),
  },
];

const connect = (port: number): tls.TLSSocket =>
  tls.connect({ port, host: "127.0.0.1", servername: HOST, ALPNProtocols: ["h2"], rejectUnauthorized: false });

/** One connection after the other; resolves with how many of them the server has ended. */
async function attack(port: number, { opening, batch }: Attack, isOver: () => boolean): Promise<number> {
  let ended = 0;
  while (!isOver()) {
    const socket = connect(port);
    let isClosed = false;
    socket.on("error", () => {});
    socket.on("close", () => {
      isClosed = true;
    });
    socket.on("data", () => {});
    socket.write(Buffer.concat([rawHttp2.PREFACE, opening]));
    for (let count = 0; count < MOST_BATCHES && !isClosed && !isOver(); count++) {
      const bytes = batch(count);
      const isTaken = bytes.length > 0 && socket.write(bytes);
      await (isTaken ? new Promise((resolve) => setImmediate(resolve)) : delay(20));
    }
    if (isClosed) ended += 1;
    socket.destroy();
    await delay(20);
  }
  return ended;
}

interface Served {
  readonly answers: number;
  readonly failures: number;
  readonly longestMs: number;
}

/** A client that asks as others do, on a connection that stays. */
async function askUntil(port: number, isOver: () => boolean): Promise<Served> {
  const client = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, servername: HOST });
  client.on("error", () => {});
  let answers = 0;
  let failures = 0;
  let longestMs = 0;
  while (!isOver()) {
    const startedMs = performance.now();
    const status = await new Promise((resolve) => {
      const stream = client.request({ ":path": "/page", ":authority": HOST, ":scheme": "https" });
      let seen = 0;
      stream.on("response", (head) => {
        seen = Number(head[":status"]);
      });
      stream.on("error", () => {});
      stream.on("close", () => resolve(seen));
      stream.resume();
    });
    if (status === 200) answers += 1;
    else failures += 1;
    longestMs = Math.max(longestMs, performance.now() - startedMs);
    await delay(50);
  }
  client.destroy();
  return { answers, failures, longestMs };
}

const rssOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + (readMemory(pid)?.rssBytes ?? 0), 0);

async function measure(
  edge: TestEdge,
  port: number,
  each: Attack,
): Promise<{ readonly row: string[]; readonly holds: boolean }> {
  const pids = await edge.workers();
  const before = { cpu: readCpuSeconds(pids), rss: rssOf(pids), atMs: performance.now() };
  let isOver = false;
  let mostRss = before.rss;
  const running = Array.from({ length: CONNECTIONS }, () => attack(port, each, () => isOver));
  const serving = askUntil(port, () => isOver);
  while (performance.now() - before.atMs < SECONDS * 1000) {
    await delay(100);
    mostRss = Math.max(mostRss, rssOf(pids));
  }
  isOver = true;
  const ended = (await Promise.all(running)).reduce((sum, count) => sum + count, 0);
  const served = await serving;
  const seconds = (performance.now() - before.atMs) / 1000;
  const cores = (readCpuSeconds(pids) - before.cpu) / seconds;
  const growth = mostRss - before.rss;
  const isSameWorkers = (await edge.workers()).join() === pids.join();
  const isServed = served.failures === 0 && served.answers > 0 && served.longestMs < LONGEST_WAIT_MS;
  return {
    row: [
      each.name,
      String(ended),
      cores.toFixed(2),
      (growth / 2 ** 20).toFixed(0),
      String(served.answers),
      String(served.failures),
      served.longestMs.toFixed(0),
    ],
    holds: isServed && isSameWorkers && growth < MEMORY_LEEWAY_BYTES,
  };
}

const folder = await mkdtemp(join(tmpdir(), "basalt-h2-floods-"));
const { certificatePem, keyPem } = makeCertificate({ names: [HOST] });
await writeFile(join(folder, "cert.pem"), certificatePem);
await writeFile(join(folder, "key.pem"), keyPem);
const port = await findFreePort();
const origin = await startOrigin();
origin.on("/page").reply(200, { "Cache-Control": "max-age=3600" }, "x".repeat(1024));
const edge = await startEdge({
  workers: 2,
  rootXml: `<Https Listen="127.0.0.1:${port}"><Cert>${folder}/cert.pem</Cert><Key>${folder}/key.pem</Key></Https>`,
  vhosts: [{ name: HOST, origin: origin.address }],
});
let failures = 0;
try {
  await edge.get("/page").expect(200);
  const rows = [["attack", "ended", "cores", "MB more", "answers", "failed", "longest ms"]];
  for (const each of ATTACKS) {
    const { row, holds } = await measure(edge, port, each);
    rows.push([...row.slice(0, 1).map((name) => `${holds ? "ok  " : "FAIL"}  ${name}`), ...row.slice(1)]);
    if (!holds) failures += 1;
  }
  print(`${CONNECTIONS} connections at a time, ${SECONDS} s each`);
  print(formatTable(rows));
  print(`connections ended as floods: ${(await edge.metrics()).sum("basalt_client_http2_floods_total")}`);
} catch (error) {
  failures += 1;
  printError(error instanceof Error ? error.message : String(error));
}
await edge.close();
await origin.close();
await rm(folder, { recursive: true, force: true });
print(failures === 0 ? "holds" : `does not hold: ${failures} findings`);
process.exit(failures === 0 ? 0 : 1);
