import { isMarkedAsUntransferable } from "node:worker_threads";

/** The same bytes in memory that may be handed to another thread: their own if they fill it alone, else a copy. */
export const ownMemory = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  bytes.byteLength === bytes.buffer.byteLength && !isMarkedAsUntransferable(bytes.buffer)
    ? bytes
    : Uint8Array.from(bytes);

/** Not in memory that is shared between threads. */
export const isOfOwnBuffer = (bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer;

/**
 * Gives memory of one's own back at once; the array is empty afterwards. What a collection frees instead counts against
 * the heap until then: a heap that is small otherwise, as that of a thread is, is collected for every few of such arrays.
 */
export const releaseMemory = ({ buffer }: Uint8Array<ArrayBuffer>): void => {
  if (!buffer.detached) buffer.transfer(0);
};
