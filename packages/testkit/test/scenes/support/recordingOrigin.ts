import { createServer, type Server, type Socket } from "node:net";

export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

type Reading =
  | { readonly kind: "request"; readonly request: RecordedRequest; readonly end: number }
  | { readonly kind: "incomplete" };

class NotWellFormed extends Error {}

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

const refuse = (what: string, text: string): never => {
  throw new NotWellFormed(`${what}: ${JSON.stringify(text.slice(0, 200))}`);
};

const linesOf = (block: string): string[] => {
  const lines = block.split("\r\n");
  for (const line of lines) if (/[\r\n]/.test(line)) refuse("a bare CR or LF", line);
  return lines;
};

/** The first request in the bytes, read as strictly as RFC 9112 allows: nothing is tolerated, nothing is guessed. */
const readRequest = (text: string): Reading => {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return { kind: "incomplete" };
  const [requestLine = "", ...lines] = linesOf(text.slice(0, headEnd));
  const [, method = refuse("no request line", requestLine), target = ""] = REQUEST_LINE.exec(requestLine) ?? [];
  const fields = lines.map((line): readonly [string, string] => {
    const [, name = refuse("no field line", line), value = ""] = FIELD_LINE.exec(line) ?? [];
    return [name.toLowerCase(), value];
  });
  const valuesOf = (name: string): string[] => fields.filter(([sent]) => sent === name).map(([, value]) => value);
  if (valuesOf("host").length !== 1) refuse("not one Host", text);
  const lengths = valuesOf("content-length");
  const codings = valuesOf("transfer-encoding");
  if (lengths.length + codings.length > 1) refuse("more than one framing field", text);
  const [length] = lengths;
  const content =
    codings.length > 0
      ? readChunks(text, headEnd + 4, codings.join())
      : readLength(text, headEnd + 4, length === undefined ? "0" : length);
  if (content === undefined) return { kind: "incomplete" };
  return { kind: "request", request: { method, target, fields, body: content.body }, end: content.end };
};

const readLength = (text: string, start: number, length: string): { body: string; end: number } | undefined => {
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(length)) refuse("a Content-Length that is none", length);
  const end = start + Number(length);
  return end > text.length ? undefined : { body: text.slice(start, end), end };
};

const readChunks = (text: string, start: number, coding: string): { body: string; end: number } | undefined => {
  if (coding !== "chunked") refuse("another coding than chunked", coding);
  let body = "";
  for (let position = start; ; ) {
    const lineEnd = text.indexOf("\r\n", position);
    if (lineEnd < 0) return undefined;
    const line = text.slice(position, lineEnd);
    if (!/^[0-9a-fA-F]{1,8}$/.test(line)) refuse("no plain chunk size", line);
    const size = Number.parseInt(line, 16);
    const end = lineEnd + 2 + size;
    if (text.length < end + 2) return undefined;
    if (text.slice(end, end + 2) !== "\r\n") refuse("no CRLF behind a chunk", text.slice(end));
    body += text.slice(lineEnd + 2, end);
    position = end + 2;
    if (size === 0) return { body, end: position };
  }
};

/** What is sent back for a request; `close` ends the connection behind it. */
export interface RawReply {
  readonly bytes: Buffer;
  readonly close: boolean;
}

/** An origin that notes what it gets byte by byte and answers what it is told to. */
export class RecordingOrigin {
  readonly requests: RecordedRequest[] = [];
  /** What came and was not a well-formed request. */
  readonly violations: string[] = [];
  /** Connections that ended within a request. */
  cutRequests = 0;
  reply: (request: RecordedRequest) => RawReply = ({ method }) => ({
    bytes: Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${method === "HEAD" ? "" : "ok"}`),
    close: false,
  });
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let unread = "";
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (unread !== "") this.cutRequests += 1;
    });
    socket.on("data", (chunk) => {
      unread += chunk.toString("latin1");
      try {
        for (let reading = readRequest(unread); reading.kind === "request"; reading = readRequest(unread)) {
          unread = unread.slice(reading.end);
          this.#answer(socket, reading.request);
        }
      } catch (error) {
        this.violations.push(error instanceof NotWellFormed ? error.message : String(error));
        unread = "";
        socket.destroy();
      }
    });
  }

  #answer(socket: Socket, request: RecordedRequest): void {
    this.requests.push(request);
    const { bytes, close } = this.reply(request);
    if (close) socket.end(bytes);
    else socket.write(bytes);
  }
}
