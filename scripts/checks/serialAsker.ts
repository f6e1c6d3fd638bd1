import { createConnection } from "node:net";

/** A keep-alive connection that asks one thing at a time and reads the number in the answer's body. */
export interface SerialAsker {
  ask(path: string): Promise<number>;
  close(): void;
}

export function connectSerialAsker(port: number): Promise<SerialAsker> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    let waiting: PromiseWithResolvers<number> | undefined;
    const fail = (error: Error) => {
      reject(error);
      waiting?.reject(error);
    };
    const socket = createConnection({ port, host: "127.0.0.1", noDelay: true }, () =>
      resolve({
        ask: (path) => {
          waiting = Promise.withResolvers<number>();
          socket.write(`GET ${path} HTTP/1.1\r\nHost: rig.example\r\n\r\n`);
          return waiting.promise;
        },
        close: () => socket.destroy(),
      }),
    );
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("connection closed")));
    socket.on("data", (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const headEnd = received.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const head = received.toString("latin1", 0, headEnd);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Number.NaN);
      if (!head.startsWith("HTTP/1.1 200") || Number.isNaN(length)) return fail(new Error(head.slice(0, 40)));
      if (received.length < headEnd + 4 + length) return;
      const serial = Number(received.toString("latin1", headEnd + 4, headEnd + 4 + length));
      received = Buffer.alloc(0);
      waiting?.resolve(serial);
    });
  });
}

/** Asks for every path once, over so many connections; the numbers in the order of the paths. */
export async function askAll(port: number, paths: readonly string[], connections: number): Promise<number[]> {
  const serials: number[] = [];
  let next = 0;
  const run = async () => {
    const asker = await connectSerialAsker(port);
    for (let index = next++; index < paths.length; index = next++) {
      serials[index] = await asker.ask(paths[index] ?? "/");
    }
    asker.close();
  };
  await Promise.all(Array.from({ length: connections }, run));
  return serials;
}
