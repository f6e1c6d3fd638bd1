/** Some megabytes. */
const MOST_PICTURES = 500;

/** Finished pictures until the next point of the history (GRAPH-05). */
export class PictureCache {
  readonly #pictures = new Map<string, Uint8Array>();
  #generation = 0;

  find(key: string): Uint8Array | undefined {
    return this.#pictures.get(key);
  }

  /** What comes of it is kept unless there is a new point by then. */
  beginDrawing(key: string): (png: Uint8Array) => void {
    const generation = this.#generation;
    return (png) => {
      if (generation !== this.#generation) return;
      const [oldest] = this.#pictures.keys();
      if (this.#pictures.size >= MOST_PICTURES && oldest !== undefined) this.#pictures.delete(oldest);
      this.#pictures.set(key, png);
    };
  }

  clear(): void {
    this.#generation += 1;
    this.#pictures.clear();
  }
}
