import type { FileRun } from "@basalt/cache";
import type { ClientTls } from "@basalt/telemetry";

/** A client connection's byte stream, whatever carries it. */
export interface ClientSocket {
  /**
   * Hands bytes to the kernel. True: it took them all, the buffer is the caller's again. False: the buffer must stay
   * as it is until `onDrain`.
   */
  write(data: Buffer): boolean;
  /** Head and body in one system call. */
  writePair(head: Buffer, body: Buffer): boolean;
  /** Several pieces in one system call; absent where they gain nothing by it. */
  writeRun?(pieces: Buffer[]): boolean;
  /**
   * Hands bytes of an open file to the kernel, which sends them from where they lie. Resulting in how many of them are on
   * their way, the last of which may be waiting as after `write`; -1: they have to be read. Absent where that is never
   * possible. Not before everything that was written has been taken.
   */
  sendFile?: ((run: FileRun) => number) | undefined;
  /** More than this is not worth handing over at a time; absent: no matter how much. */
  readonly pieceBytes?: number | undefined;
  /** What may wait of a request body before the peer has to pause; absent: as much as one connection may hold. */
  readonly bodyRoomBytes?: number | undefined;
  /** Bytes written but not yet taken by the kernel. */
  readonly unsentBytes: number;
  /** Visits the buffers, as they were written, that the kernel has not taken whole. */
  visitUnsent(visit: (data: Buffer) => void): void;
  pauseReading(): void;
  resumeReading(): void;
  /** Sends what is waiting, then ends the stream; the peer's remaining bytes are discarded. */
  end(): void;
  /** Sends what is waiting, then ends this direction: what the peer still sends goes on to arrive. */
  endWriting(): void;
  /** As `destroy`, but the peer learns that the stream was broken off. */
  reset(): void;
  /** Drops everything at once. */
  destroy(): void;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  /** Undefined where the bytes are not encrypted. */
  readonly tls: ClientTls | undefined;
}

export interface SocketHandler {
  /** Bytes in `buffer[start, end)`; the buffer is shared by all connections and valid during the call only. */
  onData(buffer: Buffer, start: number, end: number): void;
  /** Everything written so far has been taken by the kernel. */
  onDrain(): void;
  /** The peer will send no more. */
  onEnd(): void;
  /** Called exactly once. */
  onClose(): void;
}

export type AcceptListener = (socket: ClientSocket, attach: (handler: SocketHandler) => void) => void;

/** A worker's share of a listening socket. */
export interface Acceptor {
  /** Stops accepting; connections stay. */
  close(): void;
}
