import { Readable } from "node:stream";
import { EdgeError } from "@basalt/types";

/**
 * The request body as the stream undici pulls from. Destroying it is immediate and returns the source's iterator,
 * even while that waits for a slow client; a source nobody has read from is left untouched. A source that fails ends
 * the exchange with its EdgeError; any other error means that the client has gone.
 */
export class RequestBody extends Readable {
  readonly #chunks: AsyncIterable<Buffer>;
  readonly #onBytes: (count: number) => void;
  #source: AsyncIterator<Buffer> | undefined;

  constructor(chunks: AsyncIterable<Buffer>, onBytes: (count: number) => void) {
    super();
    this.#chunks = chunks;
    this.#onBytes = onBytes;
    // Undici listens only while it sends; a source failing before or after must not be an uncaught error.
    this.on("error", () => {});
  }

  override _read(): void {
    void this.#pull();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#source?.return?.().catch(() => {});
    callback(error);
  }

  async #pull(): Promise<void> {
    this.#source ??= this.#chunks[Symbol.asyncIterator]();
    try {
      let next = await this.#source.next();
      while (next.done !== true && next.value.length === 0) next = await this.#source.next();
      if (this.destroyed) return;
      if (next.done === true) {
        this.push(null);
        return;
      }
      this.#onBytes(next.value.length);
      this.push(next.value);
    } catch (cause) {
      this.destroy(EdgeError.from(cause, "CLIENT_GONE"));
    }
  }
}
