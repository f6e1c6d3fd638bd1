import { BLOCK_BYTES, type CacheKey } from "@basalt/store";
import { PARTS_PER_FILE, SPLIT_BLOCKS } from "../limits.ts";
import type { PartProgress, PartReply, PartRequest } from "../protocol.ts";

interface Part {
  readonly id: number;
  readonly key: CacheKey;
  readonly file: number;
  readonly worker: number;
  readonly first: number;
  end: number;
  written: PartProgress;
  readonly followers: Set<number>;
}

/** What the table has decided beside the reply. */
export interface PartEffects {
  /** The worker is to report every write from now on. */
  share(worker: number, partId: number): void;
  /** The worker is to stop before that block. */
  trim(worker: number, partId: number, end: number): void;
}

/** A part of which something has become known. */
export interface PartNews {
  readonly key: CacheKey;
  readonly file: number;
  readonly followers: ReadonlySet<number>;
  /** Bytes of blocks that became complete since the last report. */
  readonly filledBytes: number;
}

/**
 * Who fills which blocks of which body, host-wide: no block is fetched by two. Whoever wants blocks that are on their
 * way follows, unless they are so far ahead of what has come that waiting would be worse: then the part is cut there
 * and the rest granted.
 */
export class PartTable {
  readonly #parts = new Map<number, Part>();
  readonly #byFile = new Map<number, Set<Part>>();
  readonly #effects: PartEffects;

  constructor(effects: PartEffects) {
    this.#effects = effects;
  }

  get running(): number {
    return this.#parts.size;
  }

  /** Enters a part that somebody has been granted already. */
  begin(id: number, worker: number, request: PartRequest): void {
    const part: Part = {
      id,
      key: request.key,
      file: request.file,
      worker,
      first: request.first,
      end: request.end,
      written: { writtenTo: request.first * BLOCK_BYTES, tailChecksum: 0 },
      followers: new Set(),
    };
    this.#parts.set(id, part);
    const siblings = this.#byFile.get(part.file);
    if (siblings === undefined) this.#byFile.set(part.file, new Set([part]));
    else siblings.add(part);
  }

  acquire(worker: number, request: PartRequest, nextId: () => number): PartReply {
    const siblings = this.#byFile.get(request.file);
    let { end } = request;
    for (const part of siblings ?? []) {
      if (part.first <= request.first && request.first < part.end) {
        const ahead = request.first - Math.floor(part.written.writtenTo / BLOCK_BYTES);
        const isFar = ahead > SPLIT_BLOCKS && (siblings?.size ?? 0) < PARTS_PER_FILE;
        if (!isFar) return this.#follow(part, worker);
        end = Math.min(end, part.end);
        part.end = request.first;
        this.#effects.trim(part.worker, part.id, part.end);
      } else if (part.first > request.first) {
        end = Math.min(end, part.first);
      }
    }
    const granted = { ...request, end };
    const partId = nextId();
    this.begin(partId, worker, granted);
    return { kind: "granted", partId, first: granted.first, end };
  }

  progress(partId: number, progress: PartProgress): PartNews | undefined {
    const part = this.#parts.get(partId);
    if (part === undefined) return undefined;
    const before = wholeBlocksTo(part.written.writtenTo);
    if (progress.writtenTo > part.written.writtenTo) part.written = progress;
    const filledBytes = wholeBlocksTo(part.written.writtenTo) - before;
    return { key: part.key, file: part.file, followers: part.followers, filledBytes };
  }

  end(partId: number): PartNews | undefined {
    const part = this.#parts.get(partId);
    if (part === undefined) return undefined;
    this.#parts.delete(partId);
    const siblings = this.#byFile.get(part.file);
    siblings?.delete(part);
    if (siblings?.size === 0) this.#byFile.delete(part.file);
    return { key: part.key, file: part.file, followers: part.followers, filledBytes: 0 };
  }

  /** Parts of a body that are on their way, and workers that wait for them. */
  useOf(file: number): { readonly parts: number; readonly followers: number } {
    const parts = [...(this.#byFile.get(file) ?? [])];
    return { parts: parts.length, followers: parts.reduce((sum, part) => sum + part.followers.size, 0) };
  }

  /** Parts of a worker that is gone; it follows nothing any more. */
  partsOf(worker: number): number[] {
    const own: number[] = [];
    for (const part of this.#parts.values()) {
      part.followers.delete(worker);
      if (part.worker === worker) own.push(part.id);
    }
    return own;
  }

  #follow(part: Part, worker: number): PartReply {
    // Whoever fills it follows too: its question may have crossed the end of the part on the way.
    const isShared = part.followers.size > (part.followers.has(part.worker) ? 1 : 0);
    if (part.worker !== worker && !isShared) this.#effects.share(part.worker, part.id);
    part.followers.add(worker);
    return { kind: "running", partId: part.id, first: part.first, end: part.end, ...part.written };
  }
}

const wholeBlocksTo = (position: number): number => Math.floor(position / BLOCK_BYTES) * BLOCK_BYTES;
