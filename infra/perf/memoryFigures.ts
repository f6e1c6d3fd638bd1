import { createConnection, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { readMemory } from "../lib/procfs.ts";
import { runWrk } from "../lib/wrk.ts";
import type { Contender } from "./contender.ts";
import type { Figure } from "./figures.ts";
import { fillObjects } from "./fillObjects.ts";
import { fetchHead } from "./measureLoad.ts";
import type { Rig } from "./rig.ts";

const KB = 1024;
const OBJECT_BYTES = KB;
const SETTLE_MS = 4000;
const CONNECT_AT_ONCE = 100;

/** Least of several looks: what is left when the collector has run. */
async function readSettledBytes(pids: readonly number[]): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 5; look++) {
    await delay(SETTLE_MS / 5);
    least = Math.min(
      least,
      pids.reduce((sum, pid) => sum + readMemory(pid).anonymousBytes, 0),
    );
  }
  return least;
}

/** Idle worker, idle keep-alive connection, object in the memory tier: growth of anonymous memory of the workers. */
export async function measureMemory(rig: Rig): Promise<Figure[]> {
  const connections = rig.smoke ? 200 : 5000;
  const objects = rig.smoke ? 1000 : 100_000;
  const basalt = await rig.startBasalt();
  const nginx = await rig.startNginx();
  const basaltWorker = await basalt.workerPids();
  const nginxWorker = await nginx.workerPids();
  const rss = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + readMemory(pid).rssBytes, 0);
  const pss = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + readMemory(pid).pssBytes, 0);
  await delay(SETTLE_MS);
  const idleRss = [rss(basaltWorker), rss(nginxWorker)] as const;
  const idlePss = pss(basaltWorker);
  const perConnection = [
    await measureConnection(basalt, basaltWorker, connections),
    await measureConnection(nginx, nginxWorker, connections),
  ] as const;
  const perObject = await measureObject(rig, basalt, basaltWorker, objects);
  await rig.stop(basalt);
  await rig.stop(nginx);
  const figure = (
    id: string,
    title: string,
    unit: string,
    values: readonly [number, number | undefined],
    marks: readonly [number, number],
    remark: string,
  ): Figure => ({
    id,
    title,
    unit,
    basalt: values[0],
    nginx: values[1],
    value: values[0],
    valueUnit: unit,
    spread: undefined,
    budget: marks[0],
    stretch: marks[1],
    better: "lower",
    remark,
  });
  const MB = KB * KB;
  return [
    figure(
      "memory-worker",
      "memory of an idle worker",
      "MB",
      [idleRss[0] / MB, idleRss[1] / MB],
      [80, 60],
      `RSS; PSS ${(idlePss / MB).toFixed(1)} MB`,
    ),
    figure(
      "memory-connection",
      "memory of an idle keep-alive connection",
      "KB",
      [perConnection[0] / KB, perConnection[1] / KB],
      [8, 4],
      `${connections} connections after one request each; without the kernel's part`,
    ),
    figure(
      "memory-object",
      "memory of an object in the memory tier beyond its bytes",
      "B",
      [perObject, undefined],
      [400, 250],
      `${objects} objects of 1 KB; the process grew by what is above their bytes, divided by their number`,
    ),
  ];
}

async function measureConnection(contender: Contender, pids: readonly number[], count: number): Promise<number> {
  const path = `/bytes/${KB}/a`;
  await fetchHead(`http://127.0.0.1:${contender.port}${path}`, []);
  await runWrk({ url: `http://127.0.0.1:${contender.port}${path}`, connections: 64, seconds: 2 });
  const before = await readSettledBytes(pids);
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const group = Math.min(CONNECT_AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: group }, () => openAndAsk(contender.port, path)))));
  }
  const after = await readSettledBytes(pids);
  for (const socket of sockets) socket.destroy();
  return (after - before) / count;
}

/** An open connection that has had one answer. */
function openAndAsk(port: number, path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: "127.0.0.1" }, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`),
    );
    socket.once("error", reject);
    socket.once("data", () => {
      socket.resume();
      resolve(socket);
    });
  });
}

async function measureObject(rig: Rig, contender: Contender, pids: readonly number[], count: number): Promise<number> {
  const url = `http://127.0.0.1:${contender.port}/`;
  const rotate = (name: string, objects: number, seconds: number) =>
    runWrk({
      url,
      connections: 16,
      seconds,
      cores: rig.loadCores,
      rotate: [{ pathPattern: `/bytes/${OBJECT_BYTES}/${name}-%d`, count: objects }],
    });
  // The code that fills must be warm before the first look.
  await rotate("warm", 2000, rig.smoke ? 1 : 4);
  const before = await readSettledBytes(pids);
  const pathPattern = `/bytes/${OBJECT_BYTES}/object-%d`;
  await fillObjects(contender.port, { pathPattern, count }, rig.origin, rig.loadCores);
  // Objects enter the tier when they are asked for again.
  for (let slice = 0; slice < (rig.smoke ? 1 : 5); slice++) await rotate("object", count, rig.smoke ? 1 : 5);
  const after = await readSettledBytes(pids);
  return (after - before - count * OBJECT_BYTES) / count;
}
