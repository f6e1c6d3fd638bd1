/** Lines go to the primary in pieces of this age. */
const SEND_EVERY_MS = 100;
/** What a trace may bring in that time; the rest is counted. */
const MOST_BYTES = 256 * 1024;

/** Lines of a traced log on their way to the primary. */
export interface TracedLines {
  readonly log: string;
  /** Whole lines with their ends, latin1 bytes. */
  readonly lines: Uint8Array;
  /** Lines that there was no room for. */
  readonly lost: number;
}

interface Pending {
  readonly pieces: Buffer[];
  bytes: number;
  lost: number;
}

const LINE_END = Buffer.from("\n");

/** Gathers lines of traced logs, so that a busy log costs one message in a while. */
export class TraceOutbox {
  readonly #send: (lines: TracedLines) => void;
  readonly #pending = new Map<string, Pending>();
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (lines: TracedLines) => void) {
    this.#send = send;
  }

  /** The line belongs to the caller. */
  add(log: string, line: Buffer): void {
    let pending = this.#pending.get(log);
    if (pending === undefined) {
      pending = { pieces: [], bytes: 0, lost: 0 };
      this.#pending.set(log, pending);
    }
    if (pending.bytes + line.length > MOST_BYTES) pending.lost++;
    else {
      pending.pieces.push(Buffer.from(line), LINE_END);
      pending.bytes += line.length + 1;
    }
    this.#timer ??= setTimeout(() => this.#sendAll(), SEND_EVERY_MS);
  }

  #sendAll(): void {
    this.#timer = undefined;
    for (const [log, { pieces, lost }] of this.#pending) this.#send({ log, lines: Buffer.concat(pieces), lost });
    this.#pending.clear();
  }
}
