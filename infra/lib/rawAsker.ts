import { createConnection, type Socket } from "node:net";

/** One keep-alive connection that asks one thing at a time; for measuring, so no more than it must be. */
export interface RawAsker {
  /** Resolves with the status when the whole answer has arrived. */
  ask(path: string): Promise<number>;
  close(): void;
}

export function connectAsker(port: number): Promise<RawAsker> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    let settle: { resolve(status: number): void; reject(error: Error): void } | undefined;
    const fail = (error: Error) => {
      reject(error);
      settle?.reject(error);
    };
    const socket: Socket = createConnection({ port, host: "127.0.0.1", noDelay: true }, () =>
      resolve({
        ask: (path) =>
          new Promise<number>((answered, failed) => {
            settle = { resolve: answered, reject: failed };
            socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
          }),
        close: () => socket.destroy(),
      }),
    );
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("connection closed")));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const headEnd = received.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const head = received.toString("latin1", 0, headEnd);
      const length = /^content-length: *(\d+)/im.exec(head)?.[1];
      if (length === undefined) return fail(new Error("an answer without Content-Length"));
      if (received.length < headEnd + 4 + Number(length)) return;
      received = Buffer.alloc(0);
      settle?.resolve(Number(head.slice(9, 12)));
    });
  });
}
