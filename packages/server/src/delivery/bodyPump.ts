import type { BodySource } from "@basalt/cache";
import { EdgeError } from "@basalt/types";
import type { Exchange, Ongoing } from "../exchange.ts";
import { readBuffers } from "./readBuffers.ts";

/** How the end of the body is told to the client. */
export type Framing = "length" | "chunked" | "close";

/** What is sent of a body, and how. */
export interface PumpPlan {
  /** `end` -1: to the end that the source does not know yet. */
  readonly part: { readonly start: number; readonly end: number };
  /** Leaves in front of the body. */
  readonly head: Buffer;
  readonly framing: Framing;
  readonly keepAlive: boolean;
  readonly unbegun?: Unbegun | undefined;
  /** Called when all has been handed over, instead of ending the exchange. */
  readonly followedBy?: (() => void) | undefined;
}

/** An answer that is begun only when its body is certain to come. */
export interface Unbegun {
  readonly status: number;
  /** Bytes of the pump's head that are the head of the response. */
  readonly headBytes: number;
  /** -1 when the head says none. */
  readonly contentLength: number;
  /** Nothing has been sent: the request may still be answered otherwise. */
  readonly failed: (error: EdgeError) => void;
}

/** At most this much is handed to the kernel in one write. */
const WRITE_BYTES = 1024 * 1024;

/** As much of a file: the kernel copies nothing. */
const FILE_BYTES = 2 * 1024 * 1024;

/** About so much by one turn of the event loop: a client that takes all of it at once must not keep others waiting. */
const TURN_BYTES = 8 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);

/**
 * Sends `[position, end)` of a body to a client, at the client's pace and as far as the body has come. One write is
 * out at a time; what the body has in memory is sent from there, the rest through a pooled buffer.
 */
export class BodyPump implements Ongoing {
  readonly #exchange: Exchange;
  readonly #source: BodySource;
  readonly #framing: Framing;
  readonly #keepAlive: boolean;
  readonly #followedBy: (() => void) | undefined;
  #unbegun: Unbegun | undefined;
  #head: Buffer;
  #position: number;
  /** Where the last write began. */
  #sentFrom = 0;
  /** -1 until the source knows its length. */
  readonly #end: number;
  #sentChunks = 0;
  #isReading = false;
  /** Of no use for this body: it is read. */
  #isFileless = false;
  #isYielding = false;
  #isOver = false;
  #buffer: Buffer | undefined;
  #unwatch: () => void;

  constructor(exchange: Exchange, source: BodySource, plan: PumpPlan) {
    this.#exchange = exchange;
    this.#source = source;
    this.#position = plan.part.start;
    this.#end = plan.part.end;
    this.#head = plan.head;
    this.#framing = plan.framing;
    this.#keepAlive = plan.keepAlive;
    this.#unbegun = plan.unbegun;
    this.#followedBy = plan.followedBy;
    source.retain();
    this.#unwatch = source.watch(
      () => this.#advance(),
      () => this.#position,
    );
    exchange.ongoing = this;
    exchange.connection.watchSending();
  }

  start(): void {
    this.#advance();
    if (this.#isOver || this.#head.length === 0 || this.#exchange.connection.socket.unsentBytes > 0) return;
    if (this.#unbegun !== undefined && (this.#isReading || this.#isYielding || this.#source.isConfirmed === false))
      return;
    this.#begin();
    const head = this.#head;
    this.#head = NOTHING;
    this.#exchange.connection.socket.write(head);
  }

  drained(): void {
    if (!this.#isReading) this.#giveBack();
    this.#advance();
  }

  clientGone(): void {
    this.#over();
  }

  clientEnded(): void {}

  isKept(data: Buffer): boolean {
    const body = this.#exchange.object?.openBody;
    for (let at = this.#sentFrom; at < this.#position; ) {
      const kept = body?.peek(at);
      if (kept === undefined) return false;
      if (kept.buffer === data.buffer) return true;
      at += kept.length;
    }
    return false;
  }

  #advance(): void {
    const { socket } = this.#exchange.connection;
    const turnEnd = this.#position + TURN_BYTES;
    while (!this.#isOver && !this.#isReading && !this.#isYielding && socket.unsentBytes === 0) {
      if (this.#source.state === "failed") {
        this.#failed(this.#source.error ?? new EdgeError("STORE_UNAVAILABLE", { detail: "body is gone" }));
        return;
      }
      const end = this.#end >= 0 ? this.#end : this.#source.totalBytes;
      if (end >= 0 && this.#position >= end && (this.#framing === "length" || this.#source.state === "complete")) {
        this.#finish();
        return;
      }
      if (this.#position >= turnEnd) {
        this.#advanceLater();
        return;
      }
      const available = Math.min(end >= 0 ? end : Number.POSITIVE_INFINITY, this.#source.availableBytes);
      if (this.#position < available) {
        if (this.#sendFromFile(available)) continue;
        const data = this.#source.peek(this.#position);
        if (data === undefined) {
          void this.#read(available);
          return;
        }
        const most = Math.min(socket.pieceBytes ?? WRITE_BYTES, WRITE_BYTES, available - this.#position);
        if (data.length < most && socket.writeRun !== undefined && this.#framing !== "chunked") {
          this.#sendRun(data, most);
        } else this.#send(data.subarray(0, Math.min(data.length, most)));
        continue;
      }
      if (this.#source.state === "complete") {
        this.#over();
        this.#exchange.abort();
      }
      return;
    }
  }

  /** Whether that was done; what lies in a file that is at hand needs no way through this process. */
  #sendFromFile(available: number): boolean {
    const { socket } = this.#exchange.connection;
    if (socket.sendFile === undefined || this.#isFileless || this.#framing === "chunked") return false;
    const run = this.#source.fileRun?.(this.#position, Math.min(available, this.#position + FILE_BYTES));
    if (run === undefined) return false;
    if (run === "later") {
      this.#advanceLater();
      return true;
    }
    this.#begin();
    if (this.#head.length > 0) {
      const head = this.#head;
      this.#head = NOTHING;
      if (!socket.write(head) || this.#isOver) return true;
    }
    this.#sentFrom = this.#position;
    const count = socket.sendFile(run);
    if (count < 0) {
      this.#isFileless = true;
      return false;
    }
    run.sent(count);
    this.#position += count;
    this.#exchange.bodyBytesSent += count;
    return true;
  }

  /** Others have their turns first. */
  #advanceLater(): void {
    this.#isYielding = true;
    setImmediate(() => {
      this.#isYielding = false;
      if (!this.#isOver) this.#advance();
    });
  }

  async #read(available: number): Promise<void> {
    this.#isReading = true;
    this.#buffer ??= readBuffers.take(this.#exchange.connection.socket.pieceBytes);
    const buffer = this.#buffer;
    try {
      const length = Math.min(buffer.length, available - this.#position);
      const count = await this.#source.read(buffer, length, this.#position);
      this.#isReading = false;
      if (this.#isOver) {
        this.#giveBack();
        return;
      }
      if (count > 0) this.#send(buffer.subarray(0, count));
      else if (this.#position < this.#source.availableBytes)
        throw new EdgeError("STORE_UNAVAILABLE", { detail: "body is gone" });
      this.#advance();
    } catch (cause) {
      this.#isReading = false;
      if (this.#isOver) this.#giveBack();
      else this.#failed(EdgeError.from(cause));
    }
  }

  /** The head leaves now. */
  #begin(): void {
    const unbegun = this.#unbegun;
    if (unbegun === undefined) return;
    this.#unbegun = undefined;
    this.#exchange.responding(unbegun.status, unbegun.headBytes, unbegun.contentLength);
  }

  #failed(error: EdgeError): void {
    const unbegun = this.#unbegun;
    this.#over();
    if (unbegun === undefined) {
      this.#exchange.fail(this.#exchange.ticket, error);
      return;
    }
    this.#exchange.ongoing = undefined;
    unbegun.failed(error);
  }

  #send(data: Buffer): void {
    const { socket } = this.#exchange.connection;
    this.#begin();
    const head = this.#framing === "chunked" ? this.#chunkHead(data.length) : this.#head;
    this.#head = NOTHING;
    this.#sentFrom = this.#position;
    this.#position += data.length;
    this.#exchange.bodyBytesSent += data.length;
    if (head.length > 0) socket.writePair(head, data);
    else socket.write(data);
  }

  /** At most so many bytes, as far as they lie in memory one behind the other. */
  #sendRun(first: Buffer, most: number): void {
    const { socket } = this.#exchange.connection;
    this.#begin();
    const pieces = this.#head.length > 0 ? [this.#head, first] : [first];
    this.#head = NOTHING;
    let length = first.length;
    while (length < most) {
      const next = this.#source.peek(this.#position + length);
      if (next === undefined) break;
      const piece = next.subarray(0, most - length);
      pieces.push(piece);
      length += piece.length;
    }
    this.#sentFrom = this.#position;
    this.#position += length;
    this.#exchange.bodyBytesSent += length;
    if (pieces.length === 1) socket.write(first);
    else socket.writeRun?.(pieces);
  }

  /** The line end of each chunk travels in front of the next. */
  #chunkHead(length: number): Buffer {
    const line = `${this.#sentChunks++ === 0 ? "" : "\r\n"}${length.toString(16)}\r\n`;
    return Buffer.concat([this.#head, Buffer.from(line, "latin1")]);
  }

  #finish(): void {
    const { socket } = this.#exchange.connection;
    this.#begin();
    if (this.#framing === "chunked") {
      const last = Buffer.from(this.#sentChunks === 0 ? "0\r\n\r\n" : "\r\n0\r\n\r\n", "latin1");
      socket.write(Buffer.concat([this.#head, last]));
    } else if (this.#head.length > 0) {
      socket.write(this.#head);
    }
    this.#head = NOTHING;
    // What follows takes hold of its source before this one is let go: a body that nobody holds may be gone.
    this.#followedBy?.();
    this.#over();
    if (this.#followedBy === undefined) this.#exchange.finish(this.#keepAlive && this.#framing !== "close");
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#unwatch();
    this.#source.release();
    if (this.#isReading) return;
    if (this.#exchange.connection.socket.unsentBytes === 0) this.#giveBack();
    else if (this.#buffer !== undefined) readBuffers.abandon(this.#buffer);
  }

  /** A buffer that the kernel or a read still holds is left to the garbage collector instead. */
  #giveBack(): void {
    if (this.#buffer !== undefined) readBuffers.give(this.#buffer);
    this.#buffer = undefined;
  }
}
