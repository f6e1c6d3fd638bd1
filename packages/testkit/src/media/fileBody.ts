import { closeSync, openSync, readSync, statSync } from "node:fs";
import type { BodySource } from "../pattern.ts";

/** The content of a file as an origin's body, read slice by slice: files may be larger than memory. */
export class FileBody implements BodySource {
  readonly size: number;
  readonly #descriptor: number;

  constructor(path: string) {
    this.size = statSync(path).size;
    this.#descriptor = openSync(path, "r");
  }

  slice(start: number, end: number): Buffer {
    const bytes = Buffer.alloc(Math.max(0, Math.min(end, this.size) - start));
    const read = readSync(this.#descriptor, bytes, 0, bytes.length, start);
    if (read !== bytes.length) throw new Error(`the file has ended at ${start + read}`);
    return bytes;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
