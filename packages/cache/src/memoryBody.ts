import type { EdgeError } from "@basalt/types";
import type { BodySource } from "./bodySource.ts";

/** A complete body that is one buffer. */
export class MemoryBody implements BodySource {
  readonly totalBytes: number;
  readonly availableBytes: number;
  readonly state = "complete";
  readonly error: EdgeError | undefined = undefined;
  readonly #data: Buffer;

  constructor(data: Buffer) {
    this.#data = data;
    this.totalBytes = data.length;
    this.availableBytes = data.length;
  }

  peek(position: number): Buffer | undefined {
    return position < this.#data.length ? this.#data.subarray(position) : undefined;
  }

  read(target: Buffer, length: number, position: number): Promise<number> {
    return Promise.resolve(this.#data.copy(target, 0, position, position + length));
  }

  watch(): () => void {
    return () => {};
  }

  retain(): void {}

  release(): void {}
}
