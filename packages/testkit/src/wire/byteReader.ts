import type { Socket } from "node:net";
import { HANG_LIMIT_MS } from "../limits.ts";

/** The peer broke a rule of RFC 9110 or 9112, or closed where it may not. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WireError";
  }
}

/** Nothing arrived for too long. */
export class WireTimeoutError extends WireError {
  constructor(waitingFor: string, limitMs: number, received: number) {
    super(`nothing for ${limitMs} ms while waiting for ${waitingFor} (${received} bytes received so far)`);
    this.name = "WireTimeoutError";
  }
}

/**
 * What a socket delivers, pulled by the reader: reading is paused while more than a bounded amount is unread, so a
 * test that does not read exerts real back-pressure.
 */
export class ByteReader {
  readonly #socket: Socket;
  readonly #silenceLimitMs: number;
  #unread: Buffer[] = [];
  #unreadBytes = 0;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  /** Every byte that ever arrived. */
  received = 0;

  constructor(socket: Socket, silenceLimitMs = HANG_LIMIT_MS, highWaterBytes = 1 << 20) {
    this.#socket = socket;
    this.#silenceLimitMs = silenceLimitMs;
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.length;
      this.#unread.push(chunk);
      this.#unreadBytes += chunk.length;
      if (this.#unreadBytes > highWaterBytes) socket.pause();
      this.#wakeUp();
    });
    socket.on("end", () => this.#finish(undefined));
    socket.on("error", (error) => this.#finish(error));
    socket.on("close", () => this.#finish(undefined));
  }

  /** Set when the connection was reset rather than closed. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  #finish(failure: Error | undefined): void {
    this.#ended = true;
    this.#failure ??= failure;
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Resolves false when the peer closed and nothing is left. */
  async #more(waitingFor: string): Promise<boolean> {
    if (this.#ended) return false;
    this.#socket.resume();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#wake = undefined;
        reject(new WireTimeoutError(waitingFor, this.#silenceLimitMs, this.received));
      }, this.#silenceLimitMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return true;
  }

  #join(): Buffer {
    const [first] = this.#unread;
    if (first === undefined) return Buffer.alloc(0);
    if (this.#unread.length === 1) return first;
    const joined = Buffer.concat(this.#unread);
    this.#unread = [joined];
    return joined;
  }

  #take(count: number): Buffer {
    const joined = this.#join();
    const taken = joined.subarray(0, count);
    this.#unread = count === joined.length ? [] : [joined.subarray(count)];
    this.#unreadBytes -= taken.length;
    return taken;
  }

  /** At least one and at most `limit` bytes; undefined at the end of the stream. */
  async readSome(limit: number, waitingFor: string): Promise<Buffer | undefined> {
    while (this.#unreadBytes === 0) {
      if (!(await this.#more(waitingFor)) && this.#unreadBytes === 0) return undefined;
    }
    const [first] = this.#unread;
    if (first === undefined) return undefined;
    const taken = first.subarray(0, limit);
    if (taken.length === first.length) this.#unread.shift();
    else this.#unread[0] = first.subarray(taken.length);
    this.#unreadBytes -= taken.length;
    return taken;
  }

  /**
   * Text of a line without its CRLF, latin1; undefined when the stream ends before the first byte. A bare LF, or a
   * CR that no LF follows, is a violation.
   */
  async readLine(limitBytes: number, waitingFor: string): Promise<string | undefined> {
    for (;;) {
      const joined = this.#join();
      const lineFeed = joined.indexOf(10);
      if (lineFeed >= 0) {
        const line = this.#take(lineFeed + 1);
        if (line[lineFeed - 1] !== 13) throw new WireError(`bare LF at the end of ${JSON.stringify(text(line))}`);
        const content = text(line.subarray(0, -2));
        if (content.includes("\r")) throw new WireError(`bare CR in ${JSON.stringify(content)}`);
        return content;
      }
      if (joined.length > limitBytes) throw new WireError(`line longer than ${limitBytes} bytes`);
      if (!(await this.#more(waitingFor))) {
        if (this.#unreadBytes === 0) return undefined;
        throw new WireError(`closed in the middle of ${JSON.stringify(text(this.#join()))}`);
      }
    }
  }

  /** True once the peer has closed and everything was read; does not wait when bytes are there. */
  async atEnd(): Promise<boolean> {
    while (this.#unreadBytes === 0) {
      if (!(await this.#more("the next byte or the end"))) return this.#unreadBytes === 0;
    }
    return false;
  }
}

const text = (bytes: Buffer): string => bytes.toString("latin1");
