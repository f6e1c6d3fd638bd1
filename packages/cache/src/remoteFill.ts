import { setImmediate as nextTurn } from "node:timers/promises";
import { getField } from "@basalt/http";
import { ArrivedBlocks, type BodyReader, type BodyStore } from "@basalt/store";
import { EdgeError, unreachable } from "@basalt/types";
import { type BodySource, Watchers } from "./bodySource.ts";
import type { FillProgress, FillUpdate, SharedFill } from "./protocol.ts";
import { decodeHead, type StoredHead } from "./storedHead.ts";

/**
 * A body arriving in another worker, followed through its file by the primary's progress messages. When that worker
 * dies, `takeOver` finds another source of the same response and reading goes on at the same position.
 */
export class RemoteFill implements BodySource {
  readonly head: StoredHead;
  readonly #bodies: BodyStore;
  readonly #shared: SharedFill;
  readonly #arrived = new ArrivedBlocks();
  readonly #watchers = new Watchers();
  readonly #takeOver: (
    isAlone: boolean,
  ) => Promise<{ readonly head: StoredHead; readonly source: BodySource } | EdgeError>;
  #total: number;
  #available: number;
  #state: "growing" | "complete" | "failed" = "growing";
  #error: EdgeError | undefined;
  #reader: Promise<BodyReader | undefined> | undefined;
  #successor: BodySource | undefined;
  #readers = 0;
  /** Bytes of this body have been given out. */
  #isBegun = false;
  #lowestTold = 0;
  /** Another source of it is being looked for, or has been found. */
  #isReplaced = false;
  #isFileLost = false;

  constructor(
    bodies: BodyStore,
    head: StoredHead,
    shared: SharedFill,
    takeOver: (isAlone: boolean) => Promise<{ readonly head: StoredHead; readonly source: BodySource } | EdgeError>,
  ) {
    this.#bodies = bodies;
    this.head = head;
    this.#shared = shared;
    this.#takeOver = takeOver;
    this.#total = shared.totalBytes;
    this.#available = shared.availableBytes;
    this.#arrived.enter(shared.availableBytes, 0, shared.checksums);
  }

  get totalBytes(): number {
    return this.#successor?.totalBytes ?? this.#total;
  }

  get availableBytes(): number {
    return this.#successor?.availableBytes ?? (this.#isFileLost ? 0 : this.#available);
  }

  get state(): "growing" | "complete" | "failed" {
    return this.#successor?.state ?? this.#state;
  }

  get error(): EdgeError | undefined {
    return this.#successor?.error ?? this.#error;
  }

  get isUnstored(): boolean {
    return this.#successor?.isUnstored === true;
  }

  /** Takes a message about the fill that this body follows. */
  update(update: FillUpdate): void {
    if (this.#isReplaced) return;
    switch (update.kind) {
      case "shared":
        this.#grow({ ...update.shared, firstBlock: 0 });
        return;
      case "progress":
        this.#grow(update);
        return;
      case "stored":
        this.#finish(update.row.location.bodyBytes);
        return;
      case "ended":
        this.#finish(update.availableBytes);
        return;
      case "failed":
        this.#fail(new EdgeError(update.code, { detail: "the fetching worker reported it" }));
        return;
      case "orphaned":
        void this.#replace(false);
        return;
      case "unstored":
        void this.#replace(true);
        return;
      default:
        unreachable(update);
    }
  }

  peek(position: number): Buffer | undefined {
    const data = this.#successor?.peek(position);
    this.#tellOthers();
    return data;
  }

  async read(target: Buffer, length: number, position: number): Promise<number> {
    if (this.#successor !== undefined) return await this.#successor.read(target, length, position);
    const wanted = Math.min(length, this.#available - position);
    const count = wanted > 0 ? await this.#readFile(target, wanted, position) : 0;
    if (count > 0) this.#isBegun = true;
    else if (wanted > 0) {
      this.#isFileLost = true;
      if (!this.#isReplaced) void this.#replace(true);
    }
    return count;
  }

  /** 0 where the file is gone, cannot be read, or does not hold what was told. */
  async #readFile(target: Buffer, wanted: number, position: number): Promise<number> {
    this.#reader ??= this.#bodies.openGrowing(this.#shared.disk, this.#shared.file, this.#arrived);
    try {
      return (await (await this.#reader)?.read(target, 0, wanted, position)) ?? 0;
    } catch {
      return 0;
    }
  }

  watch(listener: () => void, position?: () => number): () => void {
    return this.#watchers.add(listener, position);
  }

  retain(): void {
    this.#readers++;
  }

  release(): void {
    this.#readers--;
    if (this.#readers > 0) {
      this.peek(this.#lowestPosition);
      return;
    }
    if (this.#successor !== undefined) {
      this.#successor.release();
      this.#successor = undefined;
      this.#fail(new EdgeError("CLIENT_GONE"));
    }
    const opening = this.#reader;
    this.#reader = undefined;
    void opening?.then(
      (reader) => reader?.release(),
      () => {},
    );
  }

  #grow({ availableBytes, firstBlock, checksums }: FillProgress): void {
    this.#arrived.enter(availableBytes, firstBlock, checksums);
    this.#available = Math.max(this.#available, availableBytes);
    this.#watchers.notify();
  }

  #finish(totalBytes: number): void {
    this.#total = totalBytes;
    this.#available = totalBytes;
    this.#state = "complete";
    this.#watchers.notify();
  }

  #fail(error: EdgeError): void {
    this.#state = "failed";
    this.#error = error;
    this.#watchers.notify();
  }

  /** Looks for the same response elsewhere; until that is found its readers have what the file still gives. */
  async #replace(isAlone: boolean): Promise<void> {
    this.#isReplaced = true;
    this.#state = "growing";
    const found = await this.#takeOver(isAlone).catch((cause: unknown) => EdgeError.from(cause));
    // All who were given this body become readers within a turn of the event loop.
    await nextTurn();
    if (found instanceof EdgeError) {
      this.#fail(found);
      return;
    }
    if (!isSameResponse(this.head, found.head) && (this.#isBegun || !isAlike(this.head, found.head))) {
      found.source.release();
      this.#fail(new EdgeError("ORIGIN_CLOSED", { detail: "the origin's content changed while it was being fetched" }));
      return;
    }
    if (this.#readers === 0) {
      found.source.release();
      this.#fail(new EdgeError("CLIENT_GONE"));
      return;
    }
    this.#successor = found.source;
    found.source.watch(
      () => this.#watchers.notify(),
      () => this.#lowestPosition,
    );
    this.#watchers.notify();
  }

  get #lowestPosition(): number {
    return this.#watchers.lowestPosition ?? 0;
  }

  /** What the successor shows depends on the slowest reader: the others learn that it has gone on. */
  #tellOthers(): void {
    const lowest = this.#lowestPosition;
    if (this.#successor === undefined || this.#readers < 2 || lowest === this.#lowestTold) return;
    this.#lowestTold = lowest;
    queueMicrotask(() => this.#watchers.notify());
  }
}

/** Bytes of two responses may be joined only when a validator and the length say that they are the same (RFC 9110 8.8). */
const isSameResponse = (left: StoredHead, right: StoredHead): boolean => {
  if (left.status !== right.status || left.bodyBytes < 0 || left.bodyBytes !== right.bodyBytes) return false;
  if (left.selection !== right.selection) return false;
  let compared = 0;
  for (const name of ["etag", "last-modified"]) {
    const mine = getField(left.fields, name);
    if (mine !== getField(right.fields, name)) return false;
    // A weak tag is the same for bodies that differ (RFC 9110 8.8.1), and so is the date beside it.
    if (mine?.startsWith("W/")) return false;
    if (mine !== undefined) compared++;
  }
  return compared > 0;
};

/** Whether a response may be sent behind the head of another of which nothing was sent yet but that head. */
const isAlike = (left: StoredHead, right: StoredHead): boolean =>
  left.status === right.status &&
  left.bodyBytes === right.bodyBytes &&
  left.selection === right.selection &&
  ["content-type", "content-encoding"].every((name) => getField(left.fields, name) === getField(right.fields, name));

/** Head of a shared fill, or an error where it cannot be read. */
export const sharedHead = (shared: SharedFill): StoredHead | EdgeError =>
  decodeHead(shared.head) ?? new EdgeError("INTERNAL", { detail: "unreadable head of a shared fill" });
