import type { ClientSocket } from "../driver/contract.ts";
import { SocketAround } from "../driver/socketAround.ts";

/** Of the head of a response; longer ones are kept as far as that. */
export const MOST_RECORDED_BYTES = 32 * 1024;

const HEAD_END = "\r\n\r\n";
const INTERIM = /^HTTP\/1\.[01] 1(?!01)\d\d /;

/**
 * A client's byte stream that keeps a copy of the head of the response, as it is sent. It is around the socket until that
 * head has been written; whoever still has it then writes through it as to the socket inside.
 */
export class HeadRecorder extends SocketAround {
  readonly #onHead: (head: string) => void;
  #text = "";
  #isDone = false;

  constructor(inner: ClientSocket, onHead: (head: string) => void) {
    super(inner);
    this.#onHead = onHead;
  }

  write(data: Buffer): boolean {
    this.#note(data);
    return this.inner.write(data);
  }

  writePair(head: Buffer, body: Buffer): boolean {
    this.#note(head);
    return this.inner.writePair(head, body);
  }

  writeRun(pieces: Buffer[]): boolean {
    for (const piece of pieces) this.#note(piece);
    if (this.inner.writeRun !== undefined) return this.inner.writeRun(pieces);
    let isTaken = true;
    for (const piece of pieces) isTaken = this.inner.write(piece);
    return isTaken;
  }

  get pieceBytes(): number | undefined {
    return this.inner.pieceBytes;
  }

  get unsentBytes(): number {
    return this.inner.unsentBytes;
  }

  visitUnsent(visit: (data: Buffer) => void): void {
    this.inner.visitUnsent(visit);
  }

  end(): void {
    this.inner.end();
  }

  endWriting(): void {
    this.inner.endWriting();
  }

  /** Interim responses may come before the head. */
  #note(data: Buffer): void {
    if (this.#isDone) return;
    this.#text += data.toString("latin1", 0, MOST_RECORDED_BYTES - this.#text.length);
    for (;;) {
      const end = this.#text.indexOf(HEAD_END);
      if (end < 0 && this.#text.length < MOST_RECORDED_BYTES) return;
      if (end >= 0 && INTERIM.test(this.#text)) {
        this.#text = this.#text.slice(end + HEAD_END.length);
        continue;
      }
      this.#isDone = true;
      this.#onHead(end < 0 ? this.#text : this.#text.slice(0, end));
      this.#text = "";
      return;
    }
  }
}
