/** Longest piece of an answer that is copied instead of being held where it lies. */
const MOST_COPIED_BYTES = 16 * 1024;

/**
 * What a connection may have in copies of answers that wait for the client: the part that a kernel's send buffer plays
 * for HTTP/1.1. What is copied belongs to its owner again at once.
 */
export class SendRoom {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** False: there is no room for it. */
  take(byteCount: number): boolean {
    if (byteCount > MOST_COPIED_BYTES || byteCount > this.#left) return false;
    this.#left -= byteCount;
    return true;
  }

  give(byteCount: number): void {
    this.#left += byteCount;
  }
}
