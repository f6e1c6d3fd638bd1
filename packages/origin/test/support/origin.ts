import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface TestOrigin {
  readonly port: number;
  /** Connections accepted so far. */
  readonly connections: () => number;
  readonly sockets: ReadonlySet<Socket>;
  readonly stop: () => Promise<void>;
}

const listen = async (server: Server, port: number, host: string): Promise<TestOrigin> => {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(stop);
  return { port: portOf(server), connections: () => connections, sockets, stop };
};

const portOf = (server: Server): number => {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  return address.port;
};

/** A well-behaved origin. */
export const httpOrigin = (answer: RequestListener, port = 0): Promise<TestOrigin> =>
  listen(createHttpServer({ keepAliveTimeout: 60_000 }, answer), port, "127.0.0.1");

/** An origin that writes whatever a test wants, byte by byte; `onRequest` runs once per request head received. */
export const rawOrigin = (
  onRequest: (socket: Socket, head: string, nth: number) => void,
  host = "127.0.0.1",
): Promise<TestOrigin> => {
  let requests = 0;
  const server = createServer((socket) => {
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      for (let end = received.indexOf("\r\n\r\n"); end >= 0; end = received.indexOf("\r\n\r\n")) {
        const head = received.slice(0, end);
        received = received.slice(end + 4);
        requests += 1;
        onRequest(socket, head, requests);
      }
    });
  });
  return listen(server, 0, host);
};

/** A port on which nobody listens. */
export const refusedPort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};
