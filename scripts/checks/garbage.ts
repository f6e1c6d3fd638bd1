import { createConnection, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { readMemory } from "../../infra/lib/procfs.ts";
import { connectAsker } from "../../infra/lib/rawAsker.ts";
import { runCheck, type Scene } from "./check.ts";

const CONNECTIONS = 1000;
const AT_ONCE = 200;
const HEAD_TIMEOUT_SECONDS = 2;
const MEMORY_LEEWAY_BYTES = 16 << 20;

/** A small generator with a seed, so that a failure can be had again. */
function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

const { values } = parseArgs({ options: { seed: { type: "string", default: "20250301" } } });
const random = createRandom(Number(values.seed));

function randomBytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

const HEAD = "GET /bytes/1024/a HTTP/1.1\r\nHost: rig.example\r\nX-Field: value\r\n\r\n";

/** What a bad client sends, and whether it then stays connected and silent. */
const MAKERS: readonly (() => { readonly bytes: Buffer; readonly staysSilent: boolean })[] = [
  () => ({ bytes: randomBytes(1 + random(4000)), staysSilent: false }),
  () => ({ bytes: randomBytes(1 + random(40)), staysSilent: true }),
  () => ({ bytes: Buffer.alloc(0), staysSilent: true }),
  () => ({ bytes: Buffer.from(HEAD.slice(0, random(HEAD.length - 1))), staysSilent: true }),
  () => ({ bytes: Buffer.from(`GET /${"a".repeat(random(60_000))} HTTP/1.1\r\nHost: x\r\n\r\n`), staysSilent: false }),
  () => ({ bytes: Buffer.from(`GET / HTTP/1.1\r\n${"X-A: b\r\n".repeat(random(6000))}\r\n`), staysSilent: false }),
  () => ({
    bytes: Buffer.from("POST / HTTP/1.1\r\nHost: rig.example\r\nContent-Length: 100000\r\n\r\npart"),
    staysSilent: true,
  }),
  () => ({
    bytes: Buffer.from("POST / HTTP/1.1\r\nHost: rig.example\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    staysSilent: false,
  }),
  () => {
    const head = Buffer.from(HEAD);
    for (let flips = 0; flips <= random(4); flips++) head[random(head.length)] = random(256);
    return { bytes: head, staysSilent: false };
  },
];

/** Resolves when the connection is closed, or when the client has nothing more to say and leaves. */
function misbehave(port: number, index: number): { readonly closed: Promise<void>; readonly socket: Socket } {
  const { bytes, staysSilent } = MAKERS[index % MAKERS.length]?.() ?? { bytes: Buffer.from(HEAD), staysSilent: false };
  const socket = createConnection({ port, host: "127.0.0.1" }, () => {
    socket.write(bytes);
    if (!staysSilent) setTimeout(() => socket.end(), 50 + random(200));
  });
  socket.resume();
  const closed = new Promise<void>((resolve) => {
    socket.on("error", () => {});
    socket.once("close", () => resolve());
  });
  return { closed, socket };
}

async function workerBytes({ edge }: Scene): Promise<number> {
  const { workers } = await edge.status();
  return workers.reduce((sum, { pid }) => sum + readMemory(pid).anonymousBytes, 0);
}

async function settledWorkerBytes(scene: Scene): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 5; look++) {
    await delay(600);
    least = Math.min(least, await workerBytes(scene));
  }
  return least;
}

async function sendGarbage(port: number, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    const group = Array.from({ length: Math.min(AT_ONCE, count - sent) }, (_, index) => misbehave(port, sent + index));
    await delay(200);
    for (const { socket } of group.filter((_, index) => index % 3 === 0)) socket.destroy();
    const patience = new AbortController();
    const closed = Promise.all(group.map((each) => each.closed)).then(() => true);
    const late = delay((HEAD_TIMEOUT_SECONDS + 8) * 1000, false, { signal: patience.signal }).catch(() => false);
    const allClosed = await Promise.race([closed, late]);
    patience.abort();
    if (!allClosed) throw new Error("silent connections stay open after the head time-out");
  }
}

await runCheck(
  {
    workers: 2,
    cacheXml: `<ClientLimits><HeadTimeout>${HEAD_TIMEOUT_SECONDS}</HeadTimeout><BodyTimeout>${HEAD_TIMEOUT_SECONDS}</BodyTimeout></ClientLimits>`,
    optionsXml: `<ClientKeepAliveSec>${HEAD_TIMEOUT_SECONDS}</ClientKeepAliveSec>`,
  },
  async (scene) => {
    const { edge, port, expect } = scene;
    const pidsBefore = (await edge.status()).workers.map(({ pid }) => pid);
    // The heap has its working size only after the same traffic: what counts is whether more of it adds more.
    await sendGarbage(port, CONNECTIONS);
    const before = await settledWorkerBytes(scene);
    await sendGarbage(port, CONNECTIONS);
    const after = await settledWorkerBytes(scene);
    const { workers } = await edge.status();
    const asker = await connectAsker(port);
    const status = await asker.ask("/bytes/1024/a");
    asker.close();
    const megabytes = (bytes: number) => (bytes / (1 << 20)).toFixed(1);
    expect(status === 200, `a good client is answered with ${status} after ${CONNECTIONS} bad ones`);
    expect(workers.map(({ pid }) => pid).join() === pidsBefore.join(), "the same workers as before");
    const open = workers.reduce((sum, { connections }) => sum + connections, 0);
    expect(open === 0, `connections left open: ${open}`);
    expect(
      after - before < MEMORY_LEEWAY_BYTES,
      `memory of the workers ${megabytes(before)} MB before and ${megabytes(after)} MB after`,
    );
  },
);
