import { createServer } from "node:net";

/**
 * Below the range from which systems take the ports of outgoing connections: a port found free here stays free while
 * thousands of test connections come and go, also over a restart of the edge.
 */
const FIRST = 20_000;
const LAST = 31_999;
const taken = new Set<number>();

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1" }, () => server.close(() => resolve(true)));
  });

/** A TCP port on loopback that nothing uses and that this process has not handed out before. */
export const findFreePort = async (): Promise<number> => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (taken.has(port)) continue;
    taken.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${FIRST} and ${LAST}`);
};
