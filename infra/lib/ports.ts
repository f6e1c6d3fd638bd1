import { createServer } from "node:net";

/** Whether a listener can be opened here now; `0.0.0.0` also finds what others hold on a single address. */
export function canListen(port: number, address = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The first port from `first` on that nobody listens on. */
export async function findFreePortFrom(first: number): Promise<number> {
  for (let port = first; port < Math.min(first + 200, 65_536); port++) {
    if (await canListen(port, "0.0.0.0")) return port;
  }
  throw new Error(`no free port from ${first} to ${first + 199}`);
}

/** Below the ports of outgoing connections, and those that the test kit takes. */
const FIRST = 15_000;
const COUNT = 5_000;
const taken = new Set<number>();

/** A port that nobody listens on, and that no outgoing connection takes meanwhile; each time another one. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (taken.has(port)) continue;
    taken.add(port);
    if (await canListen(port, "0.0.0.0")) return port;
  }
  throw new Error(`no free port from ${FIRST} to ${FIRST + COUNT - 1}`);
}
