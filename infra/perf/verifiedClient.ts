import { createConnection, type Socket } from "node:net";
import type { ByteRange } from "./blockUnion.ts";
import { bodySeed, isBodyAt } from "./positionedBody.ts";

export interface BodyRequest {
  /** See `bodyPath`. */
  readonly path: string;
  /** Length of the whole body. */
  readonly bytes: number;
  readonly range?: ByteRange | undefined;
  /** Leaves in the middle of the body, after that many bytes. */
  readonly leaveAfterBytes?: number | undefined;
  /** Sees the bytes of the body as they come. */
  readonly onBytes?: ((bytes: Buffer) => void) | undefined;
}

export type BodyOutcome =
  | { readonly kind: "right"; readonly status: number; readonly bytes: number; readonly firstByteAtMs: number }
  | { readonly kind: "left"; readonly bytes: number; readonly firstByteAtMs: number }
  /** Another body, length or range than the right one: what no fault may ever cause. */
  | { readonly kind: "wrong"; readonly reason: string }
  /** An answer that says that it is none: an error page. */
  | { readonly kind: "status"; readonly status: number }
  /** No answer, or one that ended early. */
  | { readonly kind: "failed"; readonly reason: string };

const HEAD_LIMIT_BYTES = 64 << 10;
const SILENCE_MS = 60_000;

/** Reads end before the next begins, so all connections of the process share it. */
const readBuffer = Buffer.allocUnsafeSlow(256 << 10);

interface Exchange {
  readonly request: BodyRequest;
  readonly seed: number;
  readonly settle: (outcome: BodyOutcome) => void;
  head: Buffer | undefined;
  firstByteAtMs: number;
  status: number;
  position: number;
  /** Behind the last byte that the answer announces. */
  end: number;
  received: number;
  /** The server closes the connection behind this answer. */
  isLast: boolean;
}

/** One keep-alive connection that asks one thing at a time and compares every byte that comes. */
export class VerifiedClient {
  readonly #socket: Socket;
  #exchange: Exchange | undefined;
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  ask(request: BodyRequest): Promise<BodyOutcome> {
    return new Promise((settle) => {
      if (this.#isClosed) {
        settle({ kind: "failed", reason: "closed while idle" });
        return;
      }
      this.#exchange = {
        request,
        seed: bodySeed(request.path),
        settle,
        head: Buffer.alloc(0),
        firstByteAtMs: 0,
        status: 0,
        position: 0,
        end: 0,
        received: 0,
        isLast: false,
      };
      const { path, range } = request;
      const rangeField = range === undefined ? "" : `Range: bytes=${range.first}-${range.last}\r\n`;
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: rig.example\r\n${rangeField}\r\n`);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  /** For the socket only. */
  receive(bytes: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.close();
      return;
    }
    if (exchange.firstByteAtMs === 0) exchange.firstByteAtMs = Date.now();
    if (exchange.head === undefined) this.#takeBody(exchange, bytes);
    else this.#takeHead(exchange, exchange.head, bytes);
  }

  /** For the socket only: what ends the connection ends the exchange. */
  fail(reason: string): void {
    this.#isClosed = true;
    this.#socket.destroy();
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const place = exchange.head === undefined ? "in the body" : "before the answer";
    this.#end(exchange, { kind: "failed", reason: `${reason} ${place}` });
  }

  #takeHead(exchange: Exchange, before: Buffer, bytes: Buffer): void {
    const head = Buffer.concat([before, bytes]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) {
      exchange.head = head;
      if (head.length > HEAD_LIMIT_BYTES) this.#endAndClose(exchange, { kind: "wrong", reason: "an endless head" });
      return;
    }
    exchange.head = undefined;
    const verdict = judgeHead(head.toString("latin1", 0, end), exchange);
    if (verdict !== undefined) this.#endAndClose(exchange, verdict);
    else this.#takeBody(exchange, head.subarray(end + 4));
  }

  #takeBody(exchange: Exchange, bytes: Buffer): void {
    const { request, seed } = exchange;
    if (bytes.length > exchange.end - exchange.position) {
      this.#endAndClose(exchange, { kind: "wrong", reason: `${request.path}: more bytes than announced` });
      return;
    }
    if (!isBodyAt(seed, exchange.position, bytes)) {
      const place = `${exchange.position} to ${exchange.position + bytes.length}`;
      this.#endAndClose(exchange, { kind: "wrong", reason: `${request.path}: other bytes from ${place}` });
      return;
    }
    request.onBytes?.(bytes);
    exchange.position += bytes.length;
    exchange.received += bytes.length;
    const { firstByteAtMs, received, status } = exchange;
    if (request.leaveAfterBytes !== undefined && received >= request.leaveAfterBytes) {
      this.#endAndClose(exchange, { kind: "left", bytes: received, firstByteAtMs });
    } else if (exchange.position === exchange.end) {
      const outcome = { kind: "right", status, bytes: received, firstByteAtMs } as const;
      if (exchange.isLast) this.#endAndClose(exchange, outcome);
      else this.#end(exchange, outcome);
    }
  }

  #endAndClose(exchange: Exchange, outcome: BodyOutcome): void {
    this.close();
    this.#end(exchange, outcome);
  }

  #end(exchange: Exchange, outcome: BodyOutcome): void {
    if (this.#exchange !== exchange) return;
    this.#exchange = undefined;
    exchange.settle(outcome);
  }
}

/** Sets what the head announces; undefined when the body may follow. */
function judgeHead(head: string, exchange: Exchange): BodyOutcome | undefined {
  const { path, bytes, range } = exchange.request;
  const status = Number(head.slice(9, 12));
  exchange.status = status;
  exchange.isLast = /^connection: *close\r?$/im.test(head);
  if (status !== 200 && status !== 206) return { kind: "status", status };
  const length = Number(/^content-length: *(\d+)\r?$/im.exec(head)?.[1] ?? Number.NaN);
  if (status === 200) {
    exchange.end = bytes;
    return length === bytes ? undefined : { kind: "wrong", reason: `${path}: length ${length} instead of ${bytes}` };
  }
  const announced = /^content-range: *(.*?)\r?$/im.exec(head)?.[1];
  const right = range === undefined ? undefined : `bytes ${range.first}-${range.last}/${bytes}`;
  if (range === undefined || announced !== right || length !== range.last - range.first + 1) {
    return { kind: "wrong", reason: `${path}: ${announced} of ${length} bytes instead of ${right}` };
  }
  exchange.position = range.first;
  exchange.end = range.last + 1;
  return undefined;
}

export function connectVerified(port: number): Promise<VerifiedClient> {
  return new Promise((resolve, reject) => {
    let client: VerifiedClient | undefined;
    const socket = createConnection({
      port,
      host: "127.0.0.1",
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (count) => {
          client?.receive(readBuffer.subarray(0, count));
          return true;
        },
      },
    });
    client = new VerifiedClient(socket);
    const connected = client;
    socket.setTimeout(SILENCE_MS, () => connected.fail("silence"));
    socket.once("connect", () => resolve(connected));
    socket.once("error", (error) => {
      const reason = "code" in error && typeof error.code === "string" ? error.code : error.message;
      connected.fail(reason);
      reject(new Error(reason));
    });
    socket.once("end", () => connected.fail("closed"));
    socket.once("close", () => connected.fail("closed"));
  });
}
