import type { Socket } from "node:net";
import { RESPONSE_HEAD_BYTES } from "./limits.ts";

const CR = 0x0d;
const LF = 0x0a;

/** With the byte behind the status: what tells an interim response from others. */
const STATUS_END = "HTTP/1.1 100 ".length;
const PREFIX = "HTTP/1.";

/**
 * `start`: the first bytes of a response are awaited. `dropping`, `passing`: within an interim head that is taken out,
 * or left in. `over`: the final response has begun, or something that is none.
 */
type State = "start" | "dropping" | "passing" | "over";

/**
 * Takes 100 Continue out of what a connection reads: some origins send it unasked, undici ends the connection over it.
 * A head that is not plainly one is left to undici, which refuses it.
 */
export class ContinueFilter {
  readonly #onContinue: () => void;
  #state: State = "over";
  #held: Buffer = Buffer.alloc(0);

  /** `onContinue`: once for each 100 that was taken out. */
  constructor(onContinue: () => void) {
    this.#onContinue = onContinue;
  }

  /** A request is sent: its response comes next. */
  expectResponse(): void {
    this.#state = "start";
    this.#held = Buffer.alloc(0);
  }

  /** Reads through the filter from now on. */
  attach(socket: Socket): void {
    this.#state = "over";
    const read = socket.read.bind(socket);
    socket.read = (size?: number): unknown => {
      for (;;) {
        const chunk: unknown = read(size);
        if (this.#state === "over" || !Buffer.isBuffer(chunk)) return chunk;
        const rest = this.#filter(chunk);
        if (rest.length > 0) return rest;
      }
    };
  }

  /** What is left for undici of these bytes and those held before. */
  #filter(chunk: Buffer): Buffer {
    let unread = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const passed: Buffer[] = [];
    for (;;) {
      if (this.#state === "start") this.#decide(unread);
      if (this.#state === "over" || unread.length === 0) break;
      const end = headEnd(unread);
      if (end === BAD_LINE || (end === INCOMPLETE && unread.length > RESPONSE_HEAD_BYTES)) {
        this.#state = "over";
        break;
      }
      if (this.#state === "start" || end === INCOMPLETE) {
        this.#held = unread;
        return Buffer.concat(passed);
      }
      if (this.#state === "dropping") this.#onContinue();
      else passed.push(unread.subarray(0, end));
      unread = unread.subarray(end);
      this.#state = "start";
    }
    this.#held = Buffer.alloc(0);
    return Buffer.concat([...passed, unread]);
  }

  #decide(bytes: Buffer): void {
    const text = bytes.toString("latin1", 0, STATUS_END);
    if (text.length < STATUS_END) {
      if (!couldBecomeInterim(text)) this.#state = "over";
      return;
    }
    const status = /^HTTP\/1\.[01] (1[0-9][0-9])[ \r]$/.exec(text)?.[1];
    if (status === undefined || status === "101") this.#state = "over";
    else this.#state = status === "100" ? "dropping" : "passing";
  }
}

const couldBecomeInterim = (text: string): boolean =>
  PREFIX.startsWith(text) || /^HTTP\/1\.(?:[01](?: (?:1[0-9]{0,2})?)?)?$/.test(text);

const INCOMPLETE = -1;
const BAD_LINE = -2;

/** Position behind the head's empty line. */
const headEnd = (bytes: Buffer): number => {
  let lineFrom = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === 0 || bytes[at - 1] !== CR) return BAD_LINE;
    if (at === lineFrom + 1) return at + 1;
    lineFrom = at + 1;
  }
  return INCOMPLETE;
};
