import type { FrameSender } from "./frameSender.ts";
import { FRAME_HEAD_BYTES } from "./frames.ts";
import type { StreamSocket } from "./streamSocket.ts";

/** Streams with something to send, each in its turn: one frame, then the next stream. */
export class SendQueue {
  readonly #sender: FrameSender;
  #queued: StreamSocket[] = [];
  /** They wait for the client to take more of all streams together. */
  readonly #starved = new Set<StreamSocket>();

  constructor(sender: FrameSender) {
    this.#sender = sender;
  }

  get isEmpty(): boolean {
    return this.#queued.length === 0;
  }

  add(stream: StreamSocket): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    this.#queued.push(stream);
  }

  /** The client takes more again. */
  windowOpened(): void {
    for (const stream of this.#starved) this.add(stream);
    this.#starved.clear();
  }

  /** Puts frames into the sender as long as there is room. */
  fill(): void {
    const queued = this.#queued;
    while (queued.length > 0 && this.#sender.roomBytes > FRAME_HEAD_BYTES) {
      const [stream] = queued;
      if (stream === undefined) return;
      const outcome = stream.sendNext();
      if (outcome === "room") return;
      queued.shift();
      if (outcome === "turn") {
        queued.push(stream);
        continue;
      }
      stream.isQueued = false;
      if (outcome === "connectionWindow") this.#starved.add(stream);
    }
  }

  drop(): void {
    this.#queued = [];
    this.#starved.clear();
  }
}
