import type { MediaIndexMemory } from "@basalt/media";

/** What was learnt of media files, by the identity of their bytes; the one used longest ago goes first. */
export class MediaIndexes {
  readonly #limitBytes: number;
  readonly #memories = new Map<string, MediaIndexMemory>();
  /** Those that are being made: once for all jobs that want them. */
  readonly #running = new Map<string, Promise<MediaIndexMemory | undefined>>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `make` gives undefined for a file that is none of media; what it throws goes to all who wait. */
  async of(
    identity: string | undefined,
    make: () => Promise<MediaIndexMemory | undefined>,
  ): Promise<MediaIndexMemory | undefined> {
    if (identity === undefined) return await make();
    const known = this.#memories.get(identity);
    if (known !== undefined) {
      this.#memories.delete(identity);
      this.#memories.set(identity, known);
      return known;
    }
    const running =
      this.#running.get(identity) ??
      make()
        .then((memory) => {
          if (memory !== undefined) this.#keep(identity, memory);
          return memory;
        })
        .finally(() => this.#running.delete(identity));
    this.#running.set(identity, running);
    return await running;
  }

  #keep(identity: string, memory: MediaIndexMemory): void {
    this.#memories.set(identity, memory);
    this.#bytes += memory.byteLength;
    for (const [oldest, { byteLength }] of this.#memories) {
      if (this.#bytes <= this.#limitBytes || oldest === identity) return;
      this.#memories.delete(oldest);
      this.#bytes -= byteLength;
    }
  }
}
