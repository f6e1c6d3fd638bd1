import type { Socket } from "node:net";

const PIECE_BYTES = 4096;

/**
 * Has a connection read in small pieces while a response head is awaited, and no more once it is gone: undici gives a
 * head up that is too long, but parses on to the end of what it has in hand, and makes an error with a stack for every
 * field and value of it.
 */
export const readHeadInPieces = (socket: Socket, isHeadAwaited: () => boolean): void => {
  const read = socket.read.bind(socket);
  socket.read = (size?: number): unknown => {
    if (socket.destroyed) return null;
    const isPiece = size === undefined && socket.readableLength > PIECE_BYTES && isHeadAwaited();
    return read(isPiece ? PIECE_BYTES : size);
  };
};
