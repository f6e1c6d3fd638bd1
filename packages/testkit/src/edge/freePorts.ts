import { createServer } from "node:net";

/**
 * Below the range from which systems take the ports of outgoing connections: a port found free here stays free while
 * thousands of test connections come and go, also over a restart of the edge.
 */
const FIRST = 20_000;
const COUNT = 12_000;
/** Test files that run side by side take theirs from different parts: a port is not bound yet when it is handed out. */
const PARTS = 4;
const part = (Number(process.env.VITEST_POOL_ID ?? 0) + PARTS - 1) % PARTS;
const partStart = FIRST + part * (COUNT / PARTS);
const taken = new Set<number>();

const isFree = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host }, () => server.close(() => resolve(true)));
  });

/** A TCP port on loopback that nothing uses and that this process has not handed out before. */
export const findFreePort = async (host = "127.0.0.1"): Promise<number> => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = partStart + Math.floor((Math.random() * COUNT) / PARTS);
    if (taken.has(port)) continue;
    taken.add(port);
    if (await isFree(port, host)) return port;
  }
  throw new Error(`no free port from ${partStart} on`);
};
