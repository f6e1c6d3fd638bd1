import { EdgeError } from "@basalt/types";

/** Bytes held for a slow consumer before the client's socket is paused; it is resumed below a quarter of it. */
const ROOM_BYTES = 256 * 1024;

/** Pieces up to SMALL_BYTES are gathered: a body in chunks of one byte must not cost a buffer for each. */
const SMALL_BYTES = 512;
const GATHER_BYTES = 4 * 1024;

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
  /** Bytes that have come from the client, taken or not. */
  receivedBytes = 0;
  readonly #flow: Flow;
  readonly #roomBytes: number;
  #chunks: Buffer[] = [];
  /** Small pieces that came last: `[#gatheredFrom, #gatheredTo)` of `#gather` is still to be taken. */
  #gather: Buffer | undefined;
  #gatheredFrom = 0;
  #gatheredTo = 0;
  #held = 0;
  #paused = false;
  #started = false;
  #state: "open" | "complete" | "failed" | "discarding" = "open";
  #error: EdgeError | undefined;
  #wake: (() => void) | undefined;

  constructor(flow: Flow, roomBytes = ROOM_BYTES) {
    this.#flow = flow;
    this.#roomBytes = roomBytes;
  }

  /** Takes a copy of the bytes: the read buffer is shared. */
  push(buffer: Buffer, start: number, end: number): void {
    this.receivedBytes += end - start;
    if (this.#state !== "open") return;
    if (end - start <= SMALL_BYTES) {
      this.#gatherSmall(buffer, start, end);
    } else {
      this.#sealGathered();
      this.#chunks.push(Buffer.from(buffer.subarray(start, end)));
    }
    this.#held += end - start;
    if (this.#held > this.#roomBytes && !this.#paused) {
      this.#paused = true;
      this.#flow.pause();
    }
    this.#wakeUp();
  }

  complete(): void {
    if (this.#state === "open") this.#state = "complete";
    this.#wakeUp();
  }

  /** Why no more of it is to be had. */
  get failure(): EdgeError | undefined {
    return this.#error;
  }

  fail(error: EdgeError): void {
    if (this.#state !== "open") return;
    this.#state = "failed";
    this.#error = error;
    this.#dropHeld();
    this.#wakeUp();
  }

  /** Nobody will consume it any more: what still comes is read and dropped. */
  discard(): void {
    if (this.#state === "open") this.#state = "discarding";
    this.#dropHeld();
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
        const chunk = this.#next();
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

  #gatherSmall(buffer: Buffer, start: number, end: number): void {
    if (this.#gather !== undefined && this.#gather.length - this.#gatheredTo < end - start) this.#sealGathered();
    this.#gather ??= Buffer.allocUnsafe(GATHER_BYTES);
    this.#gatheredTo += buffer.copy(this.#gather, this.#gatheredTo, start, end);
  }

  /** What was gathered keeps its place in front of what comes next. */
  #sealGathered(): void {
    const gathered = this.#takeGathered();
    if (gathered !== undefined) this.#chunks.push(gathered);
    this.#gather = undefined;
    this.#gatheredFrom = 0;
    this.#gatheredTo = 0;
  }

  #takeGathered(): Buffer | undefined {
    if (this.#gather === undefined || this.#gatheredFrom === this.#gatheredTo) return undefined;
    const gathered = this.#gather.subarray(this.#gatheredFrom, this.#gatheredTo);
    this.#gatheredFrom = this.#gatheredTo;
    return gathered;
  }

  #next(): Buffer | undefined {
    return this.#chunks.shift() ?? this.#takeGathered();
  }

  #dropHeld(): void {
    this.#chunks = [];
    this.#gather = undefined;
    this.#gatheredFrom = 0;
    this.#gatheredTo = 0;
  }

  #taken(length: number): void {
    this.#held -= length;
    if (!this.#paused || this.#held * 4 > this.#roomBytes) return;
    this.#paused = false;
    this.#flow.resume();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
