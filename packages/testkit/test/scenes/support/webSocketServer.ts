import { createHash } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";

/** RFC 6455 1.3. */
const ACCEPT_SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

interface Frame {
  readonly isLast: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
  readonly bytes: number;
}

const unmasked = (data: Buffer, mask: Buffer): Buffer => {
  const plain = Buffer.from(data);
  for (let index = 0; index < plain.length; index++) plain[index] = (plain[index] ?? 0) ^ (mask[index & 3] ?? 0);
  return plain;
};

/** The frame at the beginning of the bytes; undefined while it is not complete. Clients mask theirs (RFC 6455 5.2). */
const readFrame = (bytes: Buffer): Frame | undefined => {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + lengthBytes + 4;
  if (bytes.length < start) return undefined;
  const length =
    lengthBytes === 0 ? short : lengthBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < start + length) return undefined;
  const payload = unmasked(bytes.subarray(start, start + length), bytes.subarray(start - 4, start));
  return { isLast: (bytes[0] ?? 0) >= 128, opcode: (bytes[0] ?? 0) & 15, payload, bytes: start + length };
};

export const frameOf = (opcode: number, payload: Buffer, isLast = true): Buffer => {
  const first = opcode + (isLast ? 128 : 0);
  if (payload.length < 126) return Buffer.concat([Buffer.from([first, payload.length]), payload]);
  const head = Buffer.alloc(payload.length < 65_536 ? 4 : 10);
  head[0] = first;
  if (head.length === 4) {
    head[1] = 126;
    head.writeUInt16BE(payload.length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head, payload]);
};

/** An origin that speaks WebSocket and sends back what it is sent; `close` from the client is answered. */
export class WebSocketServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Payloads of pongs. */
  readonly pongs: string[] = [];
  /** Close frames of clients. */
  closes = 0;
  connections = 0;
  port = 0;
  /** Called with each connection that has been accepted as a WebSocket. */
  onOpen: (socket: Socket) => void = () => {};

  constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen({ port: 0, host: "127.0.0.1" }, resolve));
    const address = this.#server.address();
    if (address !== null && typeof address === "object") this.port = address.port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    let waiting: Buffer = Buffer.alloc(0);
    let isOpen = false;
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("end", () => socket.end());
    socket.on("data", (chunk) => {
      waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
      if (!isOpen) {
        const end = waiting.indexOf("\r\n\r\n");
        if (end < 0) return;
        const key = /^sec-websocket-key: *(\S+)/im.exec(waiting.toString("latin1", 0, end))?.[1] ?? "";
        const accept = createHash("sha1")
          .update(key + ACCEPT_SALT)
          .digest("base64");
        waiting = waiting.subarray(end + 4);
        isOpen = true;
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        this.onOpen(socket);
      }
      for (let frame = readFrame(waiting); frame !== undefined; frame = readFrame(waiting)) {
        waiting = waiting.subarray(frame.bytes);
        this.#answer(socket, frame);
      }
    });
  }

  #answer(socket: Socket, { opcode, payload, isLast }: Frame): void {
    if (opcode === OPCODE.pong) this.pongs.push(String(payload));
    else if (opcode === OPCODE.ping) socket.write(frameOf(OPCODE.pong, payload));
    else if (opcode === OPCODE.close) {
      this.closes += 1;
      if (socket.writable) socket.end(frameOf(OPCODE.close, payload));
    } else if (socket.writable) socket.write(frameOf(opcode, payload, isLast));
  }
}
