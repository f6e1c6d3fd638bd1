import { EdgeError } from "@basalt/types";

/** Bytes held for a slow consumer before the client's socket is paused, and below which it is resumed. */
const HIGH_BYTES = 256 * 1024;
const LOW_BYTES = 64 * 1024;

interface Flow {
  pause(): void;
  resume(): void;
  /** The consumer waits for the first byte: where the client expects it, 100 Continue is due now. */
  started(): void;
}

/**
 * A request body on its way through: filled by the connection, emptied by whoever sends it on. The client's socket is
 * paused while the consumer is behind, so memory stays flat whatever the length.
 */
export class RequestBody implements AsyncIterable<Buffer> {
  readonly #flow: Flow;
  #chunks: Buffer[] = [];
  #held = 0;
  #paused = false;
  #started = false;
  #state: "open" | "complete" | "failed" | "discarding" = "open";
  #error: EdgeError | undefined;
  #wake: (() => void) | undefined;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** Takes a copy of the bytes: the read buffer is shared. */
  push(buffer: Buffer, start: number, end: number): void {
    if (this.#state !== "open") return;
    this.#chunks.push(Buffer.from(buffer.subarray(start, end)));
    this.#held += end - start;
    if (this.#held > HIGH_BYTES && !this.#paused) {
      this.#paused = true;
      this.#flow.pause();
    }
    this.#wakeUp();
  }

  complete(): void {
    if (this.#state === "open") this.#state = "complete";
    this.#wakeUp();
  }

  fail(error: EdgeError): void {
    if (this.#state !== "open") return;
    this.#state = "failed";
    this.#error = error;
    this.#chunks = [];
    this.#wakeUp();
  }

  /** Nobody will consume it any more: what still comes is read and dropped. */
  discard(): void {
    if (this.#state === "open") this.#state = "discarding";
    this.#chunks = [];
    this.#held = 0;
    if (this.#paused) {
      this.#paused = false;
      this.#flow.resume();
    }
    this.#wakeUp();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    if (!this.#started) {
      this.#started = true;
      this.#flow.started();
    }
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#taken(chunk.length);
          yield chunk;
          continue;
        }
        if (this.#state === "complete") return;
        if (this.#state !== "open") throw this.#error ?? new EdgeError("CLIENT_GONE");
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.discard();
    }
  }

  #taken(length: number): void {
    this.#held -= length;
    if (!this.#paused || this.#held > LOW_BYTES) return;
    this.#paused = false;
    this.#flow.resume();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
