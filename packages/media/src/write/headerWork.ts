import type { Movie } from "../movie/contract.ts";
import { childrenOf, typeOf } from "./boxTree.ts";

/** What a new header copies of a film, and the boxes that are gone through for it: some KB and some dozens of a usual one. */
const MOST_COPIED_BYTES = 64 * 1024;
const MOST_BOXES = 512;

/** Boxes whose children are gone through one by one. */
const OPENED: ReadonlySet<string> = new Set(["trak", "mdia", "minf", "stbl", "udta"]);

/** Of all tables of samples the descriptions alone are copied. */
const isCopied = (type: string, parent: string): boolean => parent !== "stbl" || type === "stsd";

class HeaderWork {
  #boxes = 0;
  #copiedBytes = 0;

  get isLittle(): boolean {
    return this.#boxes <= MOST_BOXES && this.#copiedBytes <= MOST_COPIED_BYTES;
  }

  add(parent: Uint8Array): void {
    const children = childrenOf(parent);
    const parentType = typeOf(parent);
    this.#boxes += children.length;
    for (const child of children) {
      if (!this.isLittle) return;
      const type = typeOf(child);
      if (OPENED.has(type)) this.add(child);
      else if (isCopied(type, parentType)) this.#copiedBytes += child.byteLength;
    }
  }
}

/** Of films that are used again and again. */
const known = new WeakMap<Movie, boolean>();

/** Whether the header of a section is made of that of the film in no time, but for its tables. */
export const hasLightHeader = (movie: Movie): boolean => {
  let isLight = known.get(movie);
  if (isLight === undefined) {
    const work = new HeaderWork();
    work.add(movie.header.bytes);
    isLight = work.isLittle;
    known.set(movie, isLight);
  }
  return isLight;
};
