import { Readable } from "node:stream";
import type { TracedLines } from "./traceOutbox.ts";

/** What one reader may leave unread; then it loses lines (STAT-101). */
const UNREAD_BYTES = 1024 * 1024;
const MOST_TRACES = 32;

/** The reader of one trace: takes lines as they come, or loses them. */
class TraceStream extends Readable {
  #lost = 0;

  constructor(onEnd: () => void) {
    super({ highWaterMark: UNREAD_BYTES });
    this.once("close", onEnd);
  }

  override _read(): void {}

  offer(lines: Uint8Array, lost: number): void {
    this.#lost += lost;
    if (this.readableLength + lines.length > UNREAD_BYTES) {
      for (const byte of lines) if (byte === LINE_END) this.#lost++;
      return;
    }
    if (this.#lost > 0) this.push(`# ${this.#lost} lines were lost\n`);
    this.#lost = 0;
    if (lines.length > 0) this.push(lines);
  }
}

const LINE_END = 10;

/** The live traces of logs (LOG-191); workers send lines only of logs that somebody traces. */
export class LogTraces {
  readonly #onChange: (traced: ReadonlySet<string>) => void;
  readonly #streams = new Map<string, Set<TraceStream>>();
  #count = 0;

  constructor(onChange: (traced: ReadonlySet<string>) => void) {
    this.#onChange = onChange;
  }

  get traced(): ReadonlySet<string> {
    return new Set(this.#streams.keys());
  }

  /** Undefined: there are too many already. */
  open(log: string): Readable | undefined {
    if (this.#count >= MOST_TRACES) return undefined;
    const streams = this.#streams.get(log) ?? new Set<TraceStream>();
    const stream = new TraceStream(() => {
      this.#count--;
      streams.delete(stream);
      if (streams.size > 0) return;
      this.#streams.delete(log);
      this.#onChange(this.traced);
    });
    this.#count++;
    streams.add(stream);
    if (!this.#streams.has(log)) {
      this.#streams.set(log, streams);
      this.#onChange(this.traced);
    }
    return stream;
  }

  offer({ log, lines, lost }: TracedLines): void {
    for (const stream of this.#streams.get(log) ?? []) stream.offer(lines, lost);
  }

  close(): void {
    for (const streams of [...this.#streams.values()]) for (const stream of [...streams]) stream.push(null);
  }
}
