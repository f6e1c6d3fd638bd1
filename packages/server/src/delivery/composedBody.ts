import type { BodySource, FileRun, PartedBody, PartOrigin, PartView } from "@basalt/cache";
import type { Recipe, RecipePiece } from "@basalt/media";
import type { EdgeError } from "@basalt/types";

/** What a recipe takes its ranges from. */
export type ComposedSource =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "parted"; readonly body: PartedBody; readonly origin: PartOrigin };

/** Pieces are gathered into one write, unless one alone is so long. */
const PEEKED_BYTES = 64 * 1024;

/** Looked at ahead of the reader. */
const MOST_PIECES_AHEAD = 256;
const MOST_BYTES_AHEAD = 8 * 1024 * 1024;

/** Ranges of the source that lie so near to each other are fetched in one. */
const JOINED_BYTES = 256 * 1024;

/**
 * A file that exists only while it is sent (MEDIA-01): bytes of its own and ranges of a body that is stored, or on its way
 * in parts, for one reader. What is absent is fetched as the reader comes to it.
 */
export class ComposedBody implements BodySource {
  readonly #recipe: Recipe;
  readonly #source: ComposedSource;
  /** Where the reader stops. */
  readonly #end: number;
  #listener: (() => void) | undefined;
  #position: () => number;
  /** Everything in front of it was given to the reader, who may not know yet. */
  #givenTo = 0;
  #view:
    | { readonly view: PartView; readonly start: number; readonly end: number; readonly unwatch: () => void }
    | undefined;
  #readers = 0;

  /** `[start, end)`: what will be read of it. */
  constructor(
    recipe: Recipe,
    source: ComposedSource,
    { start, end }: { readonly start: number; readonly end: number },
  ) {
    this.#recipe = recipe;
    this.#source = source;
    this.#end = end;
    this.#position = () => start;
  }

  get totalBytes(): number {
    return this.#recipe.sizeBytes;
  }

  get availableBytes(): number {
    if (this.state === "failed") return 0;
    const start = this.#position();
    let position = start;
    for (
      let index = this.#recipe.indexAt(position), seen = 0;
      index >= 0 && seen < MOST_PIECES_AHEAD;
      index++, seen++
    ) {
      if (index >= this.#recipe.pieceCount || position - start >= MOST_BYTES_AHEAD) break;
      const reached = this.#reachedIn(index, position);
      position = reached;
      if (reached < this.#recipe.startOf(index + 1)) break;
    }
    return position;
  }

  get state(): "growing" | "complete" | "failed" {
    if (this.#source.kind === "bytes") return "complete";
    return this.#view?.view.state === "failed" ? "failed" : "growing";
  }

  get error(): EdgeError | undefined {
    return this.#view?.view.error;
  }

  get isConfirmed(): boolean {
    return this.#source.kind === "bytes" || this.availableBytes > this.#position();
  }

  peek(position: number): Buffer | undefined {
    const index = this.#recipe.indexAt(position);
    if (index < 0) return undefined;
    const piece = this.#recipe.pieceAt(index);
    const left = this.#recipe.startOf(index + 1) - position;
    if (left < PEEKED_BYTES && position + left < this.#end) return undefined;
    const data = this.#heldIn(piece, position - this.#recipe.startOf(index));
    this.#follow(position);
    return data === undefined || data.length <= left ? data : data.subarray(0, left);
  }

  fileRun(position: number, end: number): FileRun | "later" | undefined {
    if (this.#source.kind === "bytes") return undefined;
    const index = this.#recipe.indexAt(position);
    if (index < 0) return undefined;
    const piece = this.#recipe.pieceAt(index);
    const pieceEnd = Math.min(end, this.#recipe.startOf(index + 1));
    if (piece.kind === "bytes" || (pieceEnd - position < PEEKED_BYTES && pieceEnd < this.#end)) return undefined;
    const start = piece.start + position - this.#recipe.startOf(index);
    const run = this.#source.body.fileRun(start, start + pieceEnd - position);
    this.#follow(position);
    return run;
  }

  async read(target: Buffer, length: number, position: number): Promise<number> {
    let filled = 0;
    while (filled < length) {
      const at = position + filled;
      const index = this.#recipe.indexAt(at);
      if (index < 0) break;
      const piece = this.#recipe.pieceAt(index);
      const offset = at - this.#recipe.startOf(index);
      const wanted = Math.min(length - filled, this.#reachedIn(index, at) - at);
      if (wanted <= 0) break;
      const held = piece.kind === "bytes" || this.#source.kind === "bytes" ? this.#heldIn(piece, offset) : undefined;
      if (held !== undefined) {
        filled += held.copy(target, filled, 0, Math.min(held.length, wanted));
        continue;
      }
      if (piece.kind !== "source" || this.#source.kind !== "parted") break;
      const count = await this.#source.body.read(
        target.subarray(filled, filled + wanted),
        wanted,
        piece.start + offset,
      );
      if (count < 1) break;
      filled += count;
      // The source gives no more than to the end of a block: the next read begins with one.
      if (count < wanted && filled >= PEEKED_BYTES) break;
    }
    this.#follow(position + filled);
    return filled;
  }

  watch(listener: () => void, position?: () => number): () => void {
    this.#listener = listener;
    if (position !== undefined) this.#position = position;
    this.#follow(this.#position());
    return () => {
      this.#listener = undefined;
    };
  }

  retain(): void {
    this.#readers++;
    if (this.#readers === 1 && this.#source.kind === "parted") this.#source.body.retain();
  }

  release(): void {
    this.#readers--;
    if (this.#readers > 0 || this.#source.kind !== "parted") return;
    this.#leave();
    this.#source.body.release();
  }

  /** Bytes of a piece from an offset on that are in memory. */
  #heldIn(piece: RecipePiece, offset: number): Buffer | undefined {
    if (piece.kind === "bytes") return asBuffer(piece.bytes).subarray(offset);
    const start = piece.start + offset;
    if (this.#source.kind === "bytes") return this.#source.bytes.subarray(start, piece.end);
    return this.#source.body.peek(start);
  }

  /** Position in the result up to which the piece can be had from there on. */
  #reachedIn(index: number, position: number): number {
    const piece = this.#recipe.pieceAt(index);
    const end = this.#recipe.startOf(index + 1);
    if (piece.kind === "bytes") return end;
    const start = piece.start + position - this.#recipe.startOf(index);
    if (this.#source.kind === "bytes") return position + Math.min(end - position, this.#source.bytes.length - start);
    return Math.min(end, position + this.#source.body.availableTo(start) - start);
  }

  /** Has what lies ahead of the reader asked for. */
  #follow(position: number): void {
    this.#givenTo = position;
    if (this.#source.kind === "bytes" || this.#listener === undefined) return;
    const { body, origin } = this.#source;
    const next = this.#nextSource(position);
    if (next === undefined) return;
    const { at, index } = next;
    if (this.#view !== undefined && at >= this.#view.start && at < this.#view.end) {
      body.advanced(this.#view.view);
      return;
    }
    this.#leave();
    const end = this.#reachOf(index);
    const view = body.view(at, end, origin);
    view.retain();
    const unwatch = view.watch(
      () => this.#listener?.(),
      () => Math.min(end, this.#nextSource(Math.max(this.#givenTo, this.#position()))?.at ?? end),
    );
    this.#view = { view, start: at, end, unwatch };
    body.advanced(view);
  }

  #leave(): void {
    this.#view?.unwatch();
    this.#view?.view.release();
    this.#view = undefined;
  }

  /** The first byte of the source at or behind the position that the reader will want. */
  #nextSource(position: number): { readonly at: number; readonly index: number } | undefined {
    if (position >= this.#end) return undefined;
    for (let index = this.#recipe.indexAt(position); index >= 0 && index < this.#recipe.pieceCount; index++) {
      const start = this.#recipe.startOf(index);
      if (start >= this.#end) return undefined;
      const piece = this.#recipe.pieceAt(index);
      if (piece.kind === "source") return { at: piece.start + Math.max(0, position - start), index };
    }
    return undefined;
  }

  /** How far the source is wanted in one run from that piece on, as far as the reader goes. */
  #reachOf(first: number): number {
    let end = 0;
    for (let index = first; index < this.#recipe.pieceCount; index++) {
      const start = this.#recipe.startOf(index);
      if (start >= this.#end) break;
      const piece = this.#recipe.pieceAt(index);
      if (piece.kind === "bytes") continue;
      if (end > 0 && (piece.start < end || piece.start - end > JOINED_BYTES)) break;
      end = Math.min(piece.end, piece.start + this.#end - start);
    }
    return end;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
