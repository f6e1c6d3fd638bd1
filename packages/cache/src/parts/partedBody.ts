import type { ByteRange } from "@basalt/http";
import type { OriginPool, OriginRequest } from "@basalt/origin";
import { judgePart, partRequestFields, type Representation } from "@basalt/policy";
import {
  BLOCK_BYTES,
  type CacheKey,
  type FileRun,
  isGone,
  type MemoryTier,
  type PartedFile,
  STRETCH_BYTES,
} from "@basalt/store";
import { EdgeError, unreachable } from "@basalt/types";
import type { ArrivingBytes } from "../arrivingBytes.ts";
import { LOOK_AHEAD_BYTES, READ_AHEAD_BYTES, SPLIT_BLOCKS } from "../limits.ts";
import type { ObjectChannel } from "../objectCache.ts";
import { fetchFromOrigin, type SinkControl } from "../originFetch.ts";
import type { PartRun, PartUpdate } from "../protocol.ts";
import type { TierEntry } from "../tierEntry.ts";
import { BodyStretch } from "./bodyStretch.ts";

import { PartFill, type PartFillListener } from "./partFill.ts";
import { PartView } from "./partView.ts";

/** How blocks that are absent can be had. */
export interface PartOrigin {
  readonly pool: OriginPool;
  /** `<PartSize>` in bytes (ORG-35); 0: everything up to the next block that is there. */
  readonly partBytes: number;
  /** Whether requests for parts carry If-Range (ORG-47). */
  readonly ifRange: boolean;
  /** Nothing behind the end of a view is fetched for it (MEDIA-04). */
  readonly isExact?: boolean;
  /** The request without its range, for whoever asks now. */
  request(): OriginRequest;
}

export interface PartedBodyParts {
  readonly key: CacheKey;
  readonly file: PartedFile;
  /** Undefined where the response cannot be told from later versions: what is absent stays so. */
  readonly representation: Representation | undefined;
  readonly channel: Pick<ObjectChannel, "call" | "tell">;
  readonly tier: MemoryTier<TierEntry>;
  readonly blockSpace: number;
  /** The origin has another version by now, or what is stored cannot be completed. */
  readonly onLost: () => void;
  /** The origin has failed a reader for good: what is absent cannot be had for now. */
  readonly onBroken: (error: EdgeError) => void;
  /** Every block is there. */
  readonly onComplete: () => void;
  /** Nobody uses the body any more. */
  readonly onUnused: () => void;
  readonly follow: (partId: number, body: PartedBody) => void;
  readonly unfollow: (partId: number) => void;
  /** News of parts may overtake a reply: they are kept until the returned function is called. */
  readonly expectNews: () => () => void;
}

const MEGABYTE_BLOCKS = 2 ** 20 / BLOCK_BYTES;
const STRETCH_BLOCKS = STRETCH_BYTES / BLOCK_BYTES;

/**
 * A body in a file of its own as this worker sees it: blocks on disk, blocks on their way here or in other workers,
 * and the views of those who read. What a view lacks is fetched by range, once for the host. A stretch read a second time
 * is kept in the memory tier: one pass over a long file leaves no trace there, repeated ranges come from memory.
 */
export class PartedBody implements PartFillListener {
  readonly #parts: PartedBodyParts;
  readonly #name: string;
  readonly #views = new Set<PartView>();
  readonly #fills = new Map<number, PartFill>();
  /** Parts that other workers fill. */
  readonly #remote = new Map<number, PartRun>();
  /** Stretches that are being read into the memory tier. */
  readonly #loading = new Map<number, Promise<void>>();
  /** Blocks that the primary is being asked for. */
  readonly #acquiring = new Set<number>();
  #holders = 0;
  /** Why nothing more of it can be had. */
  #lostError: EdgeError | undefined;
  /** Its file cannot be used any more: what views lack passes through memory, from the origin, by parts of our own. */
  #isUnstored = false;
  #lastOwnPart = 0;
  #isSuperseded = false;
  #isComplete = false;

  constructor(parts: PartedBodyParts) {
    this.#parts = parts;
    this.#name = `${parts.file.location.disk}/${parts.file.location.file}/`;
  }

  get totalBytes(): number {
    return this.#parts.file.location.bodyBytes;
  }

  get isPartial(): boolean {
    return this.#parts.file.missingBytes > 0;
  }

  /** Another object has to take its place. */
  get isLost(): boolean {
    return this.#lostError !== undefined;
  }

  get hasReaders(): boolean {
    return this.#views.size > 0;
  }

  get pinnedBytes(): number {
    let bytes = 0;
    for (const fill of this.#fills.values()) bytes += fill.pinnedBytes;
    return bytes;
  }

  get fillsRunning(): number {
    return this.#fills.size;
  }

  /** One more user; each is to `release` once. */
  retain(): void {
    this.#holders++;
  }

  release(): void {
    this.#holders--;
    this.#endIfUnused();
  }

  /** Bytes `[start, end)` for one reader. */
  view(start: number, end: number, origin: PartOrigin): PartView {
    return new PartView(this, start, end, origin);
  }

  /** Whether every block is on disk by now, whoever has filled it. */
  async isWhole(): Promise<boolean> {
    const { file } = this.#parts;
    this.retain();
    try {
      if (this.isPartial) await file.refresh(0, file.blockCount);
      this.#noteCompletion();
    } catch {
      // The file cannot be read: whoever reads from it finds out.
    } finally {
      this.release();
    }
    return !this.isPartial;
  }

  /** Resolves when every block is on disk (true), or cannot be had. */
  async whenComplete(origin: PartOrigin): Promise<boolean> {
    const view = this.view(0, this.totalBytes, origin);
    let position = 0;
    view.retain();
    try {
      await new Promise<void>((resolve) => {
        const advance = (): void => {
          position = this.availableTo(position);
          const isOver = this.#isUnstored || (position >= this.totalBytes && !this.#isStoring);
          if (!this.isPartial || isOver || view.state === "failed") resolve();
        };
        view.watch(advance, () => position);
        advance();
        this.advanced(view);
      });
    } finally {
      view.release();
    }
    return !this.isPartial && !this.#isUnstored;
  }

  /** Resolves when all of these bytes are on the disk, for any process to read. Errors: those of the origin and the store. */
  async whenPresent({ start, end }: ByteRange, origin: PartOrigin): Promise<void> {
    const lastBlock = Math.ceil(Math.min(end, this.totalBytes) / BLOCK_BYTES);
    // The first that is not on the disk. What has arrived of it counts for nothing: its end may never come.
    let block = Math.floor(start / BLOCK_BYTES);
    const isPresent = (): boolean => {
      while (block < lastBlock && this.#isOnDisk(block)) block++;
      return block >= lastBlock;
    };
    if (isPresent()) return;
    const view = this.view(block * BLOCK_BYTES, Math.min(lastBlock * BLOCK_BYTES, this.totalBytes), exactly(origin));
    const position = (): number => Math.min(block * BLOCK_BYTES, view.end);
    let isLooking = false;
    let hasNews = false;
    view.retain();
    try {
      await new Promise<void>((resolve) => {
        const advance = (): void => {
          if (isPresent() || this.#isUnstored || view.state === "failed" || this.#onlyPasses(block)) resolve();
          else if (isLooking) hasNews = true;
          // What others write shows in the map only when it is looked at.
          else if (this.#remote.size > 0 && this.#hasArrived(position(), view.end)) look();
        };
        const look = (): void => {
          isLooking = true;
          hasNews = false;
          this.#parts.file
            .refresh(block, lastBlock)
            .catch(() => undefined)
            .finally(() => {
              isLooking = false;
              if (hasNews || isPresent()) advance();
              this.demand(view);
            });
        };
        view.watch(advance, position);
        advance();
        this.advanced(view);
      });
    } finally {
      view.release();
    }
    if (isPresent() && !this.#isUnstored) return;
    throw view.error ?? new EdgeError("STORE_UNAVAILABLE", { detail: "a part of a body could not be stored" });
  }

  /** Reads what is believed to be on the disk: what another process has found damaged is absent here too then. */
  async recheck({ start, end }: ByteRange): Promise<void> {
    const { file } = this.#parts;
    const target = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    const lastBlock = Math.ceil(Math.min(end, this.totalBytes) / BLOCK_BYTES);
    for (let block = Math.floor(start / BLOCK_BYTES); block < lastBlock; block++) {
      if (!this.#isOnDisk(block)) continue;
      const position = block * BLOCK_BYTES;
      try {
        await file.read(target, 0, Math.min(BLOCK_BYTES, this.totalBytes - position), position);
      } catch (cause) {
        if (file.has(block)) this.#loseFile(cause);
      }
    }
  }

  #hasArrived(start: number, end: number): boolean {
    for (let at = start; at < end; ) {
      const next = this.availableTo(at);
      if (next <= at) return false;
      at = next;
    }
    return true;
  }

  /** Whether a block comes, and the disk does not take it. */
  #onlyPasses(block: number): boolean {
    const position = block * BLOCK_BYTES;
    for (const fill of this.#fills.values()) {
      if (fill.isUnstored && fill.start <= position && position < fill.end) return true;
    }
    return false;
  }

  addView(view: PartView): void {
    this.#views.add(view);
    if (this.#lostError === undefined) this.demand(view);
    else view.fail(this.#lostError);
  }

  /** A view gives up: as often as it may, nobody has brought what it lacks. */
  broken(error: EdgeError): void {
    if (this.isPartial && !this.isLost) this.#parts.onBroken(error);
  }

  removeView(view: PartView): void {
    this.#views.delete(view);
    this.#stopUnreadable();
    this.#paceUnstored();
    this.#endIfUnused();
  }

  /** Bytes at the position that are in memory. */
  peek(position: number): Buffer | undefined {
    const { tier, blockSpace } = this.#parts;
    const kept = tier.find(blockSpace, this.#name + Math.floor(position / STRETCH_BYTES));
    const inMemory = kept instanceof BodyStretch ? kept.from(position) : undefined;
    if (inMemory !== undefined) return inMemory;
    for (const fill of this.#fills.values()) {
      const data = fill.peek(position);
      if (data !== undefined) return data;
    }
    return undefined;
  }

  /** See PartedFile.fileRun. */
  fileRun(position: number, end: number): FileRun | "later" | undefined {
    return this.#parts.file.fileRun(position, end);
  }

  /** Position up to which bytes can be had now, from `position` on; looks only some way ahead. */
  availableTo(position: number): number {
    const limit = Math.min(this.totalBytes, position + LOOK_AHEAD_BYTES);
    let at = position;
    while (at < limit) {
      const block = Math.floor(at / BLOCK_BYTES);
      const next = this.#isOnDisk(block) ? (block + 1) * BLOCK_BYTES : this.#arrivedTo(at);
      if (next <= at) return at;
      at = next;
    }
    return Math.min(at, this.totalBytes);
  }

  async read(target: Buffer, length: number, position: number): Promise<number> {
    const { file } = this.#parts;
    const block = Math.floor(position / BLOCK_BYTES);
    const wanted = Math.min(length, this.#writtenTo(position, length) - position);
    if (wanted <= 0) return this.peek(position)?.copy(target, 0, 0, length) ?? 0;
    const wereThere = this.#presentAround(block);
    try {
      if (wereThere.length === 0) return await file.read(target, 0, wanted, position);
      await this.#noteUse(position, wereThere);
      const inMemory = this.peek(position);
      // A read that ends with its stretch lets the next one be of a whole one, which is verified where it is read to.
      const toEnd = Math.min(wanted, (Math.floor(position / STRETCH_BYTES) + 1) * STRETCH_BYTES - position);
      return inMemory === undefined
        ? await file.read(target, 0, toEnd, position)
        : inMemory.copy(target, 0, 0, Math.min(wanted, inMemory.length));
    } catch (cause) {
      // A damaged block is absent now: it is fetched anew while the reader waits. A file that cannot be read is lost.
      if (wereThere.every((present) => file.has(present))) {
        this.#loseFile(cause);
        return 0;
      }
      this.#changed();
      return file.has(block) ? await this.read(target, length, position) : 0;
    }
  }

  /** The block and those next to it that are there, within its stretch; none when it is absent itself. */
  #presentAround(block: number): readonly number[] {
    const { file } = this.#parts;
    if (!file.has(block)) return [];
    const stretchStart = block - (block % STRETCH_BLOCKS);
    const stretchEnd = Math.min(file.blockCount, stretchStart + STRETCH_BLOCKS);
    let first = block;
    while (first > stretchStart && file.has(first - 1)) first--;
    const present: number[] = [];
    for (let at = first; at < stretchEnd && file.has(at); at++) present.push(at);
    return present;
  }

  /** Whether an origin is sending the byte at the position to this worker. */
  isArriving(position: number): boolean {
    for (const fill of this.#fills.values()) if (fill.isReceiving && fill.isComing(position)) return true;
    return false;
  }

  /** Asks for what the view lacks, if nobody has yet. */
  demand(view: PartView): void {
    if (view.state === "failed" || !this.#views.has(view)) return;
    const at = this.availableTo(view.position);
    if (at >= view.end || at - view.position >= READ_AHEAD_BYTES) return;
    const block = Math.floor(at / BLOCK_BYTES);
    if (this.#acquiring.has(block) || this.#isOnItsWay(view, at)) return;
    if (this.#isUnstored) {
      this.#pass(view, block);
      return;
    }
    if (this.#parts.representation === undefined) {
      this.#lose(new EdgeError("STORE_UNAVAILABLE", { detail: "a damaged body that cannot be completed" }));
      return;
    }
    void this.#acquire(view, block);
  }

  /** The exchange that brought the head goes on with the first blocks. */
  begin(
    partId: number,
    blocks: { readonly first: number; readonly end: number },
    control: SinkControl,
    arrived: ArrivingBytes,
  ): PartFill {
    const fill = new PartFill(partId, this.#parts.file, blocks, this, { arrived });
    this.#fills.set(partId, fill);
    this.#parts.follow(partId, this);
    fill.receiveFrom(control, { start: 0, end: this.totalBytes });
    return fill;
  }

  update(update: PartUpdate): void {
    const run = this.#remote.get(update.partId);
    if (run === undefined) return;
    switch (update.kind) {
      case "progress":
        this.#follow(update.partId, { ...run, ...update });
        this.#changed();
        return;
      case "ended":
        void this.#remoteEnded(update.partId, run);
        return;
      default:
        unreachable(update);
    }
  }

  share(partId: number): void {
    const fill = this.#fills.get(partId);
    if (fill === undefined) return;
    fill.isShared = true;
    this.written(fill);
  }

  trim(partId: number, end: number): void {
    this.#fills.get(partId)?.trim(end * BLOCK_BYTES);
  }

  /** Another object has taken the place of this one: what nobody here reads is not fetched any more. */
  supersede(): void {
    this.#isSuperseded = true;
    this.#stopUnreadable();
  }

  changed(): void {
    this.#changed();
  }

  written(fill: PartFill): void {
    if (fill.isUnstored) return;
    this.#parts.channel.tell("partProgress", { partId: fill.id, progress: fill.written });
  }

  unstored(fill: PartFill, cause: unknown): void {
    this.#parts.unfollow(fill.id);
    this.#tellEnd(fill);
    if (isGone(cause)) this.#loseFile(cause);
    // Whoever was promised the body becomes a reader within a turn of the event loop.
    setImmediate(() => {
      for (const view of [...this.#views]) view.notify();
      this.#stopUnreadable();
      this.#endIfUnused();
    });
  }

  ended(fill: PartFill, error: EdgeError | undefined): void {
    void this.#ended(fill, error);
  }

  lowestPosition(fill: PartFill): number | undefined {
    let lowest: number | undefined;
    for (const view of this.#views) {
      const { position } = view;
      const reads = position < fill.end && view.end > fill.start;
      if (reads && (lowest === undefined || position < lowest)) lowest = position;
    }
    return lowest;
  }

  /** A view has gone on: room for a body that only passes through, and time to ask for what comes next. */
  advanced(view: PartView): void {
    this.#paceUnstored();
    this.demand(view);
  }

  #paceUnstored(): void {
    for (const fill of this.#fills.values()) if (fill.isUnstored) fill.pace();
  }

  /** Whether blocks that have arrived, here or elsewhere, are still to enter the map. */
  get #isStoring(): boolean {
    if (this.#remote.size > 0) return true;
    for (const fill of this.#fills.values()) if (!fill.isUnstored) return true;
    return false;
  }

  /** Position up to which bytes lie in the file, from `position` on; looks `length` ahead. */
  #writtenTo(position: number, length: number): number {
    const limit = Math.min(this.totalBytes, position + length);
    let at = position;
    while (at < limit) {
      const block = Math.floor(at / BLOCK_BYTES);
      const next = this.#isOnDisk(block) ? (block + 1) * BLOCK_BYTES : this.#partWrittenTo(at);
      if (next <= at) break;
      at = next;
    }
    return Math.min(at, this.totalBytes);
  }

  #partWrittenTo(position: number): number {
    let to = position;
    if (this.#isUnstored) return to;
    for (const fill of this.#fills.values()) if (fill.start <= position) to = Math.max(to, fill.writtenTo);
    for (const run of this.#remote.values()) {
      if (run.first * BLOCK_BYTES <= position) to = Math.max(to, run.writtenTo);
    }
    return to;
  }

  #arrivedTo(position: number): number {
    let to = position;
    for (const fill of this.#fills.values()) to = Math.max(to, fill.reachableFrom(position));
    for (const run of this.#remote.values()) {
      if (run.first * BLOCK_BYTES <= position && position < run.writtenTo) to = Math.max(to, run.writtenTo);
    }
    return to;
  }

  /** Whether waiting is the right thing for a view that lacks the byte at the position. */
  #isOnItsWay(view: PartView, position: number): boolean {
    const named = view.waitingFor;
    if (named !== undefined && (this.#fills.get(named)?.isUnstored === false || this.#remote.has(named))) return true;
    const block = Math.floor(position / BLOCK_BYTES);
    for (const fill of this.#fills.values()) {
      if (fill.isComing(position) && !isFar(block, fill.receivedTo)) return true;
    }
    for (const run of this.#remote.values()) {
      if (run.first <= block && block < run.end && !isFar(block, run.writtenTo)) return true;
    }
    return false;
  }

  async #acquire(view: PartView, block: number): Promise<void> {
    const { file, channel, key } = this.#parts;
    const endNews = this.#parts.expectNews();
    this.#acquiring.add(block);
    this.retain();
    try {
      const template = view.origin.request();
      const request = { key, file: file.location.file, first: block, end: this.#wantedEnd(block, view) };
      const reply = await channel.call("acquirePart", request);
      if (reply.kind === "running") {
        view.waitingFor = reply.partId;
        if (!this.#fills.has(reply.partId)) {
          this.#follow(reply.partId, reply);
          this.#parts.follow(reply.partId, this);
        }
      } else {
        await this.#fill(reply.partId, { first: reply.first, end: reply.end }, view.origin, template);
      }
    } catch (cause) {
      view.note(EdgeError.from(cause), undefined);
    } finally {
      endNews();
      this.#acquiring.delete(block);
      this.#changed();
      this.release();
    }
  }

  /** What is known of a part that another worker fills; news may come out of order. */
  #follow(partId: number, { first, end, writtenTo, tailChecksum }: PartRun): void {
    const known = this.#remote.get(partId);
    if (known !== undefined && known.writtenTo > writtenTo) return;
    this.#remote.set(partId, { first, end, writtenTo, tailChecksum });
    this.#parts.file.noteWritten(writtenTo, tailChecksum);
  }

  /**
   * As far as `<PartSize>` says, counted in whole megabytes as it is, so that parts of neighbouring ranges meet; or as
   * the view goes; and no further than the next block that is there.
   */
  #wantedEnd(block: number, { origin, end: viewEnd }: PartView): number {
    const { file } = this.#parts;
    const { partBytes, isExact } = origin;
    const partBlocks = partBytes === 0 ? file.blockCount : Math.ceil(partBytes / BLOCK_BYTES);
    const lastBlock = isExact === true ? Math.ceil(viewEnd / BLOCK_BYTES) : file.blockCount;
    const counted = block - (block % MEGABYTE_BLOCKS);
    const limit = Math.min(file.blockCount, counted + partBlocks, Math.max(block + 1, lastBlock));
    let end = block + 1;
    while (end < limit && !file.has(end)) end++;
    return end;
  }

  /**
   * Begins to fetch what was granted, without what others have completed meanwhile. Another question of this worker may
   * have been answered with the part before it begins: it is not one of another worker for that.
   */
  async #fill(
    partId: number,
    granted: { readonly first: number; readonly end: number },
    origin: Pick<PartOrigin, "pool" | "ifRange">,
    template: OriginRequest,
  ): Promise<void> {
    const { file, representation } = this.#parts;
    try {
      await file.refresh(granted.first, granted.end);
    } catch (cause) {
      this.#giveBack(partId);
      this.#loseFile(cause);
      return;
    }
    let { first } = granted;
    while (first < granted.end && file.has(first)) first++;
    let end = first;
    while (end < granted.end && !file.has(end)) end++;
    if (first === end || representation === undefined) {
      this.#giveBack(partId);
      return;
    }
    const fill = new PartFill(partId, file, { first, end }, this);
    this.#fills.set(partId, fill);
    this.#remote.delete(partId);
    this.#parts.follow(partId, this);
    this.#request(fill, representation, origin, template);
  }

  /** What the view lacks, for the readers here alone: nobody else can use it. */
  #pass(view: PartView, block: number): void {
    const { file, representation } = this.#parts;
    if (representation === undefined) return;
    let template: OriginRequest;
    try {
      template = view.origin.request();
    } catch (cause) {
      view.fail(EdgeError.from(cause));
      return;
    }
    const blocks = { first: block, end: Math.ceil(view.end / BLOCK_BYTES) };
    const fill = new PartFill(--this.#lastOwnPart, file, blocks, this, { passes: true });
    this.#fills.set(fill.id, fill);
    this.#request(fill, representation, view.origin, template);
  }

  #request(
    fill: PartFill,
    representation: Representation,
    { pool, ifRange }: Pick<PartOrigin, "pool" | "ifRange">,
    template: OriginRequest,
  ): void {
    const range = { start: fill.start, end: fill.end };
    const partFields = partRequestFields(range, representation, { ifRange });
    const request = { ...template, fields: [...template.fields, ...partFields] };
    const outcome = fetchFromOrigin(pool, request, (head, control) => {
      if (fill.isEnded) {
        control.stop();
        return undefined;
      }
      const verdict = judgePart(head.status, head.fields, fill.start, representation);
      switch (verdict.kind) {
        case "part":
          fill.receiveFrom(control, { start: fill.start, end: verdict.end });
          return fill;
        case "whole":
          fill.receiveFrom(control, { start: 0, end: this.totalBytes });
          return fill;
        case "changed":
          control.stop();
          this.#lose(new EdgeError("ORIGIN_CLOSED", { detail: "the origin's content has changed" }));
          return undefined;
        case "unusable":
          control.stop();
          fill.fail(new EdgeError("ORIGIN_MALFORMED", { detail: `status ${head.status} to a request for a range` }));
          return undefined;
        default:
          return unreachable(verdict);
      }
    });
    void outcome.then(
      (result) => {
        if (result.kind === "failed") fill.fail(result.error);
      },
      (cause: unknown) => fill.fail(EdgeError.from(cause)),
    );
  }

  /** What another worker has filled shows in the map. */
  async #remoteEnded(partId: number, run: PartRun): Promise<void> {
    this.retain();
    try {
      await this.#parts.file.refresh(run.first, run.end);
    } catch {
      // The file cannot be read: whoever reads from it finds out.
    } finally {
      this.#remote.delete(partId);
      this.#parts.unfollow(partId);
      this.#changed();
      this.release();
    }
  }

  #tellEnd(fill: PartFill): void {
    this.#tellPartEnd(fill.id);
  }

  #tellPartEnd(partId: number): void {
    const { channel, file } = this.#parts;
    channel.tell("partEnd", { partId, missingBytes: file.missingBytes });
  }

  /** Nothing is to be fetched for it: whoever lacks these blocks asks again. */
  #giveBack(partId: number): void {
    this.#remote.delete(partId);
    this.#parts.unfollow(partId);
    this.#tellPartEnd(partId);
  }

  /**
   * The primary learns of the end before anybody here asks it for what is still absent. The map shows what others have
   * filled meanwhile.
   */
  async #ended(fill: PartFill, error: EdgeError | undefined): Promise<void> {
    const { file } = this.#parts;
    if (!fill.isUnstored) {
      await file.refresh(0, file.blockCount).catch(() => undefined);
      this.#tellEnd(fill);
      this.#fills.delete(fill.id);
      this.#parts.unfollow(fill.id);
      this.#noteCompletion();
    }
    if (error !== undefined) {
      const reachedTo = fill.receivedTo > fill.start ? fill.receivedTo : undefined;
      for (const view of [...this.#views]) if (view.waitsIn(fill.start, fill.end)) view.note(error, reachedTo);
    }
    this.#changed();
    this.#stopUnreadable();
    this.#endIfUnused();
  }

  #noteCompletion(): void {
    if (this.isPartial || this.#isComplete) return;
    this.#isComplete = true;
    this.#parts.onComplete();
  }

  /**
   * First use of a stretch leaves a mark; at the second, what is there of it around the position is read into the memory
   * tier, once for all readers.
   */
  async #noteUse(position: number, present: readonly number[]): Promise<void> {
    const { tier, blockSpace } = this.#parts;
    const stretch = Math.floor(position / STRETCH_BYTES);
    const name = this.#name + stretch;
    const known = tier.find(blockSpace, name);
    if (known === undefined) {
      tier.insert(blockSpace, name, new BodyStretch(position, undefined));
      return;
    }
    if (known instanceof BodyStretch && known.from(position) !== undefined) return;
    const loading =
      this.#loading.get(stretch) ?? this.#load(name, present).finally(() => this.#loading.delete(stretch));
    this.#loading.set(stretch, loading);
    await loading;
  }

  async #load(name: string, present: readonly number[]): Promise<void> {
    const { tier, blockSpace, file } = this.#parts;
    const start = (present[0] ?? 0) * BLOCK_BYTES;
    const end = Math.min(this.totalBytes, start + present.length * BLOCK_BYTES);
    const data = Buffer.allocUnsafeSlow(end - start);
    let filled = 0;
    while (filled < data.length) {
      const count = await file.read(data, filled, data.length - filled, start + filled);
      if (count < 1) return;
      filled += count;
    }
    tier.insert(blockSpace, name, new BodyStretch(start, data));
  }

  #changed(): void {
    for (const view of [...this.#views]) {
      view.notify();
      this.demand(view);
    }
  }

  #isOnDisk(block: number): boolean {
    return !this.#isUnstored && this.#parts.file.has(block);
  }

  /**
   * The file cannot be read, or is gone: nobody new is given this body, and those who have begun get the rest from the
   * origin, where that can be told from later versions.
   */
  #loseFile(cause: unknown): void {
    if (this.#isUnstored || this.#lostError !== undefined) return;
    if (this.#parts.representation === undefined) {
      this.#lose(EdgeError.from(cause, "STORE_UNAVAILABLE"));
      return;
    }
    this.#isUnstored = true;
    this.#parts.onLost();
    for (const partId of this.#remote.keys()) this.#parts.unfollow(partId);
    this.#remote.clear();
    for (const fill of [...this.#fills.values()]) fill.loseFile(cause);
    this.#changed();
  }

  #lose(error: EdgeError): void {
    if (this.#lostError !== undefined) return;
    this.#lostError = error;
    if (!this.#isUnstored) this.#parts.onLost();
    for (const fill of [...this.#fills.values()]) fill.stop(error);
    for (const view of [...this.#views]) view.fail(error);
  }

  /** Ends fills that only pass through and have no reader left, and all of them once the object is superseded. */
  #stopUnreadable(): void {
    for (const fill of [...this.#fills.values()]) {
      const lowest = this.lowestPosition(fill);
      const isRead = lowest === undefined || lowest >= fill.receivedTo;
      // One that is stored goes when the primary has been told of its end, not before.
      if (fill.isEnded && fill.isUnstored && isRead) this.#fills.delete(fill.id);
      else if (lowest === undefined && !fill.isEnded && (fill.isUnstored || this.#isSuperseded || this.isLost)) {
        fill.stop(new EdgeError("CLIENT_GONE", { detail: "nobody reads what is not kept" }));
      }
    }
  }

  #endIfUnused(): void {
    if (this.#holders > 0 || this.#views.size > 0 || this.#fills.size > 0) return;
    for (const partId of this.#remote.keys()) this.#parts.unfollow(partId);
    this.#remote.clear();
    this.#parts.onUnused();
  }
}

/** As the origin is at each moment, but for this. */
export const originWith = (
  origin: PartOrigin,
  { isExact, request }: Partial<Pick<PartOrigin, "isExact" | "request">>,
): PartOrigin => ({
  get pool() {
    return origin.pool;
  },
  get partBytes() {
    return origin.partBytes;
  },
  get ifRange() {
    return origin.ifRange;
  },
  isExact: isExact ?? origin.isExact === true,
  request: request ?? (() => origin.request()),
});

/** For no more than is asked for. */
export const exactly = (origin: PartOrigin): PartOrigin => originWith(origin, { isExact: true });

const isFar = (block: number, position: number): boolean => block - Math.floor(position / BLOCK_BYTES) > SPLIT_BLOCKS;
