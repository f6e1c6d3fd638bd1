import type { Duplex } from "node:stream";

/** The client's end of a relay. */
export interface RelayClient {
  /** False: `clientDrained` follows when there is room again. */
  write(data: Buffer): boolean;
  /** Nothing more is sent to the client; what it still sends goes on to arrive. */
  endWriting(): void;
  pauseReading(): void;
  resumeReading(): void;
}

/** `client` and `origin`: both sides have ended, this one first. `broken`: the connection with the origin is lost. */
export type RelayEnd = "client" | "origin" | "broken";

export interface RelayListener {
  /** Bytes of the client went to the origin. */
  fromClient(byteCount: number): void;
  fromOrigin(byteCount: number): void;
  /** Called once; the origin's side has been let go of. Not called after `destroy`. */
  over(end: RelayEnd): void;
}

/**
 * Bytes both ways between a client and an origin, untouched. Each direction is paused while its receiver is behind, and
 * ends by itself: a side that has said everything still gets what the other one says.
 */
export class ByteRelay {
  readonly #client: RelayClient;
  readonly #origin: Duplex;
  readonly #listener: RelayListener;
  #firstEnded: "client" | "origin" | undefined;
  #clientHasEnded = false;
  #originHasEnded = false;
  #isOver = false;

  constructor(client: RelayClient, origin: Duplex, listener: RelayListener) {
    this.#client = client;
    this.#origin = origin;
    this.#listener = listener;
    origin.allowHalfOpen = true;
    origin.on("data", (chunk: Buffer) => {
      listener.fromOrigin(chunk.length);
      if (!this.#isOver && !client.write(chunk)) origin.pause();
    });
    origin.on("drain", () => {
      if (!this.#isOver) client.resumeReading();
    });
    origin.on("end", () => this.#originEnded());
    origin.on("error", () => this.#finish("broken"));
    origin.on("close", () => this.#closed());
    if (origin.destroyed) queueMicrotask(() => this.#closed());
  }

  /** The bytes belong to the relay from now on. */
  fromClient(data: Buffer): void {
    if (this.#isOver || this.#clientHasEnded) return;
    this.#listener.fromClient(data.length);
    if (!this.#origin.write(data)) this.#client.pauseReading();
  }

  clientDrained(): void {
    if (!this.#isOver) this.#origin.resume();
  }

  clientEnded(): void {
    if (this.#isOver || this.#clientHasEnded) return;
    this.#clientHasEnded = true;
    this.#firstEnded ??= "client";
    this.#origin.end();
  }

  /** The client is gone, or nobody wants to go on. */
  destroy(): void {
    this.#isOver = true;
    this.#origin.destroy();
  }

  #originEnded(): void {
    if (this.#isOver) return;
    this.#originHasEnded = true;
    this.#firstEnded ??= "origin";
    this.#client.endWriting();
  }

  #closed(): void {
    const hasEnded = this.#clientHasEnded && this.#originHasEnded;
    this.#finish(hasEnded ? (this.#firstEnded ?? "broken") : "broken");
  }

  #finish(end: RelayEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#origin.destroy();
    this.#listener.over(end);
  }
}
