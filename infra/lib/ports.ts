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

/** A port the system has just handed out; nobody else is likely to get it in the next seconds. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
