import fs from "node:fs";
import type { FileRun } from "@basalt/cache";
import { EdgeError } from "@basalt/types";
import { IGNORED_EVENTS, LINGER_MS, ONE_READ_BUFFER, UV_EOF } from "./common.ts";
import type { AcceptListener, Acceptor, ClientSocket, SocketHandler } from "./contract.ts";
import { LISTEN_BACKLOG } from "./listeningSocket.ts";
import {
  createShutdownRequest,
  createWriteRequest,
  type ListeningHandle,
  lastRead,
  lastWriteIsPending,
  type StreamHandle,
  type WriteRequest,
} from "./runtime.ts";
import { sendFromFile } from "./sendFile.ts";

/** Of a socket on which no write is pending: nearly every one at nearly every moment. */
const NO_WRITES: (Buffer | readonly Buffer[])[] = [];

const ignoreRead = (): void => {};

const WAITING_BYTES = 1024;

/** A TCP connection on the runtime's stream handle, without `net.Socket`. */
export class RawSocket implements ClientSocket {
  readonly tls = undefined;
  #handle: StreamHandle | undefined;
  #handler: SocketHandler = IGNORED_EVENTS;
  /** What was written and not yet taken whole, in order. */
  #unsent = NO_WRITES;
  #ending = false;
  /** This direction has been ended before the connection was. */
  #hasEndedWriting = false;
  #isShuttingDown = false;
  #isShutDown = false;
  #peerEnded = false;
  #lingerTimer: NodeJS.Timeout | undefined;
  /** Asked for while it is connected: of a connection that the client has reset the kernel does not tell it. */
  readonly #peer: { address?: string; port?: number } = {};
  #localAddress: string | undefined;

  constructor(handle: StreamHandle) {
    this.#handle = handle;
    handle.owner = this;
    handle.onread = onRead;
    handle.useUserBuffer(ONE_READ_BUFFER);
    handle.getpeername(this.#peer);
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler;
    this.#handle?.readStart();
  }

  get unsentBytes(): number {
    return this.#unsent === NO_WRITES ? 0 : Math.max(1, this.#handle?.writeQueueSize ?? 0);
  }

  visitUnsent(visit: (data: Buffer) => void): void {
    for (const written of this.#unsent) {
      if (Buffer.isBuffer(written)) visit(written);
      else for (const data of written) visit(data);
    }
  }

  get remoteAddress(): string {
    return this.#peer.address ?? "";
  }

  get remotePort(): number {
    return this.#peer.port ?? 0;
  }

  write(data: Buffer): boolean {
    const handle = this.#handle;
    if (handle === undefined) return true;
    const request = createWriteRequest();
    request.handle = handle;
    request.oncomplete = onWriteComplete;
    request.data = data;
    return this.#written(handle.writeBuffer(request, data), data);
  }

  writePair(head: Buffer, body: Buffer): boolean {
    return this.writeRun([head, body]);
  }

  writeRun(pieces: Buffer[]): boolean {
    const handle = this.#handle;
    if (handle === undefined) return true;
    const request = createWriteRequest();
    request.handle = handle;
    request.oncomplete = onWriteComplete;
    request.data = pieces;
    return this.#written(handle.writev(request, pieces, true), pieces);
  }

  sendFile(run: FileRun): number {
    const handle = this.#handle;
    if (handle === undefined) return run.length;
    const count = sendFromFile(handle.fd, run.descriptor, run.position, run.length);
    if (count === "impossible") return -1;
    if (count === "broken") {
      this.destroy();
      return 0;
    }
    if (count === run.length) return count;
    const taken = count + this.#writeNext(run, count);
    // Neither bytes nor a write that would tell when to go on.
    return taken === 0 ? -1 : taken;
  }

  /**
   * The runtime tells only of its own writes when there is room again: one of a few bytes waits in place of the rest. None
   * where the file is shorter or its disk fails: whoever reads it finds that out.
   */
  #writeNext(run: FileRun, from: number): number {
    const data = Buffer.allocUnsafeSlow(Math.min(WAITING_BYTES, run.length - from));
    let count: number;
    try {
      count = fs.readSync(run.descriptor, data, 0, data.length, run.position + from);
    } catch {
      return 0;
    }
    if (count > 0) this.write(data.subarray(0, count));
    return count;
  }

  pauseReading(): void {
    this.#handle?.readStop();
  }

  resumeReading(): void {
    this.#handle?.readStart();
  }

  end(): void {
    const handle = this.#handle;
    if (handle === undefined || this.#ending) return;
    this.#ending = true;
    if (this.#isShutDown) this.#lingerForPeer();
    else this.endWriting();
    // Reading goes on so that the peer's bytes do not reset the answer.
    if (!this.#peerEnded) this.#handle?.readStart();
  }

  endWriting(): void {
    const handle = this.#handle;
    if (handle === undefined || this.#hasEndedWriting) return;
    this.#hasEndedWriting = true;
    // With pending writes later: a handle that is being shut down cannot be reset.
    if (this.#unsent === NO_WRITES) this.#shutDown(handle);
  }

  #shutDown(handle: StreamHandle): void {
    this.#isShuttingDown = true;
    const request = createShutdownRequest();
    request.oncomplete = () => {
      this.#isShuttingDown = false;
      this.#isShutDown = true;
      if (this.#ending) this.#lingerForPeer();
    };
    if (handle.shutdown(request) < 0) this.destroy();
  }

  /** Everything has been sent: the peer has a while to close its side. */
  #lingerForPeer(): void {
    if (this.#handle === undefined) return;
    if (this.#peerEnded) {
      this.destroy();
      return;
    }
    this.#lingerTimer = setTimeout(() => this.destroy(), LINGER_MS);
    this.#lingerTimer.unref();
  }

  /** Where the end has been sent already there is nothing left to break off; the runtime would refuse and keep the handle. */
  reset(): void {
    if (this.#isShuttingDown) this.destroy();
    else this.#close((handle) => handle.reset());
  }

  destroy(): void {
    this.#close((handle) => handle.close());
  }

  #close(release: (handle: StreamHandle) => void): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#localAddress = this.localAddress;
    this.#handle = undefined;
    clearTimeout(this.#lingerTimer);
    handle.onread = ignoreRead;
    release(handle);
    const handler = this.#handler;
    this.#handler = IGNORED_EVENTS;
    handler.onClose();
  }

  /** Called by the runtime for this connection's reads. */
  received(count: number): void {
    if (count > 0) {
      if (!this.#ending) this.#handler.onData(ONE_READ_BUFFER, 0, count);
      return;
    }
    if (count === 0) return;
    if (count !== UV_EOF) {
      this.destroy();
      return;
    }
    this.#peerEnded = true;
    this.#handle?.readStop();
    if (!this.#ending) this.#handler.onEnd();
    else if (this.#lingerTimer !== undefined) this.destroy();
  }

  writeCompleted(status: number): void {
    if (this.#unsent.length <= 1) this.#unsent = NO_WRITES;
    else this.#unsent.shift();
    if (this.#handle === undefined) return;
    if (status < 0) {
      this.destroy();
      return;
    }
    if (this.#unsent !== NO_WRITES) return;
    if (this.#hasEndedWriting && !this.#isShuttingDown && !this.#isShutDown) this.#shutDown(this.#handle);
    if (!this.#ending) this.#handler.onDrain();
  }

  #written(status: number, data: Buffer | readonly Buffer[]): boolean {
    if (status !== 0) {
      this.destroy();
      return true;
    }
    if (!lastWriteIsPending()) return true;
    if (this.#unsent === NO_WRITES) this.#unsent = [data];
    else this.#unsent.push(data);
    return false;
  }

  get localAddress(): string {
    if (this.#localAddress === undefined) {
      const local: { address?: string; port?: number } = {};
      this.#handle?.getsockname(local);
      this.#localAddress = local.address ?? "";
    }
    return this.#localAddress;
  }
}

function onRead(this: StreamHandle): void {
  if (this.owner instanceof RawSocket) this.owner.received(lastRead());
}

function onWriteComplete(this: WriteRequest, status: number): void {
  const { owner } = this.handle;
  if (owner instanceof RawSocket) owner.writeCompleted(status);
}

/** Accepts connections of a listening socket in this process. */
export const acceptRaw = (listening: ListeningHandle, onAccept: AcceptListener): Acceptor =>
  acceptHandles(listening, (client) => {
    const socket = new RawSocket(client);
    onAccept(socket, (handler) => socket.attach(handler));
  });

export const acceptHandles = (listening: ListeningHandle, onAccept: (client: StreamHandle) => void): Acceptor => {
  listening.onconnection = (status, client) => {
    if (status !== 0 || client === undefined) return;
    client.setNoDelay(true);
    onAccept(client);
  };
  const status = listening.listen(LISTEN_BACKLOG);
  if (status !== 0) throw new EdgeError("INTERNAL", { detail: `cannot accept: error ${status}` });
  let open = true;
  return {
    close: () => {
      if (open) listening.close();
      open = false;
    },
  };
};
