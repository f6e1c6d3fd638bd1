import type { Socket } from "node:net";
import { deserialize, serialize } from "node:v8";
import type { Port } from "./port.ts";

const LENGTH_BYTES = 4;
/** Far above what processes of one host tell each other; a longer message is no message of ours. */
const MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * A port over a stream socket between two processes of the same user: each message behind its length in four bytes.
 * Handles cannot travel on it. A peer that breaks the framing is cut off.
 */
export const portOverSocket = (socket: Socket): Port => {
  let listener: (message: unknown, handle: unknown) => void = () => {};
  let chunks: Buffer[] = [];
  let waitingBytes = 0;
  /** Bytes without which there is nothing to do. */
  let neededBytes = LENGTH_BYTES;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    waitingBytes += chunk.length;
    while (waitingBytes >= neededBytes) {
      const waiting = chunks.length === 1 ? (chunks[0] ?? chunk) : Buffer.concat(chunks);
      chunks = [waiting];
      const end = LENGTH_BYTES + waiting.readUInt32BE(0);
      if (end > MESSAGE_LIMIT_BYTES) {
        socket.destroy();
        return;
      }
      if (waiting.length < end) {
        neededBytes = end;
        return;
      }
      const message = waiting.subarray(LENGTH_BYTES, end);
      chunks = [waiting.subarray(end)];
      waitingBytes -= end;
      neededBytes = LENGTH_BYTES;
      let decoded: unknown;
      try {
        decoded = deserialize(message);
      } catch {
        socket.destroy();
        return;
      }
      listener(decoded, undefined);
    }
  });
  // What the socket could not send is lost with it: `onClose` tells.
  socket.on("error", () => {});
  return {
    post(message) {
      if (socket.destroyed || !socket.writable) return;
      const body = serialize(message);
      const head = Buffer.allocUnsafe(LENGTH_BYTES);
      head.writeUInt32BE(body.length, 0);
      socket.write(head);
      socket.write(body);
    },
    onMessage(next) {
      listener = next;
    },
    onClose(next) {
      if (socket.destroyed) queueMicrotask(next);
      else socket.once("close", next);
    },
    close() {
      socket.destroySoon();
    },
  };
};
