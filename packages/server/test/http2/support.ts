import http2, { type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import net, { type AddressInfo } from "node:net";
import { serveHttp2 } from "../../src/index.ts";
import { HOST, type TestEdge } from "../support/edge.ts";

export interface Http2Answer {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly interim: readonly IncomingHttpHeaders[];
  /** 0: it ended in order. */
  readonly code: number;
}

/** The engine behind a real socket, without TLS: clients know that HTTP/2 is spoken. */
export class Http2Edge {
  readonly edge: TestEdge;
  readonly #listener: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #clients: ClientHttp2Session[] = [];

  private constructor(edge: TestEdge, listener: net.Server) {
    this.edge = edge;
    this.#listener = listener;
  }

  static async open(edge: TestEdge): Promise<Http2Edge> {
    const listener = net.createServer();
    const opened = new Http2Edge(edge, listener);
    listener.on("connection", (socket) => {
      opened.#sockets.add(socket);
      if (edge.server.admits(socket.remoteAddress ?? "")) serveHttp2(edge.server, socket, 80);
      else socket.destroy();
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    return opened;
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#listener.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return address.port;
  }

  client(options: http2.ClientSessionOptions = {}): ClientHttp2Session {
    const client = http2.connect(`http://127.0.0.1:${this.port}`, options);
    client.on("error", () => {});
    client.setMaxListeners(0);
    this.#clients.push(client);
    return client;
  }

  rawClient(): net.Socket {
    const socket = net.connect(this.port, "127.0.0.1");
    socket.on("error", () => {});
    this.#sockets.add(socket);
    return socket;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#listener.close(resolve));
  }
}

/** One request, its answer whole. */
export const ask = (
  client: ClientHttp2Session,
  path: string,
  fields: OutgoingHttpHeaders = {},
  body?: Buffer | readonly Buffer[],
): Promise<Http2Answer> =>
  new Promise((resolve, reject) => {
    const stream = client.request(
      { ":path": path, ":authority": HOST, ":scheme": "https", ...fields },
      { endStream: body === undefined },
    );
    let head: IncomingHttpHeaders | undefined;
    const interim: IncomingHttpHeaders[] = [];
    const pieces: Buffer[] = [];
    stream.on("headers", (each) => interim.push(each));
    stream.on("response", (each) => {
      head = each;
    });
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("error", () => {});
    stream.on("close", () => {
      const status = Number(head?.[":status"] ?? 0);
      resolve({ status, fields: head ?? {}, body: Buffer.concat(pieces), interim, code: stream.rstCode ?? 0 });
    });
    client.once("close", () => reject(new Error("the connection was closed")));
    if (body === undefined) return;
    for (const piece of Buffer.isBuffer(body) ? [body] : body) stream.write(piece);
    stream.end();
  });
