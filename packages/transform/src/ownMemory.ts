import { isMarkedAsUntransferable } from "node:worker_threads";

/** The same bytes in memory that may be handed to another thread: their own if they fill it alone, else a copy. */
export const ownMemory = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  bytes.byteLength === bytes.buffer.byteLength && !isMarkedAsUntransferable(bytes.buffer)
    ? bytes
    : Uint8Array.from(bytes);

/** Not in memory that is shared between threads. */
export const isOfOwnBuffer = (bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer;
