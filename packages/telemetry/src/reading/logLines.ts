import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** Longer ones are left out: none that this server writes is. */
export const MOST_LINE_BYTES = 1024 * 1024;
const READ_BYTES = 256 * 1024;
const LINE_END = 10;

export interface LineBatch {
  readonly lines: readonly string[];
  /** Bytes of the file, unpacked, up to the end of the last of the lines. */
  readonly endBytes: number;
  readonly tooLong: number;
}

/** Whole lines out of pieces of bytes; what has no end yet waits. */
export class LineSplitter {
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isSkipping = false;
  #endBytes: number;

  constructor(startBytes: number) {
    this.#endBytes = startBytes;
  }

  push(chunk: Buffer): LineBatch {
    const lines: string[] = [];
    let tooLong = 0;
    let from = 0;
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, from)) {
      const length = this.#waitingBytes + end - from;
      if (this.#isSkipping || length > MOST_LINE_BYTES) tooLong++;
      else lines.push(this.#lineOf(chunk.subarray(from, end)));
      this.#endBytes += length + 1;
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#isSkipping = false;
      from = end + 1;
    }
    this.#wait(chunk.subarray(from));
    return { lines, endBytes: this.#endBytes, tooLong };
  }

  #lineOf(end: Buffer): string {
    const line = this.#waiting.length === 0 ? end : Buffer.concat([...this.#waiting, end]);
    return line.toString("utf8", 0, line.at(-1) === 13 ? line.length - 1 : line.length);
  }

  #wait(rest: Buffer): void {
    this.#waitingBytes += rest.length;
    if (this.#waitingBytes > MOST_LINE_BYTES) {
      this.#isSkipping = true;
      this.#waiting = [];
    } else if (rest.length > 0 && !this.#isSkipping) {
      this.#waiting.push(Buffer.from(rest));
    }
  }
}

const open = (path: string, startBytes: number): Readable => {
  if (!path.endsWith(".gz")) return createReadStream(path, { start: startBytes, highWaterMark: READ_BYTES });
  const source = createReadStream(path, { highWaterMark: READ_BYTES });
  const unpacked = createGunzip({ chunkSize: READ_BYTES });
  source.on("error", (cause) => unpacked.destroy(cause));
  unpacked.on("close", () => source.destroy());
  return source.pipe(unpacked);
};

/**
 * The whole lines of a file from a position (of its content, where it is compressed) to its end, a batch at a time.
 * Rejects where it cannot be read, or is no sound gzip.
 */
export async function* readLogLines(path: string, startBytes = 0): AsyncGenerator<LineBatch> {
  const source = open(path, startBytes);
  const splitter = new LineSplitter(startBytes);
  let toSkip = path.endsWith(".gz") ? startBytes : 0;
  try {
    for await (const chunk of source) {
      const bytes: Buffer = chunk;
      const skipped = Math.min(toSkip, bytes.length);
      toSkip -= skipped;
      yield splitter.push(skipped === 0 ? bytes : bytes.subarray(skipped));
    }
  } finally {
    source.destroy();
  }
}
