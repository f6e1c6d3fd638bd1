import type { ObjectLocation } from "../contract.ts";
import { LENT_BYTES } from "../limits.ts";
import { clampLength, PooledReader, type ReaderContext } from "./bodyReaders.ts";
import { unavailable } from "./diskReports.ts";
import { arePieces, PIECE_BYTES, piecesAround, sumOf } from "./pieceSums.ts";
import { decodeRecord, RECORD_HEADER_BYTES, unpaddedBytesOf } from "./recordFormat.ts";
import { withBlock } from "./spareBlocks.ts";

/** A body inside a record of a segment. Each read compares what the file gives with what was found whole. */
export class PackedBodyReader extends PooledReader {
  readonly #location: ObjectLocation;

  constructor(context: ReaderContext, location: ObjectLocation) {
    super(context);
    this.#location = location;
  }

  async read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    const wanted = clampLength(position, length, this.#location.bodyBytes);
    if (wanted === 0) return 0;
    const from = RECORD_HEADER_BYTES + this.#location.headBytes + position;
    await this.#withPart(from, from + wanted, async (part, start) => {
      part.copy(target, targetOffset, from - start, from - start + wanted);
    });
    return wanted;
  }

  /** Gives the work bytes of the record that are verified and contain `[from, end)`, and tells where they begin. */
  async #withPart(from: number, end: number, work: (part: Buffer, start: number) => Promise<void>): Promise<void> {
    const recordBytes = unpaddedBytesOf(this.#location);
    const sums = this.context.file.verified.sumsOf(this.#location);
    const isPart = typeof sums === "object";
    const run = isPart ? piecesAround(from, end, recordBytes) : { start: 0, end: recordBytes };
    const runBytes = run.end - run.start;
    const verified = async (buffer: Buffer): Promise<void> => {
      const part = buffer.subarray(0, runBytes);
      await this.readExactly(part, 0, runBytes, this.#location.offset + run.start);
      if (isPart) {
        if (!arePieces(part, sums, run.start / PIECE_BYTES))
          throw this.#damaged("bytes that were found whole have changed");
      } else if (sums === undefined || sumOf(part) !== sums) this.#verify(part);
      await work(part, run.start);
    };
    if (runBytes <= LENT_BYTES) await withBlock(verified);
    else await verified(Buffer.allocUnsafeSlow(runBytes));
  }

  #verify(record: Buffer): void {
    const reading = decodeRecord(record, this.#location);
    if (reading.kind === "damaged") throw this.#damaged(reading.reason);
    this.context.file.verified.note(this.#location, record);
  }

  #damaged(reason: string): Error {
    const { file, reports } = this.context;
    const place = `${file.path}:${this.#location.offset}`;
    file.verified.forget(this.#location);
    reports.damaged(place, reason);
    return unavailable(`${place}: ${reason}`);
  }
}
