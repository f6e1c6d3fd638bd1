import type { FrameSender } from "./frameSender.ts";
import { FRAME_HEAD_BYTES } from "./frames.ts";
import type { StreamSocket } from "./streamSocket.ts";

/**
 * Streams with something to send, each in its turn: one frame, then the next stream. They are linked by their `next`, so
 * that a turn costs the same however many there are.
 */
export class SendQueue {
  readonly #sender: FrameSender;
  #first: StreamSocket | undefined;
  #last: StreamSocket | undefined;
  /** They wait for the client to take more of all streams together. */
  readonly #starved = new Set<StreamSocket>();

  constructor(sender: FrameSender) {
    this.#sender = sender;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  add(stream: StreamSocket): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    if (this.#last === undefined) this.#first = stream;
    else this.#last.next = stream;
    this.#last = stream;
  }

  /** The client takes more again. */
  windowOpened(): void {
    for (const stream of this.#starved) this.add(stream);
    this.#starved.clear();
  }

  /** Puts frames into the sender as long as there is room. */
  fill(): void {
    for (let stream = this.#first; stream !== undefined; stream = this.#first) {
      if (this.#sender.roomBytes <= FRAME_HEAD_BYTES) return;
      const outcome = stream.sendNext();
      if (outcome === "room" || this.#first !== stream) return;
      if (outcome === "turn" && stream.next === undefined) continue;
      this.#removeFirst(stream);
      if (outcome === "turn") this.add(stream);
      else if (outcome === "connectionWindow") this.#starved.add(stream);
    }
  }

  drop(): void {
    for (let stream = this.#first; stream !== undefined; stream = this.#first) this.#removeFirst(stream);
    this.#starved.clear();
  }

  #removeFirst(stream: StreamSocket): void {
    this.#first = stream.next;
    if (this.#first === undefined) this.#last = undefined;
    stream.next = undefined;
    stream.isQueued = false;
  }
}
