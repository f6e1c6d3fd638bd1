import type { SocketHandler } from "./contract.ts";

const READ_BUFFER_BYTES = 64 * 1024;

/** All connections of a process read into this one buffer: what they receive is used or copied before the next read. */
export const ONE_READ_BUFFER = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

/** How long a closing connection may take to receive what was sent and to close its side. */
export const LINGER_MS = 2_000;

/** The peer will send no more. */
export const UV_EOF = -4095;

export const IGNORED_EVENTS: SocketHandler = {
  onData: () => {},
  onDrain: () => {},
  onEnd: () => {},
  onClose: () => {},
};
