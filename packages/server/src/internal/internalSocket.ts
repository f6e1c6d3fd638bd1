import type { ClientSocket, SocketHandler } from "../driver/contract.ts";
import { type AnswerSection, findHeadEnd, translateAnswerHead } from "../http2/answerHead.ts";
import { AnswerReader, type AnswerSink, type HeadReader } from "../http2/answerReader.ts";

const LOOPBACK = "127.0.0.1";
const NOTHING = Buffer.alloc(0);

const ignoreEvents: SocketHandler = { onData: () => {}, onDrain: () => {}, onEnd: () => {}, onClose: () => {} };

const sections: HeadReader<AnswerSection> = {
  of: (data) => {
    const headBytes = findHeadEnd(data);
    return headBytes < 0 ? undefined : { head: translateAnswerHead(data.toString("latin1", 0, headBytes)), headBytes };
  },
};

/** Stretch of a body, end exclusive. */
export interface WantedBytes {
  readonly from: number;
  readonly to: number;
}

/** What has been answered to one request. */
export interface CollectedAnswer {
  readonly section: AnswerSection | undefined;
  /** What of the wanted stretch there was, copied; undefined: none was wanted. */
  readonly data: Buffer | undefined;
  /** Of all bytes that came. */
  readonly bodyBytes: number;
}

/**
 * The client's end of a connection inside the process: a request of ours, and the engine's answer to it. What is written
 * is taken at once, so that nobody waits for this client; of a body only what is wanted is kept.
 */
export class InternalSocket implements ClientSocket, AnswerSink<AnswerSection> {
  readonly remoteAddress = LOOPBACK;
  readonly remotePort = 0;
  readonly localAddress = LOOPBACK;
  readonly tls = undefined;
  readonly unsentBytes = 0;
  readonly #answer = new AnswerReader<AnswerSection>(this, sections);
  readonly #onClosed: () => void;
  readonly #onEnough: () => void;
  #handler: SocketHandler = ignoreEvents;
  #section: AnswerSection | undefined;
  #wanted: WantedBytes | undefined;
  #data: Buffer = NOTHING;
  #position = 0;
  #keptTo = 0;

  /** `onEnough`: all that was wanted has come, though the answer goes on. */
  constructor(onClosed: () => void, onEnough: () => void) {
    this.#onClosed = onClosed;
    this.#onEnough = onEnough;
  }

  get isClosed(): boolean {
    return this.#handler === ignoreEvents;
  }

  get collected(): CollectedAnswer {
    const data = this.#wanted === undefined ? undefined : this.#data.subarray(0, this.#keptTo);
    return { section: this.#section, data, bodyBytes: this.#position - this.#firstPosition };
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler;
  }

  /** `wanted`: undefined for a HEAD, and where only the length of the body counts. */
  send(head: Buffer, isHead: boolean, wanted: WantedBytes | undefined): void {
    this.#section = undefined;
    this.#wanted = wanted;
    this.#data = wanted === undefined ? NOTHING : Buffer.allocUnsafe(wanted.to - wanted.from);
    this.#position = 0;
    this.#keptTo = 0;
    this.#answer.begin(isHead);
    this.#handler.onData(head, 0, head.length);
  }

  /** Where in the object the body of the answer begins. */
  get #firstPosition(): number {
    const fields = this.#section?.fields ?? [];
    const at = fields.indexOf("content-range");
    const first = at < 0 || this.#section?.status !== 206 ? undefined : /^bytes (\d{1,15})-/.exec(fields[at + 1] ?? "");
    return first === undefined || first === null ? 0 : Number(first[1]);
  }

  interim(): void {}

  head(section: AnswerSection): void {
    this.#section = section;
    this.#position = this.#firstPosition;
  }

  body(data: Buffer): void {
    const from = this.#position;
    this.#position += data.length;
    if (this.#wanted === undefined) return;
    const start = Math.max(from, this.#wanted.from);
    const end = Math.min(this.#position, this.#wanted.to);
    // What leaves a hole is none of the stretch.
    if (start >= end || start - this.#wanted.from !== this.#keptTo) return;
    data.copy(this.#data, this.#keptTo, start - from, end - from);
    this.#keptTo += end - start;
    if (this.#keptTo === this.#data.length && !this.#answer.isOver) this.#onEnough();
  }

  ended(): void {}

  write(data: Buffer): boolean {
    this.#answer.accept(data);
    return true;
  }

  writePair(head: Buffer, body: Buffer): boolean {
    this.#answer.accept(head);
    this.#answer.accept(body);
    return true;
  }

  visitUnsent(): void {}
  pauseReading(): void {}
  resumeReading(): void {}

  end(): void {
    this.#close();
  }

  endWriting(): void {
    this.#close();
  }

  reset(): void {
    this.#close();
  }

  destroy(): void {
    this.#close();
  }

  #close(): void {
    if (this.isClosed) return;
    const handler = this.#handler;
    this.#handler = ignoreEvents;
    handler.onClose();
    this.#onClosed();
  }
}
