import type { FileSystemStatus, FileTransaction } from "@basalt/telemetry/logs";
import type { CacheResult } from "@basalt/types";
import type { FileRange, ObjectSource } from "./contract.ts";
import { failureOf, type SeenFile } from "./outcome.ts";
import type { ReadWindows } from "./readWindows.ts";

/** Fetched at a time where reads go on near each other (FS-22), and where they do not. */
export const WINDOW_BYTES = 128 * 1024;
const LONE_BYTES = 16 * 1024;

const NOTHING = Buffer.alloc(0);

export type ReadOutcome =
  | { readonly kind: "data"; readonly data: Buffer }
  | { readonly kind: "failed"; readonly status: FileSystemStatus };

export interface FilePlace {
  /** Who counts it. */
  readonly vhost: string;
  readonly host: string;
  readonly target: string;
}

interface Arriving extends FileRange {
  readonly outcome: Promise<ReadOutcome>;
}

/** A file between open and release. All it gives is of the object that was opened. */
export class OpenFile {
  readonly place: FilePlace;
  readonly seen: SeenFile;
  readonly transaction: FileTransaction;
  /** When a read call was last made, by the monotonic clock. */
  usedMs = 0;
  readonly #source: ObjectSource;
  readonly #windows: ReadWindows;
  readonly #released = new AbortController();
  readonly #arriving: Arriving[] = [];
  #lastEnd = 0;
  #status: FileSystemStatus = "normal";

  constructor(
    parts: { readonly source: ObjectSource; readonly windows: ReadWindows },
    place: FilePlace,
    seen: SeenFile,
    transaction: FileTransaction,
  ) {
    this.#source = parts.source;
    this.#windows = parts.windows;
    this.place = place;
    this.seen = seen;
    this.transaction = transaction;
  }

  /** Of the first call that failed. */
  get status(): FileSystemStatus {
    return this.#status;
  }

  failed(status: FileSystemStatus): void {
    if (this.#status === "normal") this.#status = status;
  }

  get result(): CacheResult {
    return this.seen.result;
  }

  /** What there is of `size` bytes from `offset` on; less only at the end of the file. */
  async read(offset: number, size: number): Promise<ReadOutcome> {
    if (!Number.isSafeInteger(offset)) return { kind: "failed", status: "wrongOffset" };
    const wanted: FileRange = { from: offset, to: Math.min(offset + size, this.seen.bytes) };
    if (wanted.from >= wanted.to) return { kind: "data", data: NOTHING };
    const held = this.#windows.find(this, wanted);
    if (held !== undefined) return { kind: "data", data: held };
    const range = this.#rangeFor(wanted);
    this.#lastEnd = wanted.to;
    const arriving = this.#arriving.find(({ from, to }) => from <= wanted.from && to >= wanted.to);
    const { from, outcome } = arriving ?? this.#fetch(range);
    const fetched = await outcome;
    if (fetched.kind === "failed") return fetched;
    return { kind: "data", data: fetched.data.subarray(wanted.from - from, wanted.to - from) };
  }

  /** Nobody reads it any more. */
  release(): void {
    this.#windows.drop(this);
    this.#released.abort();
  }

  #rangeFor({ from, to }: FileRange): FileRange {
    const isNear = Math.abs(from - this.#lastEnd) <= WINDOW_BYTES;
    const unit = isNear ? WINDOW_BYTES : LONE_BYTES;
    return {
      from: Math.floor(from / unit) * unit,
      to: Math.min(Math.ceil(to / unit) * unit, this.seen.bytes),
    };
  }

  #fetch(range: FileRange): Arriving {
    const arriving: Arriving = { ...range, outcome: this.#load(range) };
    this.#arriving.push(arriving);
    const forget = (): void => {
      this.#arriving.splice(this.#arriving.indexOf(arriving), 1);
    };
    void arriving.outcome.then(forget, forget);
    return arriving;
  }

  async #load(range: FileRange): Promise<ReadOutcome> {
    const { host, target } = this.place;
    const answer = await this.#source.read(host, target, range, this.#released.signal);
    const failure = failureOf(answer, "data");
    if (failure !== undefined) return { kind: "failed", status: failure };
    // Another object has taken its place: bytes of both would be neither's.
    const isSame = answer.version === this.seen.version;
    if (!isSame || answer.data.length !== range.to - range.from) return { kind: "failed", status: "regionFailed" };
    if (!this.#released.signal.aborted) this.#windows.keep(this, range.from, answer.data);
    return { kind: "data", data: answer.data };
  }
}
