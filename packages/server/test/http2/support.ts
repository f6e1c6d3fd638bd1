import http2, { type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import net from "node:net";
import type { Http2Transport } from "../../src/http2/frameSender.ts";
import {
  type Acceptor,
  acceptRaw,
  bindListeningSocket,
  type ClientSocket,
  type SocketHandler,
  serveHttp2,
} from "../../src/index.ts";
import { HOST, type TestEdge } from "../support/edge.ts";

export interface Http2Answer {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly interim: readonly IncomingHttpHeaders[];
  /** 0: it ended in order. */
  readonly code: number;
}

/** As TLS does: what is written is taken during the call, one write at a time. */
class CopyingTransport implements Http2Transport, SocketHandler {
  handler: SocketHandler | undefined;
  readonly #socket: ClientSocket;
  #owesDrain = false;

  constructor(socket: ClientSocket) {
    this.#socket = socket;
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress;
  }
  get remotePort(): number {
    return this.#socket.remotePort;
  }
  get localAddress(): string {
    return this.#socket.localAddress;
  }
  get tls(): ClientSocket["tls"] {
    return this.#socket.tls;
  }
  get unsentBytes(): number {
    return this.#socket.unsentBytes;
  }

  mayWrite(): boolean {
    if (this.#socket.unsentBytes === 0) return true;
    this.#owesDrain = true;
    return false;
  }

  write(data: Buffer): boolean {
    this.#owesDrain = !this.#socket.write(Buffer.from(data));
    return !this.#owesDrain;
  }

  writePair(head: Buffer, body: Buffer): boolean {
    return this.write(Buffer.concat([head, body]));
  }

  visitUnsent(visit: (data: Buffer) => void): void {
    this.#socket.visitUnsent(visit);
  }
  pauseReading(): void {
    this.#socket.pauseReading();
  }
  resumeReading(): void {
    this.#socket.resumeReading();
  }
  end(): void {
    this.#socket.end();
  }
  endWriting(): void {
    this.#socket.endWriting();
  }
  reset(): void {
    this.#socket.reset();
  }
  destroy(): void {
    this.#socket.destroy();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.handler?.onData(buffer, start, end);
  }
  onDrain(): void {
    if (this.#owesDrain) this.handler?.onDrain();
  }
  onEnd(): void {
    this.handler?.onEnd();
  }
  onClose(): void {
    this.handler?.onClose();
  }
}

/** The engine behind a real socket, without TLS: clients know that HTTP/2 is spoken. */
export class Http2Edge {
  readonly edge: TestEdge;
  readonly port: number;
  readonly #acceptor: Acceptor;
  readonly #accepted = new Set<ClientSocket>();
  readonly #sockets = new Set<net.Socket>();
  readonly #clients: ClientHttp2Session[] = [];

  private constructor(edge: TestEdge) {
    this.edge = edge;
    const listening = bindListeningSocket("127.0.0.1", 0);
    const place: { port?: number } = {};
    listening.getsockname(place);
    this.port = place.port ?? 0;
    this.#acceptor = acceptRaw(listening, (socket, attach) => {
      this.#accepted.add(socket);
      if (!edge.server.admits(socket.remoteAddress)) {
        socket.destroy();
        return;
      }
      const transport = new CopyingTransport(socket);
      const attachTo = (handler: SocketHandler): void => {
        transport.handler = handler;
        attach(transport);
      };
      serveHttp2(edge.server, transport, attachTo, 80);
    });
  }

  static open(edge: TestEdge): Promise<Http2Edge> {
    return Promise.resolve(new Http2Edge(edge));
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
    for (const socket of this.#accepted) socket.destroy();
    this.#acceptor.close();
    await new Promise((resolve) => setImmediate(resolve));
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
