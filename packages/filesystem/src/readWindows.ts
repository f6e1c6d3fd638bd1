import type { FileRange } from "./contract.ts";

interface ReadWindow {
  readonly from: number;
  readonly data: Buffer;
}

/** What open files have read last, one stretch each, the longest unused given up first. */
export class ReadWindows {
  readonly #limitBytes: number;
  readonly #byFile = new Map<object, ReadWindow>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  find(file: object, { from, to }: FileRange): Buffer | undefined {
    const window = this.#byFile.get(file);
    if (window === undefined || from < window.from || to > window.from + window.data.length) return undefined;
    this.#byFile.delete(file);
    this.#byFile.set(file, window);
    return window.data.subarray(from - window.from, to - window.from);
  }

  keep(file: object, from: number, data: Buffer): void {
    this.drop(file);
    this.#byFile.set(file, { from, data });
    this.#bytes += data.length;
    for (const other of this.#byFile.keys()) {
      if (this.#bytes <= this.#limitBytes) break;
      this.drop(other);
    }
  }

  drop(file: object): void {
    const window = this.#byFile.get(file);
    if (window === undefined) return;
    this.#byFile.delete(file);
    this.#bytes -= window.data.length;
  }
}
