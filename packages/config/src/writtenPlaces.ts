/** Told of each value that a layer writes by itself: the place of its row and the line of its element. */
export type NoteWritten = (at: string, line: number) => void;

/** Lines of the values that one layer of the configuration writes. */
export class WrittenPlaces {
  readonly #elements: string[] = [];
  readonly #lines: number[] = [];

  /** Takes notes for rows below `block`, an element such as `Options`; empty for the layer itself. */
  noteBelow(block: string): NoteWritten {
    const prefix = block === "" ? "" : `${block}/`;
    return (at, line) => {
      this.#elements.push(prefix + at);
      this.#lines.push(line);
    };
  }

  /** In the order in which they were read. */
  linesOf(element: string): readonly number[] {
    return this.#lines.filter((_, index) => this.#elements[index] === element);
  }
}
