import { type Movie, openMovie } from "@basalt/media";

/** What indexes may take of a worker's memory: two films of two hours, some forty of ten minutes. */
const KEPT_BYTES = 24 * 1024 ** 2;
/** Of a longer one not one section is found here: it need not be read. */
export const MOST_INDEX_BYTES = 12 * 1024 ** 2;
/** Films among whose last uses the second of one is looked for. */
const REMEMBERED = 256;

/**
 * Indexes of films of which this worker trims sections by itself, by the place of the film; the one used longest ago goes
 * first. A film comes here when it is used for the second time among some hundreds of others.
 */
export class HeldMovies {
  readonly #movies = new Map<string, { readonly movie: Movie; readonly bytes: number }>();
  readonly #usedOnce = new Set<string>();
  /** Those whose index comes, or is not to come. */
  readonly #closed = new Set<string>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  find(film: string): Movie | undefined {
    const held = this.#movies.get(film);
    if (held === undefined) return undefined;
    this.#movies.delete(film);
    this.#movies.set(film, held);
    return held.movie;
  }

  /** Notes a use of a film that is not here; `bring` gives its index where it is to come here, undefined for none. */
  used(film: string, bring: () => Promise<Uint8Array | undefined>): void {
    if (this.#closed.has(film)) return;
    if (!this.#usedOnce.delete(film)) {
      this.#usedOnce.add(film);
      const [oldest] = this.#usedOnce;
      if (this.#usedOnce.size > REMEMBERED && oldest !== undefined) this.#usedOnce.delete(oldest);
      return;
    }
    this.#close(film);
    bring()
      .then((index) => {
        this.#closed.delete(film);
        if (index !== undefined) this.#keep(film, index);
      })
      .catch(() => this.#closed.delete(film));
  }

  /** Sections of it cannot be planned here. */
  giveUp(film: string): void {
    this.#bytes -= this.#movies.get(film)?.bytes ?? 0;
    this.#movies.delete(film);
    this.#close(film);
  }

  #close(film: string): void {
    this.#closed.add(film);
    const [oldest] = this.#closed;
    if (this.#closed.size > REMEMBERED && oldest !== undefined) this.#closed.delete(oldest);
  }

  #keep(film: string, index: Uint8Array): void {
    if (index.length > MOST_INDEX_BYTES) {
      this.#close(film);
      return;
    }
    // Its columns are numbers, which lie on their borders only in memory of its own.
    const memory = new ArrayBuffer(index.length);
    new Uint8Array(memory).set(index);
    const movie = openMovie(memory);
    this.#bytes += index.length - (this.#movies.get(film)?.bytes ?? 0);
    this.#movies.delete(film);
    this.#movies.set(film, { movie, bytes: index.length });
    for (const [oldest, { bytes }] of this.#movies) {
      if (this.#bytes <= KEPT_BYTES || oldest === film) return;
      this.#movies.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}
