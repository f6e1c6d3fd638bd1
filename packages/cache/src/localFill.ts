import type { OriginExchange } from "@basalt/origin";
import type { BodyStore, GrowingFile, ObjectLocation } from "@basalt/store";
import { EdgeError } from "@basalt/types";
import { type BodySource, Watchers } from "./bodySource.ts";
import { PACKED_BODY_BYTES, TAIL_BYTES, UNWRITTEN_HIGH_BYTES, UNWRITTEN_LOW_BYTES } from "./limits.ts";
import type { SharedFill } from "./protocol.ts";
import { encodeHead, type StoredHead } from "./storedHead.ts";

interface Chunk {
  readonly start: number;
  readonly data: Buffer;
}

/**
 * A body arriving from the origin in this worker. Small ones stay in memory until complete; long ones, and those that
 * another worker waits for, are written to a file of their own as they arrive. Readers never slow it down: only the
 * disk does.
 */
export class LocalFill implements BodySource {
  readonly #bodies: BodyStore;
  readonly #watchers = new Watchers();
  #head: StoredHead;
  #exchange: OriginExchange | undefined;
  #chunks: Chunk[] = [];
  #received = 0;
  #state: "growing" | "complete" | "failed" = "growing";
  #error: EdgeError | undefined;
  #file: Promise<GrowingFile> | undefined;
  #openFile: GrowingFile | undefined;
  /** Settles when the file is open or could not be opened; never rejects. */
  #opened: Promise<void> | undefined;
  #written = 0;
  #writing: Promise<void> | undefined;
  #paused = false;
  #shareListener: ((shared: SharedFill) => void) | undefined;
  #reader: ReturnType<BodyStore["openGrowing"]> | undefined;
  #settled = false;
  #readers = 0;
  #storeError: EdgeError | undefined;

  constructor(bodies: BodyStore, head: StoredHead) {
    this.#bodies = bodies;
    this.#head = head;
    if (head.bodyBytes > PACKED_BODY_BYTES) this.#openOwnFile();
  }

  get head(): StoredHead {
    return this.#head;
  }

  get totalBytes(): number {
    return this.#head.bodyBytes;
  }

  get availableBytes(): number {
    return this.#state === "failed" ? 0 : this.#received;
  }

  get state(): "growing" | "complete" | "failed" {
    return this.#state;
  }

  get error(): EdgeError | undefined {
    return this.#error;
  }

  attach(exchange: OriginExchange): void {
    this.#exchange = exchange;
  }

  /** Takes a chunk from the origin; false asks for a pause. */
  push(chunk: Buffer): boolean {
    this.#chunks.push({ start: this.#received, data: chunk });
    this.#received += chunk.length;
    if (this.#file === undefined && this.#received > PACKED_BODY_BYTES) this.#openOwnFile();
    void this.#write();
    this.#watchers.notify();
    this.#paused = this.#file !== undefined && this.#received - this.#written > UNWRITTEN_HIGH_BYTES;
    return !this.#paused;
  }

  /** Everything has arrived: the length is known now. The body can still be read from here until `settle`. */
  complete(): void {
    this.#head = { ...this.#head, bodyBytes: this.#received };
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
    if (this.#file !== undefined || this.#state !== "complete") return undefined;
    // Always a copy into memory of its own: a chunk is a view into the socket's read buffer, many times its size.
    const body = Buffer.allocUnsafeSlow(this.#received);
    for (const { start, data } of this.#chunks) data.copy(body, start);
    return body;
  }

  /** Stores a complete body. Errors mean that the object is not kept; it can still be read from here. */
  async store(body: Buffer | undefined): Promise<ObjectLocation> {
    const encoded = encodeHead(this.#head);
    if (this.#file === undefined) return await this.#bodies.append(encoded, body ?? Buffer.alloc(0));
    const file = await this.#file;
    while (this.#written < this.#received) {
      if (this.#storeError !== undefined) {
        await file.abandon();
        throw this.#storeError;
      }
      await (this.#writing ?? this.#write());
    }
    return await file.complete(encoded);
  }

  /** The object is in the store, or will never be: what nobody reads any more is let go. */
  settle(): void {
    this.#settled = true;
    if (this.#readers === 0) void this.#closeReader();
  }

  /** Makes the body readable by other workers; calls back at once and after each write. */
  share(listener: (shared: SharedFill) => void): void {
    this.#shareListener = listener;
    this.#openOwnFile();
    if (this.#openFile !== undefined) this.#tellShared();
  }

  retain(): void {
    this.#readers++;
  }

  release(): void {
    this.#readers--;
    if (this.#readers === 0 && this.#settled) void this.#closeReader();
  }

  watch(listener: () => void): () => void {
    return this.#watchers.add(listener);
  }

  peek(position: number): Buffer | undefined {
    const chunks = this.#chunks;
    for (let index = chunks.length - 1; index >= 0; index--) {
      const chunk = chunks[index];
      if (chunk === undefined || position >= chunk.start + chunk.data.length) return undefined;
      if (position >= chunk.start)
        return position === chunk.start ? chunk.data : chunk.data.subarray(position - chunk.start);
    }
    return undefined;
  }

  async read(target: Buffer, length: number, position: number): Promise<number> {
    const inMemory = this.peek(position);
    if (inMemory !== undefined) return inMemory.copy(target, 0, 0, length);
    if (position >= this.#written) return 0;
    const file = await this.#file;
    if (file === undefined) return 0;
    this.#reader ??= this.#bodies.openGrowing(file.disk, file.file);
    const reader = await this.#reader;
    if (reader === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "growing body is gone" });
    return await reader.read(target, 0, Math.min(length, this.#written - position), position);
  }

  #openOwnFile(): void {
    if (this.#file !== undefined) return;
    this.#file = this.#bodies.createFile();
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
    if (file === undefined || this.#writing !== undefined || this.#written === this.#received) {
      return this.#writing ?? this.#opened ?? Promise.resolve();
    }
    const waiting = this.#chunks.filter((chunk) => chunk.start >= this.#written);
    const [first] = waiting;
    if (first === undefined) return Promise.resolve();
    const gathered = waiting.length === 1 ? first.data : Buffer.concat(waiting.map((chunk) => chunk.data));
    this.#writing = file.write(gathered).then(
      () => {
        this.#writing = undefined;
        this.#written += gathered.length;
        this.#dropTail();
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

  #resume(): void {
    if (!this.#paused || this.#received - this.#written > UNWRITTEN_LOW_BYTES) return;
    this.#paused = false;
    this.#exchange?.resume();
  }

  #dropTail(): void {
    let drop = 0;
    for (const chunk of this.#chunks) {
      const end = chunk.start + chunk.data.length;
      if (end > this.#written || end > this.#received - TAIL_BYTES) break;
      drop++;
    }
    if (drop > 0) this.#chunks.splice(0, drop);
  }

  #tellShared(): void {
    const file = this.#openFile;
    if (file === undefined || this.#shareListener === undefined) return;
    this.#shareListener({
      head: encodeHead(this.#head),
      disk: file.disk,
      file: file.file,
      totalBytes: this.#head.bodyBytes,
      availableBytes: this.#written,
    });
  }

  #storeFailed(cause: unknown): void {
    const error = EdgeError.from(cause, "STORE_UNAVAILABLE");
    this.#storeError = error;
    if (this.#state === "growing") this.#exchange?.abort();
    this.fail(error);
  }

  async #abandon(): Promise<void> {
    try {
      await this.#writing;
      const file = await this.#file;
      await file?.abandon();
    } catch {
      // The file could not be made or written: there is nothing left to remove.
    }
    await this.#closeReader();
  }

  async #closeReader(): Promise<void> {
    const opening = this.#reader;
    this.#reader = undefined;
    this.#chunks = [];
    const reader = await opening?.catch(() => undefined);
    reader?.release();
  }
}
