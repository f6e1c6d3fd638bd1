/**
 * Memory that a result may be written into, used before and of any content: the pages of fresh memory cost more than all
 * else that is done for a segment. Where it lies in the buffer of the source's pieces, behind or between them, bytes are
 * copied within one memory, which is cheaper still.
 */
export type ResultRoom = Uint8Array<ArrayBuffer>;

/** Memory for that many bytes, of the room if it has as many: all of them are to be written, fresh or not. */
export const resultIn = (room: ResultRoom | undefined, bytes: number): Uint8Array<ArrayBuffer> =>
  room !== undefined && room.byteLength >= bytes ? room.subarray(0, bytes) : new Uint8Array(bytes);
