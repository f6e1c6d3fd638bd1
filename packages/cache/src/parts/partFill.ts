import type { OriginExchange } from "@basalt/origin";
import { BLOCK_BYTES, type PartedFile, type PartWriter } from "@basalt/store";
import { EdgeError } from "@basalt/types";
import { ArrivingBytes, lengthOf } from "../arrivingBytes.ts";
import { PART_REPORT_BYTES, UNWRITTEN_HIGH_BYTES, UNWRITTEN_LOW_BYTES } from "../limits.ts";
import type { BodySink, SinkControl } from "../originFetch.ts";
import type { PartProgress } from "../protocol.ts";

/** What a part tells the body that it belongs to. */
export interface PartFillListener {
  /** More can be read, or the part has ended. */
  changed(fill: PartFill): void;
  /** Written so far, for others on the host. */
  written(fill: PartFill): void;
  /** The disk takes no more: the rest only passes through, at the pace of this worker's readers. */
  unstored(fill: PartFill, cause: unknown): void;
  /** Over: every byte is written, or `error` says why not. */
  ended(fill: PartFill, error: EdgeError | undefined): void;
  /** Where the slowest of the readers is that read from this part; undefined when there is none. */
  lowestPosition(fill: PartFill): number | undefined;
}

export interface PartFillOptions {
  readonly arrived?: ArrivingBytes;
  readonly passes?: boolean;
}

/** A run of blocks of a parted body, being filled from one exchange with the origin. */
export class PartFill implements BodySink {
  readonly id: number;
  readonly start: number;
  /** A follower in another worker wants every write reported. */
  isShared = false;
  readonly #file: PartedFile;
  readonly #bytes: ArrivingBytes;
  readonly #listener: PartFillListener;
  #control: SinkControl | undefined;
  #exchange: OriginExchange | undefined;
  /** Bytes of the response that lie before what is wanted. */
  #toSkip = 0;
  /** Where the response ends, as a position in the body. */
  #responseEnd = 0;
  #end: number;
  #writer: PartWriter | undefined;
  #opening: Promise<void> | undefined;
  #isWriting = false;
  #isUnstored = false;
  #isFileLost = false;
  #isPaused = false;
  #isReceived = false;
  #isEnded = false;
  #error: EdgeError | undefined;
  #reportedTo: number;
  #written: PartProgress;

  /**
   * `arrived` begins at the first of the blocks, and may hold bytes already. `passes`: nothing of it is written, it only
   * passes through.
   */
  constructor(
    id: number,
    file: PartedFile,
    blocks: { readonly first: number; readonly end: number },
    listener: PartFillListener,
    { arrived = new ArrivingBytes(blocks.first * BLOCK_BYTES), passes = false }: PartFillOptions = {},
  ) {
    this.id = id;
    this.#file = file;
    this.#listener = listener;
    this.#bytes = arrived;
    this.start = blocks.first * BLOCK_BYTES;
    this.#end = endOf(file, blocks.end);
    this.#reportedTo = this.start;
    this.#written = { writtenTo: this.start, tailChecksum: 0 };
    this.#isPaused = arrived.heldBytes > 0;
    this.#isUnstored = passes;
    this.#isFileLost = passes;
    this.#opening = passes ? undefined : this.#open(blocks.first);
  }

  /** End of the run, as a position in the body. */
  get end(): number {
    return this.#end;
  }

  /** First position that has not arrived. */
  get receivedTo(): number {
    return this.#bytes.receivedTo;
  }

  get writtenTo(): number {
    return this.#bytes.writtenTo;
  }

  /** What others may know of it. */
  get written(): PartProgress {
    return this.#written;
  }

  /** The origin has answered with what is wanted. */
  get isReceiving(): boolean {
    return this.#control !== undefined;
  }

  get isUnstored(): boolean {
    return this.#isUnstored;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get pinnedBytes(): number {
    return this.#bytes.heldBytes;
  }

  /** End of the bytes from the position on that can be had now, from memory or as written; the position when none can. */
  reachableFrom(position: number): number {
    const { heldFrom, receivedTo, writtenTo } = this.#bytes;
    if (position < this.start || position >= receivedTo) return position;
    if (position >= heldFrom) return receivedTo;
    if (position >= writtenTo || this.#isFileLost) return position;
    return heldFrom <= writtenTo ? receivedTo : writtenTo;
  }

  /** Whether the byte at the position has yet to arrive here. */
  isComing(position: number): boolean {
    return !this.#isReceived && position >= this.#bytes.receivedTo && position < this.#end;
  }

  /** The exchange that brings the bytes, and what its response holds, as positions in the body. */
  receiveFrom(control: SinkControl, response: { readonly start: number; readonly end: number }): void {
    this.#control = control;
    this.#toSkip = this.start - response.start;
    this.#responseEnd = response.end;
    this.#clip();
  }

  attach(exchange: OriginExchange): void {
    this.#exchange = exchange;
  }

  push(chunk: Buffer): boolean {
    let wanted = chunk;
    if (this.#toSkip > 0) {
      const skipped = Math.min(this.#toSkip, chunk.length);
      this.#toSkip -= skipped;
      wanted = chunk.subarray(skipped);
    }
    wanted = wanted.subarray(0, Math.max(0, this.#end - this.#bytes.receivedTo));
    if (wanted.length > 0) {
      this.#bytes.push(wanted);
      this.#write();
      this.#listener.changed(this);
    }
    if (this.#clip()) return true;
    this.#isPaused = this.#waitingBytes() > UNWRITTEN_HIGH_BYTES;
    return !this.#isPaused;
  }

  complete(): void {
    const isWhole = this.#bytes.receivedTo >= this.#end;
    this.#received(isWhole ? undefined : new EdgeError("ORIGIN_CLOSED", { detail: "fewer bytes than announced" }));
  }

  fail(error: EdgeError): void {
    this.#received(error);
  }

  /** Somebody else fills from that position on. */
  trim(end: number): void {
    this.#end = Math.max(Math.min(this.#end, end), this.#bytes.receivedTo);
    this.#clip();
  }

  /** Nobody wants it any more. */
  stop(error: EdgeError): void {
    if (this.#control !== undefined && !this.#isReceived) this.#control.stop(error);
    else this.#received(error);
  }

  peek(position: number): Buffer | undefined {
    return this.#bytes.peek(position);
  }

  /** What was written cannot be read any more: the rest only passes through. */
  loseFile(cause: unknown): void {
    this.#isFileLost = true;
    this.#storeFailed(cause);
    this.#endIfDone();
  }

  /** A reader has moved on: what is only in memory may be let go, and the origin may go on. */
  pace(): void {
    if (!this.#isUnstored) return;
    const lowest = this.#listener.lowestPosition(this);
    if (lowest !== undefined) this.#bytes.forgetBefore(lowest);
    this.#resume();
  }

  /** True when everything wanted has arrived; an exchange that has more is ended. */
  #clip(): boolean {
    if (this.#bytes.receivedTo < this.#end || this.#isReceived) return this.#isReceived;
    if (this.#end < this.#responseEnd) this.#control?.stop();
    return this.#isReceived;
  }

  #received(error: EdgeError | undefined): void {
    if (this.#isReceived) return;
    this.#isReceived = true;
    this.#error = error;
    this.#write();
    this.#endIfDone();
  }

  async #open(first: number): Promise<void> {
    try {
      this.#writer = await this.#file.startPart(first);
      this.#opening = undefined;
      this.#write();
    } catch (cause) {
      this.#opening = undefined;
      this.#storeFailed(cause);
    }
    this.#endIfDone();
  }

  /** One write at a time, gathering what came meanwhile. */
  #write(): void {
    const writer = this.#writer;
    if (writer === undefined || this.#isWriting || this.#isUnstored) return;
    const waiting = this.#bytes.unwritten();
    if (waiting.length === 0) return;
    const waitingBytes = lengthOf(waiting);
    this.#isWriting = true;
    writer.write(...waiting).then(
      () => {
        this.#isWriting = false;
        // What passes through memory stays there until its readers have had it.
        if (!this.#isUnstored) {
          this.#bytes.wrote(waitingBytes);
          this.#written = { writtenTo: this.writtenTo, tailChecksum: writer.tailChecksum };
          this.#report();
          this.#write();
        }
        this.#resume();
        this.#endIfDone();
      },
      (cause: unknown) => {
        this.#isWriting = false;
        this.#storeFailed(cause);
        this.#endIfDone();
      },
    );
  }

  #report(): void {
    const { writtenTo } = this.#bytes;
    if (!this.isShared && writtenTo - this.#reportedTo < PART_REPORT_BYTES) return;
    this.#reportedTo = writtenTo;
    this.#listener.written(this);
  }

  #storeFailed(cause: unknown): void {
    if (this.#isUnstored) return;
    this.#isUnstored = true;
    this.#listener.unstored(this, cause);
    this.pace();
  }

  #waitingBytes(): number {
    const { receivedTo, writtenTo } = this.#bytes;
    if (!this.#isUnstored) return receivedTo - writtenTo;
    return receivedTo - Math.max(writtenTo, this.#listener.lowestPosition(this) ?? 0);
  }

  #resume(): void {
    if (!this.#isPaused || this.#waitingBytes() > UNWRITTEN_LOW_BYTES) return;
    this.#isPaused = false;
    this.#exchange?.resume();
  }

  #endIfDone(): void {
    if (!this.#isReceived || this.#isEnded || this.#isWriting || this.#opening !== undefined) return;
    if (!this.#isUnstored && this.#bytes.writtenTo < this.#bytes.receivedTo) return;
    this.#isEnded = true;
    void this.#writer?.close();
    this.#listener.ended(this, this.#error);
  }
}

const endOf = (file: PartedFile, block: number): number => Math.min(block * BLOCK_BYTES, file.location.bodyBytes);
