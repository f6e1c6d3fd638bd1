const BUFFER_BYTES = 256 * 1024;
/** Buffers kept for reuse; more are made when needed and dropped after. */
const KEPT = 64;

/** Buffers through which bodies are read from files, shared by all deliveries of a process. */
class ReadBuffers {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  give(buffer: Buffer): void {
    if (this.#free.length < KEPT) this.#free.push(buffer);
  }
}

export const readBuffers = new ReadBuffers();
