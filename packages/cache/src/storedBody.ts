import type { BodyReader, MemoryTier, ObjectLocation } from "@basalt/store";
import { EdgeError } from "@basalt/types";
import type { BodySource } from "./bodySource.ts";
import { MEMORY_BLOCK_BYTES } from "./limits.ts";
import type { TierEntry } from "./tierEntry.ts";

/** A block of a long body in the memory tier; `data` is empty after the first access and filled at the second. */
export class BodyBlock {
  readonly data: Buffer | undefined;

  constructor(data: Buffer | undefined) {
    this.data = data;
  }

  get memoryBytes(): number {
    return 200 + (this.data?.length ?? 0);
  }
}

/**
 * A complete body on disk. A block asked for a second time is read whole and kept in the memory tier: one pass over a
 * long file (a download) leaves no trace there, repeated ranges come from memory.
 */
export class StoredBody implements BodySource {
  readonly totalBytes: number;
  readonly availableBytes: number;
  readonly state = "complete";
  readonly error: EdgeError | undefined = undefined;
  readonly #reader: BodyReader;
  readonly #tier: MemoryTier<TierEntry>;
  readonly #space: number;
  readonly #name: string;
  #readers = 0;

  constructor(location: ObjectLocation, reader: BodyReader, tier: MemoryTier<TierEntry>, blockSpace: number) {
    this.totalBytes = location.bodyBytes;
    this.availableBytes = location.bodyBytes;
    this.#reader = reader;
    this.#tier = tier;
    this.#space = blockSpace;
    this.#name = `${location.disk}/${location.file}/${location.segment}/${location.offset}/`;
  }

  peek(position: number): Buffer | undefined {
    const index = Math.floor(position / MEMORY_BLOCK_BYTES);
    const block = this.#tier.find(this.#space, this.#name + index);
    if (!(block instanceof BodyBlock) || block.data === undefined) return undefined;
    const offset = position - index * MEMORY_BLOCK_BYTES;
    return offset < block.data.length ? block.data.subarray(offset) : undefined;
  }

  async read(target: Buffer, length: number, position: number): Promise<number> {
    const index = Math.floor(position / MEMORY_BLOCK_BYTES);
    const name = this.#name + index;
    const wanted = Math.min(length, this.totalBytes - position);
    if (wanted <= 0) return 0;
    if (this.#tier.find(this.#space, name) === undefined) {
      this.#tier.insert(this.#space, name, new BodyBlock(undefined));
    } else {
      await this.#keepBlock(name, index);
    }
    const count = await this.#reader.read(target, 0, wanted, position);
    if (count < 1) throw new EdgeError("STORE_UNAVAILABLE", { detail: `body ends at ${position}` });
    return count;
  }

  watch(): () => void {
    return () => {};
  }

  retain(): void {
    this.#readers++;
  }

  release(): void {
    this.#readers--;
    if (this.#readers === 0) this.#reader.release();
  }

  async #keepBlock(name: string, index: number): Promise<void> {
    const start = index * MEMORY_BLOCK_BYTES;
    const data = Buffer.allocUnsafeSlow(Math.min(MEMORY_BLOCK_BYTES, this.totalBytes - start));
    let filled = 0;
    while (filled < data.length) {
      const count = await this.#reader.read(data, filled, data.length - filled, start + filled);
      if (count < 1) return;
      filled += count;
    }
    this.#tier.insert(this.#space, name, new BodyBlock(data));
  }
}

/** A complete body that is one buffer. */
export class MemoryBody implements BodySource {
  readonly totalBytes: number;
  readonly availableBytes: number;
  readonly state = "complete";
  readonly error: EdgeError | undefined = undefined;
  readonly #data: Buffer;

  constructor(data: Buffer) {
    this.#data = data;
    this.totalBytes = data.length;
    this.availableBytes = data.length;
  }

  peek(position: number): Buffer | undefined {
    return position < this.#data.length ? this.#data.subarray(position) : undefined;
  }

  read(target: Buffer, length: number, position: number): Promise<number> {
    return Promise.resolve(this.#data.copy(target, 0, position, position + length));
  }

  watch(): () => void {
    return () => {};
  }

  retain(): void {}

  release(): void {}
}
