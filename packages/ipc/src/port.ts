import { deserialize, serialize } from "node:v8";

/**
 * What a MessagePort, a child-process channel and a test double have in common. No component knows which of them
 * carries its messages. Messages are plain data (structured clone); order is kept; nothing is lost while both ends live.
 */
export interface Port {
  /** `handle`: an operating-system socket that only process channels can carry. */
  post(message: unknown, handle?: SocketHandle): void;
  onMessage(listener: (message: unknown, handle: unknown) => void): void;
  /** The other end is gone; called once. */
  onClose(listener: () => void): void;
  close(): void;
}

/** Opaque here: a listening socket as the runtime's process channel transfers it. */
export type SocketHandle = object;

/** Two ends of one port inside a process, with the encoding of process channels: buffers arrive as buffers. */
export const createPortPair = (): readonly [Port, Port] => {
  const left = new LocalPort();
  const right = new LocalPort();
  left.peer = right;
  right.peer = left;
  return [left, right];
};

class LocalPort implements Port {
  peer: LocalPort | undefined;
  #message: (message: unknown, handle: unknown) => void = () => {};
  #close: () => void = () => {};

  post(message: unknown, handle?: SocketHandle): void {
    const copy: unknown = deserialize(serialize(message));
    queueMicrotask(() => this.peer?.deliver(copy, handle));
  }

  deliver(message: unknown, handle: unknown): void {
    this.#message(message, handle);
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
