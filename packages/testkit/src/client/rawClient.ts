import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { ByteReader, WireError } from "../wire/byteReader.ts";
import { type FieldRecord, hasField, renderFields, toFlatFields } from "../wire/fields.ts";
import { readBody } from "../wire/messageBody.ts";
import { type RawResponse, type ResponseHead, readResponseHead, readWholeResponse } from "./response.ts";

export interface RequestSpec {
  readonly method?: string;
  readonly path?: string;
  /** Host field; null leaves it out. */
  readonly host?: string | null;
  readonly headers?: FieldRecord;
  /** A list is sent with the chunked coding, one chunk per element. */
  readonly body?: string | Buffer | readonly (string | Buffer)[];
  readonly version?: "1.0" | "1.1";
}

export interface RawClientOptions {
  readonly host?: string;
  /** Silence after which a read gives up. */
  readonly silenceLimitMs?: number;
  /** Unread bytes at which reading from the socket pauses. */
  readonly highWaterBytes?: number;
}

/** The bytes of a request with its framing. */
export const renderRequest = (spec: RequestSpec): Buffer => {
  const { method = "GET", path = "/", host = "localhost", headers = {}, body, version = "1.1" } = spec;
  const fields = toFlatFields(headers);
  if (host !== null && !hasField(fields, "host")) fields.unshift("Host", host);
  const parts: Buffer[] = [];
  if (Array.isArray(body)) {
    if (!hasField(fields, "transfer-encoding")) fields.push("Transfer-Encoding", "chunked");
    for (const chunk of body) parts.push(renderChunk(toBuffer(chunk)));
    parts.push(Buffer.from("0\r\n\r\n"));
  } else if (typeof body === "string" || Buffer.isBuffer(body)) {
    const content = toBuffer(body);
    if (!hasField(fields, "content-length")) fields.push("Content-Length", String(content.length));
    parts.push(content);
  }
  const head = `${method} ${path} HTTP/${version}\r\n${renderFields(fields)}\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), ...parts]);
};

const toBuffer = (content: string | Buffer): Buffer => (typeof content === "string" ? Buffer.from(content) : content);

export const renderChunk = (content: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from("\r\n")]);

/** One connection that sends what it is told and reads strictly. */
export class RawClient {
  readonly #socket: Socket;
  readonly #reader: ByteReader;

  constructor(socket: Socket, options: RawClientOptions) {
    this.#socket = socket;
    this.#reader = new ByteReader(socket, options.silenceLimitMs, options.highWaterBytes);
  }

  get bytesReceived(): number {
    return this.#reader.received;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  /** Resolves when the bytes are handed to the system; a peer that has closed already is not an error. */
  async send(bytes: string | Buffer): Promise<void> {
    const content = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    await new Promise<void>((resolve) => {
      if (this.#socket.destroyed) resolve();
      else this.#socket.write(content, () => resolve());
    });
  }

  async sendSlowly(bytes: string | Buffer, pieceBytes: number, pauseMs: number): Promise<void> {
    const content = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    for (let at = 0; at < content.length && !this.#socket.destroyed; at += pieceBytes) {
      await this.send(content.subarray(at, at + pieceBytes));
      await pause(pauseMs);
    }
  }

  /** Closes our direction only. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Ends the connection with RST, as a crashed client would. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The next response; `method` is that of the request it answers. A connection closed before it is an error. */
  async readResponse(method = "GET"): Promise<RawResponse> {
    const response = await readWholeResponse(this.#reader, method);
    if (response === undefined) throw new WireError("closed without a response");
    return response;
  }

  async readHead(method = "GET"): Promise<ResponseHead> {
    const head = await readResponseHead(this.#reader, method);
    if (head === undefined) throw new WireError("closed without a response");
    return head;
  }

  /** The content after `readHead`, as it comes; resolves with the trailers. */
  readBody(head: ResponseHead, onBytes: (bytes: Buffer) => void | Promise<void>): Promise<string[]> {
    return readBody(this.#reader, head.framing, onBytes);
  }

  /** Raw bytes, at least one; undefined when the peer has closed. */
  readSome(limit = 1 << 20): Promise<Buffer | undefined> {
    return this.#reader.readSome(limit, "more bytes");
  }

  /** Everything until the peer closes or resets. */
  async readUntilClose(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (;;) {
      const bytes = await this.#reader.readSome(1 << 20, "the close");
      if (bytes === undefined) return Buffer.concat(parts);
      parts.push(bytes);
    }
  }

  /** True when the peer closes without sending anything more; false when bytes come. */
  closedByPeer(): Promise<boolean> {
    return this.#reader.atEnd();
  }

  /** Sends a request on this connection and reads its response. */
  async request(spec: RequestSpec): Promise<RawResponse> {
    await this.send(renderRequest(spec));
    return this.readResponse(spec.method ?? "GET");
  }
}

export const rawClient = (port: number, options: RawClientOptions = {}): Promise<RawClient> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: options.host ?? "127.0.0.1", noDelay: true, allowHalfOpen: true });
    const client = new RawClient(socket, options);
    socket.once("connect", () => resolve(client));
    socket.once("error", reject);
  });

/** One request on a connection of its own. */
export const fetchOnce = async (
  port: number,
  spec: RequestSpec,
  options: RawClientOptions = {},
): Promise<RawResponse> => {
  const client = await rawClient(port, options);
  try {
    return await client.request(spec);
  } finally {
    client.close();
  }
};
