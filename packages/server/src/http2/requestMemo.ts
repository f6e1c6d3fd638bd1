import type { StreamRequest } from "./streamSocket.ts";

/**
 * The last request of a connection: the same block is the same request again, as long as the table that it refers to is
 * the same. Clients that ask for one thing many times send a few bytes each time.
 */
export class RequestMemo {
  #block: Buffer = Buffer.alloc(0);
  #blockBytes = -1;
  #generation = -1;
  #head: Buffer = Buffer.allocUnsafe(512);
  #request: StreamRequest | undefined;

  /** The request of the block in `source[from, to)`, if that is the last one; `generation` is of the table. */
  find(source: Buffer, from: number, to: number, generation: number): StreamRequest | undefined {
    const length = to - from;
    if (length !== this.#blockBytes || generation !== this.#generation) return undefined;
    const block = this.#block;
    for (let at = 0; at < length; at++) if (block[at] !== source[from + at]) return undefined;
    return this.#request;
  }

  /** Makes a request of its head; `isKept`: the block has no part in the table, and no body follows it. */
  remember(text: string, request: Omit<StreamRequest, "head" | "headBytes">): StreamRequest {
    this.#blockBytes = -1;
    if (text.length > this.#head.length) this.#head = Buffer.allocUnsafe(text.length * 2);
    const headBytes = this.#head.write(text, 0, "latin1");
    const { isHead, framing, bodyBytes } = request;
    this.#request = { head: this.#head, headBytes, isHead, framing, bodyBytes };
    return this.#request;
  }

  /** The remembered request is that of this block. */
  keep(source: Buffer, from: number, to: number, generation: number): void {
    const length = to - from;
    if (length > this.#block.length) this.#block = Buffer.allocUnsafe(length);
    source.copy(this.#block, 0, from, to);
    this.#blockBytes = length;
    this.#generation = generation;
  }
}
