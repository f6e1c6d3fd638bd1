import { deserialize, serialize } from "node:v8";
import type { Port } from "@basalt/ipc";

class SerializingPort implements Port {
  peer: SerializingPort | undefined;
  #message: (message: unknown, handle: unknown) => void = () => {};
  #close: () => void = () => {};

  post(message: unknown): void {
    const bytes = serialize(message);
    queueMicrotask(() => this.peer?.deliver(bytes));
  }

  deliver(bytes: Buffer): void {
    this.#message(deserialize(bytes), undefined);
  }

  onMessage(listener: (message: unknown, handle: unknown) => void): void {
    this.#message = listener;
  }

  onClose(listener: () => void): void {
    this.#close = listener;
  }

  close(): void {
    const peer = this.peer;
    this.peer = undefined;
    if (peer === undefined) return;
    peer.peer = undefined;
    peer.#close();
  }
}

/** Two ends that encode messages as the channel of a forked process does: a Buffer arrives as a Buffer. */
export const createProcessLikePair = (): readonly [Port, Port] => {
  const left = new SerializingPort();
  const right = new SerializingPort();
  left.peer = right;
  right.peer = left;
  return [left, right];
};
