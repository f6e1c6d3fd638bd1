/** Told of each value that a layer writes by itself: the place of its row and the line of its element. */
export type NoteWritten = (at: string, line: number) => void;

/** Names of elements, each once: ten thousand hosts write the same few. */
const names = new Map<string, Map<string, string>>();

const namesBelow = (block: string): Map<string, string> => {
  let known = names.get(block);
  if (known === undefined) {
    known = new Map();
    names.set(block, known);
  }
  return known;
};

/** Lines of the values that one layer of the configuration writes. */
export class WrittenPlaces {
  readonly #elements: string[] = [];
  readonly #lines: number[] = [];

  /** Takes notes for rows below `block`, an element such as `Options`; empty for the layer itself. */
  noteBelow(block: string): NoteWritten {
    const known = namesBelow(block);
    return (at, line) => {
      let element = known.get(at);
      if (element === undefined) {
        element = block === "" || at.startsWith("@") ? `${block}${at}` : `${block}/${at}`;
        known.set(at, element);
      }
      this.#elements.push(element);
      this.#lines.push(line);
    };
  }

  /** In the order in which they were read. */
  linesOf(element: string): readonly number[] {
    return this.#lines.filter((_, index) => this.#elements[index] === element);
  }
}
