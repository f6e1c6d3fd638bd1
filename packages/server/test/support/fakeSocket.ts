import type { ClientSocket, SocketHandler } from "../../src/index.ts";

const IGNORE: SocketHandler = { onData: () => {}, onDrain: () => {}, onEnd: () => {}, onClose: () => {} };

/** All connections of a worker read through one buffer; so do these. */
const readBuffer = Buffer.alloc(64 * 1024);

/**
 * A client connection in memory. The kernel takes `room` bytes and refuses the rest, which it goes on reading from the
 * very buffer that was written: whoever changes it meanwhile corrupts what the client gets.
 */
export class FakeSocket implements ClientSocket {
  readonly remoteAddress = "192.0.2.7";
  readonly remotePort = 40_000;
  readonly localAddress = "192.0.2.1";
  tls: ClientSocket["tls"];
  sendFile: ClientSocket["sendFile"];
  handler: SocketHandler = IGNORE;
  room = Number.POSITIVE_INFINITY;
  isPaused = false;
  isEnding = false;
  hasEndedWriting = false;
  isDestroyed = false;
  /** Bytes written after the end was announced: a defect. */
  lateBytes = 0;
  writeCalls = 0;
  /** Lengths of what was handed over in one call. */
  readonly runs: number[][] = [];
  #taken: Buffer[] = [];
  #pending: Buffer[] = [];
  #unread: Buffer[] = [];

  get unsentBytes(): number {
    return this.#pending.reduce((sum, data) => sum + data.length, 0);
  }

  visitUnsent(visit: (data: Buffer) => void): void {
    for (const data of this.#pending) visit(data);
  }

  /** The end has reached the client. */
  get hasEnded(): boolean {
    return this.isDestroyed || ((this.isEnding || this.hasEndedWriting) && this.#pending.length === 0);
  }

  /** Everything that the client has got so far. */
  get received(): Buffer {
    const whole = Buffer.concat(this.#taken);
    this.#taken = [whole];
    return whole;
  }

  write(data: Buffer): boolean {
    if (this.isDestroyed) return true;
    this.writeCalls++;
    if (this.isEnding || this.hasEndedWriting) this.lateBytes += data.length;
    this.#pending.push(data);
    this.#flush();
    return this.#pending.length === 0;
  }

  writePair(head: Buffer, body: Buffer): boolean {
    const first = this.write(head);
    return this.write(body) && first;
  }

  writeRun(pieces: Buffer[]): boolean {
    this.runs.push(pieces.map(({ length }) => length));
    return pieces.map((piece) => this.write(piece)).every((isTaken) => isTaken);
  }

  pauseReading(): void {
    this.isPaused = true;
  }

  resumeReading(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnding = true;
    this.isPaused = false;
  }

  endWriting(): void {
    this.hasEndedWriting = true;
  }

  isReset = false;

  reset(): void {
    this.isReset = true;
    this.destroy();
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.#pending = [];
    const { handler } = this;
    this.handler = IGNORE;
    handler.onClose();
  }

  /** The client takes so many bytes more, and then as many as `room` says. */
  take(byteCount: number): void {
    const wasPending = this.#pending.length > 0;
    this.room += byteCount;
    this.#flush();
    if (wasPending && this.#pending.length === 0 && !this.isEnding) this.handler.onDrain();
  }

  /** What the client sends; held back while reading is paused. */
  send(data: Buffer | string, pieceBytes = readBuffer.length): void {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      this.#unread.push(bytes.subarray(start, start + pieceBytes));
    }
    this.deliver();
  }

  /** Bytes that wait because reading is paused. */
  get unreadBytes(): number {
    return this.#unread.reduce((sum, data) => sum + data.length, 0);
  }

  deliver(): void {
    while (!this.isPaused && !this.isDestroyed) {
      const next = this.#unread.shift();
      if (next === undefined) return;
      for (let start = 0; start < next.length; start += readBuffer.length) {
        const count = next.copy(readBuffer, 0, start, start + readBuffer.length);
        if (!this.isEnding) this.handler.onData(readBuffer, 0, count);
        readBuffer.fill(0xee, 0, count);
      }
    }
  }

  /** The client sends no more. */
  sendEnd(): void {
    if (!this.isEnding && !this.isDestroyed) this.handler.onEnd();
  }

  #flush(): void {
    for (;;) {
      const [first] = this.#pending;
      if (first === undefined || this.room <= 0) return;
      const count = Math.min(first.length, this.room);
      this.#taken.push(Buffer.from(first.subarray(0, count)));
      this.room -= count;
      if (count < first.length) this.#pending[0] = first.subarray(count);
      else this.#pending.shift();
    }
  }
}
