import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { findFreePort } from "../../infra/lib/ports.ts";
import { formatTable, print } from "../../infra/lib/print.ts";
import { largestSample, readRolePids, sampleMemory, startMemorySampler } from "../../infra/perf/memorySampler.ts";
import { runCheck, type Scene } from "./check.ts";

const KB = 1 << 10;
const MB = 1 << 20;
const GB = 1 << 30;

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const DOWNLOAD_SECONDS = values.quick ? 10 : 60;
const UPLOAD_BYTES = GB;
/** As long as a client may ask for; it is stopped long before. */
const ENDLESS_BYTES = 10 ** 15;
/** What a worker may take more than before, whatever the length: buffers that wait to be collected. */
const ALLOWED_GROWTH_BYTES = 128 * MB;
const SETTLE_MS = 2000;
const SILENT_CLIENTS = 20;

const head = (method: string, path: string, length: number): string =>
  `${method} ${path} HTTP/1.1\r\nHost: rig.example\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`;

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => resolve(socket)).once("error", reject);
  });

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

/** The status of the answer. */
async function upload(port: number, bytes: number): Promise<{ readonly status: number; readonly moved: number }> {
  const socket = await open(port);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += String(chunk);
  });
  const ended = new Promise((resolve) => socket.once("close", resolve).once("error", resolve));
  socket.write(head("POST", "/upload", bytes));
  const chunk = Buffer.alloc(256 * KB, "x");
  let moved = 0;
  for (; moved < bytes && !socket.destroyed; moved += chunk.length) {
    if (!socket.write(chunk)) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), ended]);
  }
  await ended;
  return { status: statusOf(answer), moved };
}

/** Reads for that long, or only the beginning and then nothing more. */
async function download(port: number, seconds: number, isSilent = false) {
  const socket = await open(port);
  socket.on("error", () => {});
  let moved = 0;
  let status = 0;
  socket.on("data", (chunk) => {
    if (moved === 0) status = statusOf(String(chunk.subarray(0, 20)));
    moved += chunk.length;
    if (isSilent && moved > MB) socket.pause();
  });
  socket.write(head("GET", `/bytes/${ENDLESS_BYTES}/endless`, 0));
  await delay(seconds * 1000);
  const wasOpen = !socket.destroyed;
  socket.destroy();
  return { status, moved, wasOpen };
}

const inMb = (bytes: number) => (bytes / MB).toFixed(0);

/** Runs something and compares the memory of the workers before, at most and after. */
async function watch(scene: Scene, name: string, run: () => Promise<number>): Promise<string[]> {
  const pids = await readRolePids(scene.edge);
  const before = sampleMemory(pids, 0);
  const sampler = startMemorySampler(pids);
  const moved = await run();
  sampler.stop();
  const most = largestSample(sampler.samples) ?? before;
  await delay(SETTLE_MS);
  const after = sampleMemory(pids, 0);
  const growth = most.workerRss.map((rss, index) => rss - (before.workerRss[index] ?? 0));
  const largest = Math.max(...growth);
  scene.expect(
    largest <= ALLOWED_GROWTH_BYTES,
    `${name}: ${inMb(moved)} MB through a worker that grew by ${inMb(Math.max(0, largest))} MB`,
  );
  const row = [before, most, after].map(({ workerRss }) => workerRss.map(inMb).join(" + "));
  return [name, inMb(moved), ...row];
}

const bypassedPort = await findFreePort();

await runCheck(
  {
    workers: 2,
    optionsXml: "<BypassGetRequest>ON</BypassGetRequest>",
    vhostXml: (originPort) => `<PortBypass Dest="${originPort}">${bypassedPort}</PortBypass>`,
  },
  async (scene) => {
    const { expect } = scene;
    const places = [
      ["bypass", scene.port],
      ["port bypass", bypassedPort],
    ] as const;
    const rows = [["stream", "MB", "workers before (MB)", "at most (MB)", "after (MB)"]];
    for (const [place, port] of places) {
      rows.push(
        await watch(scene, `${place}: upload`, async () => {
          const { status, moved } = await upload(port, UPLOAD_BYTES);
          expect(status === 200, `${place}: the upload is answered with ${status}`);
          return moved;
        }),
      );
      rows.push(
        await watch(scene, `${place}: endless download`, async () => {
          const { status, moved, wasOpen } = await download(port, DOWNLOAD_SECONDS);
          expect(status === 200 && wasOpen, `${place}: the download goes on until the client has enough`);
          return moved;
        }),
      );
      rows.push(
        await watch(scene, `${place}: ${SILENT_CLIENTS} downloads that nobody reads`, async () => {
          const silent = Array.from({ length: SILENT_CLIENTS }, () => download(port, DOWNLOAD_SECONDS / 2, true));
          const ends = await Promise.all(silent);
          expect(
            ends.every(({ status, wasOpen }) => status === 200 && wasOpen),
            `${place}: all of them begin, and wait`,
          );
          return ends.reduce((sum, { moved }) => sum + moved, 0);
        }),
      );
    }
    print(formatTable(rows));
    await delay(SETTLE_MS);
    const open = (await scene.edge.status()).workers.reduce((sum, { connections }) => sum + connections, 0);
    expect(open === 0, `${open} connections are left open`);
  },
);
