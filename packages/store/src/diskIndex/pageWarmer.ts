import { type FileHandle, open } from "node:fs/promises";

/** Smaller files are warm after their first lookups. */
const SMALLEST_FILE_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 256 * 1024;

/**
 * Reads the database file once from front to back in the background, so that it lies in the page cache. Its descriptor
 * stays open until `close`, which must come after SQLite has closed the file: closing it drops SQLite's locks.
 */
export class PageWarmer {
  #file: Promise<FileHandle | undefined> | undefined;
  #isClosed = false;

  start(path: string, fileBytes: number, limitBytes: number): void {
    if (fileBytes < SMALLEST_FILE_BYTES || this.#file !== undefined) return;
    this.#file = open(path, "r").catch(() => undefined);
    this.#file.then((file) => file && this.#read(file, limitBytes)).catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.#file?.then((file) => file?.close()).catch(() => undefined);
  }

  async #read(file: FileHandle, limitBytes: number): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    for (let position = 0; position < limitBytes && !this.#isClosed; ) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position);
      if (bytesRead === 0) return;
      position += bytesRead;
    }
  }
}
