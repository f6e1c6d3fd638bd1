import type { ObjectLocation } from "../contract.ts";
import { arePieces, countPieces, sumOf, sumPieces } from "./pieceSums.ts";

/** Records up to this length have one sum: `loadNow` reads them whole in any case. */
export const ONE_SUM_BYTES = 128 * 1024;
/** Records remembered by a process, each takes about 100 bytes; long ones count as several. */
const LIMIT = 262_144;
const PIECES_PER_RECORD = 8;

type RecordSums = number | Float64Array;

/** Lengths of head and packed body in one number: what is known of a record holds only for the location it was read by. */
const shapeMark = (location: ObjectLocation): number => location.headBytes * 2 ** 30 + location.bodyBytes;

/** Bounds what all files of a process remember: beyond the limit all is given back, and verified by checksums again. */
export class VerifiedLimit {
  readonly #limit: number;
  readonly #filled = new Set<VerifiedRecords>();
  #noted = 0;

  constructor(limit: number = LIMIT) {
    this.#limit = limit;
  }

  noted(records: VerifiedRecords, weight: number): void {
    this.#filled.add(records);
    this.#noted += weight;
    if (this.#noted <= this.#limit) return;
    for (const filled of this.#filled) filled.clear();
    this.#filled.clear();
    this.#noted = 0;
  }
}

/**
 * Records of a segment that their checksums have found whole: by their sums each later read finds out cheaply whether the
 * file still has those bytes.
 */
export class VerifiedRecords {
  readonly #shapes = new Map<number, number>();
  readonly #sums = new Map<number, RecordSums>();
  readonly #limit: VerifiedLimit;

  constructor(limit: VerifiedLimit) {
    this.#limit = limit;
  }

  /** `record`: from its header to its last byte. */
  note(location: ObjectLocation, record: Buffer): void {
    let sums: RecordSums;
    if (record.length <= ONE_SUM_BYTES) sums = sumOf(record);
    else {
      sums = new Float64Array(countPieces(record.length));
      sumPieces(record, sums);
    }
    if (!this.#sums.has(location.offset)) {
      this.#limit.noted(this, typeof sums === "number" ? 1 : 1 + sums.length / PIECES_PER_RECORD);
    }
    this.#shapes.set(location.offset, shapeMark(location));
    this.#sums.set(location.offset, sums);
  }

  /** One sum, or one for each piece; undefined when nothing is known. */
  sumsOf(location: ObjectLocation): RecordSums | undefined {
    return this.#shapes.get(location.offset) === shapeMark(location) ? this.#sums.get(location.offset) : undefined;
  }

  /** Whether this whole record is known, and unchanged. */
  isUnchanged(location: ObjectLocation, record: Buffer): boolean {
    const sums = this.sumsOf(location);
    if (sums === undefined) return false;
    return typeof sums === "number" ? sumOf(record) === sums : arePieces(record, sums, 0);
  }

  forget(location: ObjectLocation): void {
    this.#shapes.delete(location.offset);
    this.#sums.delete(location.offset);
  }

  clear(): void {
    this.#shapes.clear();
    this.#sums.clear();
  }
}
