import type { OriginExchange } from "@basalt/origin";
import type { ArrivedChecksums, BodyStore, GrowingFile, ObjectLocation, RowImage } from "@basalt/store";
import { EdgeError } from "@basalt/types";
import { ArrivingBytes, lengthOf } from "./arrivingBytes.ts";
import { type BodySource, Watchers } from "./bodySource.ts";
import type { FillStore } from "./diskUse.ts";
import { PACKED_BODY_BYTES, UNWRITTEN_HIGH_BYTES, UNWRITTEN_LOW_BYTES } from "./limits.ts";
import type { BodySink, SinkControl } from "./originFetch.ts";
import type { SharedFill } from "./protocol.ts";
import { encodeHead, type StoredHead } from "./storedHead.ts";

export interface LocalFillParts {
  readonly bodies: FillStore;
  readonly head: StoredHead;
  readonly control: SinkControl;
  /** It is not to be stored: it only passes through, once `letPass` was called. */
  readonly passes?: boolean;
  /** The store has failed: from now on the body only passes through, to the readers that it has. */
  readonly onUnstored: () => void;
}

/** A growing body as others on the host may read it. */
export interface SharedBody extends Omit<SharedFill, "checksums"> {
  readonly checksums: ArrivedChecksums;
}

/**
 * A body arriving from the origin in this worker. Small ones stay in memory until complete; long ones, and those that
 * another worker waits for, are written to a file of their own as they arrive. Readers never slow it down, only the
 * disk does; unless the disk fails: then the body passes through memory at the pace of its readers.
 */
export class LocalFill implements BodySource, BodySink {
  readonly #parts: LocalFillParts;
  readonly #watchers = new Watchers();
  readonly #bytes: ArrivingBytes;
  #head: StoredHead;
  #exchange: OriginExchange | undefined;
  #state: "growing" | "complete" | "failed" = "growing";
  #error: EdgeError | undefined;
  #file: Promise<GrowingFile> | undefined;
  #openFile: GrowingFile | undefined;
  /** Settles when the file is open or could not be opened; never rejects. */
  #opened: Promise<void> | undefined;
  #writing: Promise<void> | undefined;
  #paused = false;
  #shareListener: ((shared: SharedBody) => void) | undefined;
  #reader: ReturnType<BodyStore["openGrowing"]> | undefined;
  #settled = false;
  #readers = 0;
  /** Readers to whom the body was given may still be on their way, this turn of the event loop. */
  #isGathering = false;
  #storeError: EdgeError | undefined;
  #tellUnstored: () => void = () => {};

  /** `arrived`: what has come before the fill was made. */
  constructor(parts: LocalFillParts, arrived: ArrivingBytes = new ArrivingBytes(0)) {
    this.#parts = parts;
    this.#head = parts.head;
    this.#bytes = arrived;
    if (parts.passes === true) this.#storeError = new EdgeError("STORE_UNAVAILABLE", { detail: "not to be stored" });
    else if (parts.head.bodyBytes > PACKED_BODY_BYTES) this.#openOwnFile();
  }

  /** Whoever reads what is not stored was given it: it goes on at their pace, or ends when there are none. */
  letPass(): void {
    if (this.#readers > 0) this.#pace();
    else this.#gather();
  }

  get head(): StoredHead {
    return this.#head;
  }

  get totalBytes(): number {
    return this.#head.bodyBytes;
  }

  get availableBytes(): number {
    return this.#state === "failed" ? 0 : this.#bytes.receivedTo;
  }

  get state(): "growing" | "complete" | "failed" {
    return this.#state;
  }

  get error(): EdgeError | undefined {
    return this.#error;
  }

  /** Bytes in memory that nothing can take the place of yet. */
  get pinnedBytes(): number {
    return this.#bytes.heldBytes;
  }

  attach(exchange: OriginExchange): void {
    this.#exchange = exchange;
  }

  /** Takes a chunk from the origin; false asks for a pause. */
  push(chunk: Buffer): boolean {
    this.#bytes.push(chunk);
    const isKept = this.#storeError === undefined;
    if (isKept && this.#file === undefined && this.#bytes.receivedTo > PACKED_BODY_BYTES) this.#openOwnFile();
    void this.#write();
    this.#watchers.notify();
    const hasLimit = this.#file !== undefined || !isKept;
    this.#paused = hasLimit && !this.#isWhole && this.#waitingBytes() > UNWRITTEN_HIGH_BYTES;
    return !this.#paused;
  }

  /** Everything has arrived: the length is known now. The body can still be read from here until `settle`. */
  complete(): void {
    this.#head = { ...this.#head, bodyBytes: this.#bytes.receivedTo };
    this.#state = "complete";
    this.#watchers.notify();
  }

  fail(error: EdgeError): void {
    if (this.#state !== "growing") return;
    this.#state = "failed";
    this.#error = error;
    this.#watchers.notify();
    void this.#abandon();
  }

  /** The whole body, if it was never written to a file. */
  wholeBody(): Buffer | undefined {
    return this.#file !== undefined || this.#state !== "complete" ? undefined : this.#bytes.copyHeld();
  }

  /** Stores a complete body. Errors mean that the object is not kept; it can still be read from here. */
  async store(body: Buffer | undefined, image: RowImage): Promise<ObjectLocation> {
    const encoded = encodeHead(this.#head);
    if (this.#file === undefined) return await this.#parts.bodies.append(image, encoded, body ?? Buffer.alloc(0));
    const file = await this.#file;
    while (this.#bytes.writtenTo < this.#bytes.receivedTo) {
      if (this.#storeError !== undefined) throw this.#storeError;
      await (this.#writing ?? this.#write());
    }
    return await file.complete(image, encoded);
  }

  /** True when the store has failed: nobody new can read it from the beginning. */
  get isUnstored(): boolean {
    return this.#storeError !== undefined;
  }

  /** Resolves when the store fails while the body arrives: without a reader it goes on no more. */
  whenUnstored(): Promise<void> {
    if (this.#storeError !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#tellUnstored = resolve;
    });
  }

  /** The object is in the store, or will never be: what nobody reads any more is let go. */
  settle(): void {
    this.#settled = true;
    this.#gather();
  }

  /** Makes the body readable by other workers; calls back at once and after each write. */
  share(listener: (shared: SharedBody) => void): void {
    if (this.#storeError !== undefined) return;
    this.#shareListener = listener;
    this.#openOwnFile();
    if (this.#openFile !== undefined) this.#tellShared();
  }

  retain(): void {
    this.#readers++;
    if (this.#readers === 1) this.#gather();
  }

  release(): void {
    this.#readers--;
    if (this.#readers === 0) this.#whenLeft();
    else if (this.#storeError !== undefined) this.#pace();
  }

  watch(listener: () => void, position?: () => number): () => void {
    return this.#watchers.add(listener, position);
  }

  peek(position: number): Buffer | undefined {
    if (this.#storeError !== undefined) this.#pace();
    return this.#bytes.peek(position);
  }

  async read(target: Buffer, length: number, position: number): Promise<number> {
    const inMemory = this.peek(position);
    if (inMemory !== undefined) return inMemory.copy(target, 0, 0, length);
    if (position >= this.#bytes.writtenTo) return 0;
    const file = await this.#file;
    if (file === undefined) return 0;
    this.#reader ??= this.#parts.bodies.openGrowing(file.disk, file.file, file.checksums);
    const reader = await this.#reader;
    if (reader === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "growing body is gone" });
    return await reader.read(target, 0, Math.min(length, this.#bytes.writtenTo - position), position);
  }

  #openOwnFile(): void {
    if (this.#file !== undefined) return;
    this.#file = this.#parts.bodies.createFile();
    this.#opened = this.#file.then(
      (file) => {
        this.#openFile = file;
        void this.#write();
        if (this.#shareListener !== undefined) this.#tellShared();
      },
      (cause: unknown) => this.#storeFailed(cause),
    );
  }

  /** Writes what is waiting, one write at a time, gathering what came meanwhile. */
  #write(): Promise<void> {
    const file = this.#openFile;
    const isIdle = this.#writing === undefined && this.#storeError === undefined;
    const waiting = file === undefined || !isIdle ? [] : this.#bytes.unwritten();
    if (file === undefined || waiting.length === 0) return this.#writing ?? this.#opened ?? Promise.resolve();
    const waitingBytes = lengthOf(waiting);
    this.#writing = file.write(...waiting).then(
      () => {
        this.#writing = undefined;
        this.#bytes.wrote(waitingBytes);
        this.#resume();
        if (this.#shareListener !== undefined) this.#tellShared();
        void this.#write();
      },
      (cause: unknown) => {
        this.#writing = undefined;
        this.#storeFailed(cause);
      },
    );
    return this.#writing;
  }

  /** All that was announced has arrived: the end of the exchange is all that is left. */
  get #isWhole(): boolean {
    return this.#head.bodyBytes >= 0 && this.#bytes.receivedTo >= this.#head.bodyBytes;
  }

  /** Bytes that wait for the disk or, without one, for the slowest reader. */
  #waitingBytes(): number {
    const { receivedTo, writtenTo } = this.#bytes;
    if (this.#storeError === undefined) return receivedTo - writtenTo;
    return receivedTo - Math.max(writtenTo, this.#watchers.lowestPosition ?? 0);
  }

  #resume(): void {
    if (!this.#paused || this.#waitingBytes() > UNWRITTEN_LOW_BYTES) return;
    this.#paused = false;
    this.#exchange?.resume();
  }

  /** Lets go of what every reader has had, and of the origin when there is room again. */
  #pace(): void {
    if (!this.#isGathering) this.#bytes.forgetBefore(this.#watchers.lowestPosition ?? 0);
    this.#resume();
  }

  /** All who were given the body become readers within a turn of the event loop: nothing is let go before its end. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    setImmediate(() => {
      this.#isGathering = false;
      if (this.#readers === 0) this.#whenLeft();
    });
  }

  #whenLeft(): void {
    if (this.#isGathering) return;
    if (this.#settled) void this.#letGo();
    else if (this.#storeError !== undefined && this.#state === "growing" && !this.#isWhole) {
      this.#parts.control.stop(new EdgeError("CLIENT_GONE", { detail: "nobody reads what cannot be stored" }));
    }
  }

  #tellShared(): void {
    const file = this.#openFile;
    if (file === undefined || this.#shareListener === undefined) return;
    const { disk, checksums } = file;
    const availableBytes = checksums.bytes;
    const totalBytes = this.#head.bodyBytes;
    this.#shareListener({ head: encodeHead(this.#head), disk, file: file.file, totalBytes, availableBytes, checksums });
  }

  #storeFailed(cause: unknown): void {
    if (this.#storeError !== undefined) return;
    this.#storeError = EdgeError.from(cause, "STORE_UNAVAILABLE");
    this.#shareListener = undefined;
    if (this.#state !== "growing") return;
    this.#parts.onUnstored();
    this.#tellUnstored();
    if (this.#readers > 0) this.#pace();
    else this.#gather();
    this.#watchers.notify();
  }

  async #abandon(): Promise<void> {
    try {
      await this.#writing;
      const file = await this.#file;
      this.#openFile = undefined;
      await file?.abandon();
    } catch {
      // The file could not be made or written: there is nothing left to remove.
    }
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    const opening = this.#reader;
    this.#reader = undefined;
    this.#bytes.clear();
    const reader = await opening?.catch(() => undefined);
    reader?.release();
    if (this.#storeError === undefined) return;
    const file = this.#openFile;
    this.#openFile = undefined;
    await file?.abandon();
  }
}
