import type { PinnedVisitor } from "@basalt/cache";

const BUFFER_BYTES = 256 * 1024;
/** Buffers kept for reuse; more are made when needed and dropped after. */
const KEPT = 64;

/** Buffers through which bodies are read from files, shared by all deliveries of a process. */
class ReadBuffers {
  readonly #free: Buffer[] = [];
  readonly #inUse = new Set<Buffer>();

  /** `mostBytes`: a longer one would be held for long. */
  take(mostBytes = BUFFER_BYTES): Buffer {
    const isShort = mostBytes < BUFFER_BYTES;
    const buffer = isShort
      ? Buffer.allocUnsafeSlow(mostBytes)
      : (this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES));
    this.#inUse.add(buffer);
    return buffer;
  }

  give(buffer: Buffer): void {
    this.#inUse.delete(buffer);
    if (buffer.length === BUFFER_BYTES && this.#free.length < KEPT) this.#free.push(buffer);
  }

  /** A write that nobody waits for any more still holds it: it is not used again. */
  abandon(buffer: Buffer): void {
    this.#inUse.delete(buffer);
  }

  visitInUse(visit: PinnedVisitor): void {
    for (const buffer of this.#inUse) visit(buffer, false);
  }
}

export const readBuffers = new ReadBuffers();
