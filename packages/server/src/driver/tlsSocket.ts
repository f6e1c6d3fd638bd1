import type { ClientTls } from "@basalt/telemetry";
import { IGNORED_EVENTS, LINGER_MS, ONE_READ_BUFFER, UV_EOF } from "./common.ts";
import type { ClientSocket, SocketHandler } from "./contract.ts";
import {
  createShutdownRequest,
  createWriteRequest,
  lastRead,
  type StreamHandle,
  type TlsHandle,
  type WriteRequest,
} from "./runtime.ts";

/**
 * Most bytes that are encrypted at a time. What is encrypted waits in memory of its own until the client takes it, so
 * this bounds what a slow client costs; the rest stays where it is, shared with all other readers of the object.
 */
const SLICE_BYTES = 128 * 1024;

/** Before the handshake is over nothing is asked. */
const NO_SESSION: ClientTls = { protocol: "", cipher: "" };

/** One object for each pair: connections have few. */
const sessions = new Map<string, ClientTls>();

const sessionOf = (protocol: string, cipher: string): ClientTls => {
  const key = `${protocol} ${cipher}`;
  let session = sessions.get(key);
  if (session === undefined) {
    session = { protocol, cipher };
    sessions.set(key, session);
  }
  return session;
};

export interface TlsSocketEvents {
  /** Nothing may be closed in it. */
  secured(socket: TlsSocket, isResumed: boolean): void;
  /** Called at most once, and only before `secured`. */
  failed(socket: TlsSocket): void;
}

/**
 * A TLS connection driven below `tls.TLSSocket`, on the runtime's handles. The layer below takes one write at a time
 * and confirms each later, so writes wait here for one another.
 */
export class TlsSocket implements ClientSocket {
  #tcp: StreamHandle | undefined;
  readonly #tls: TlsHandle;
  readonly #events: TlsSocketEvents;
  #handler: SocketHandler = IGNORED_EVENTS;
  #session = NO_SESSION;
  #isSecured = false;
  /** A write has not been confirmed. */
  #isWriting = false;
  /** What has not been encrypted whole, in order, and how much of the first has been. */
  readonly #waiting: Buffer[] = [];
  #position = 0;
  /** A write has been answered with false since the last drain. */
  #owesDrain = false;
  #ending = false;
  #endsWriting = false;
  #isShutDown = false;
  #isShuttingDown = false;
  #peerEnded = false;
  #lingerTimer: NodeJS.Timeout | undefined;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;

  constructor(
    tcp: StreamHandle,
    tls: TlsHandle,
    place: Pick<ClientSocket, "remoteAddress" | "remotePort" | "localAddress">,
    events: TlsSocketEvents,
  ) {
    this.#tcp = tcp;
    this.#tls = tls;
    this.#events = events;
    this.remoteAddress = place.remoteAddress;
    this.remotePort = place.remotePort;
    this.localAddress = place.localAddress;
    tcp.owner = this;
    tls.owner = this;
    tls.onread = onRead;
    tls.onerror = onError;
    tls.onhandshakedone = onHandshakeDone;
    tls.useUserBuffer(ONE_READ_BUFFER);
  }

  /** Begins with what has been read already. */
  start(received: Buffer): void {
    this.#tls.receive(received);
    if (this.#tcp !== undefined) this.#tls.readStart();
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler;
    if (this.#tcp !== undefined) this.#tls.readStart();
  }

  /** By ALPN, once the handshake is over. */
  get protocol(): string | undefined {
    const protocol = this.#isSecured && this.#tcp !== undefined ? this.#tls.getALPNNegotiatedProtocol() : false;
    return protocol === false ? undefined : protocol;
  }

  get tls(): ClientTls {
    return this.#session;
  }

  get unsentBytes(): number {
    if (!this.#owesDrain || this.#tcp === undefined) return 0;
    let bytes = this.#tcp.writeQueueSize - this.#position;
    for (const data of this.#waiting) bytes += data.length;
    return Math.max(1, bytes);
  }

  visitUnsent(visit: (data: Buffer) => void): void {
    for (const data of this.#waiting) visit(data);
  }

  write(data: Buffer): boolean {
    if (this.#tcp === undefined) return true;
    if (this.#isWriting || data.length === 0 || data.length > SLICE_BYTES) return this.#queue(data);
    return this.#encrypted(this.#tls.writeBuffer(this.#request(), data));
  }

  writePair(head: Buffer, body: Buffer): boolean {
    if (this.#tcp === undefined) return true;
    if (this.#isWriting || head.length > SLICE_BYTES / 2) {
      this.#queue(head);
      return this.#queue(body);
    }
    const room = SLICE_BYTES - head.length;
    if (body.length <= room) return this.#encrypted(this.#tls.writev(this.#request(), [head, body], true));
    this.#encrypted(this.#tls.writev(this.#request(), [head, body.subarray(0, room)], true));
    if (this.#isClosed) return true;
    this.#waiting.push(body);
    this.#position = room;
    this.#owesDrain = true;
    return false;
  }

  /** True: a write of no more than 128 KB is taken whole during the call. False: onDrain follows. */
  mayWrite(): boolean {
    if (!this.#isWriting || this.#tcp === undefined) return true;
    this.#owesDrain = true;
    return false;
  }

  get #isClosed(): boolean {
    return this.#tcp === undefined;
  }

  pauseReading(): void {
    if (this.#tcp !== undefined) this.#tls.readStop();
  }

  resumeReading(): void {
    if (this.#tcp !== undefined) this.#tls.readStart();
  }

  end(): void {
    if (this.#tcp === undefined || this.#ending) return;
    this.#ending = true;
    if (this.#isShutDown) this.#lingerForPeer();
    else this.endWriting();
    // Reading goes on so that the peer's bytes do not reset the answer.
    if (!this.#peerEnded) this.resumeReading();
  }

  endWriting(): void {
    if (this.#tcp === undefined || this.#endsWriting) return;
    this.#endsWriting = true;
    if (!this.#isWriting) this.#shutDown();
  }

  /** Where the end has been sent already there is nothing left to break off; the runtime would refuse and keep the handle. */
  reset(): void {
    if (this.#isShuttingDown) this.destroy();
    else this.#close((tcp, onClosed) => tcp.reset(onClosed));
  }

  destroy(): void {
    this.#close((tcp, onClosed) => tcp.close(onClosed));
  }

  #close(release: (tcp: StreamHandle, onClosed: () => void) => void): void {
    const tcp = this.#tcp;
    if (tcp === undefined) return;
    this.#tcp = undefined;
    clearTimeout(this.#lingerTimer);
    this.#waiting.length = 0;
    // Not before the stream below has gone: this may run inside the library.
    release(tcp, () => this.#tls.destroySSL());
    const handler = this.#handler;
    this.#handler = IGNORED_EVENTS;
    if (this.#isSecured) handler.onClose();
    else this.#events.failed(this);
  }

  handshakeDone(): void {
    if (this.#isSecured || this.#tcp === undefined) return;
    this.#isSecured = true;
    this.#session = sessionOf(this.#tls.getProtocol(), this.#tls.getCipher().name);
    this.#events.secured(this, this.#tls.isSessionReused());
  }

  received(count: number): void {
    if (this.#tcp === undefined || count === 0) return;
    if (count > 0) {
      if (!this.#ending) this.#handler.onData(ONE_READ_BUFFER, 0, count);
      return;
    }
    if (count !== UV_EOF || !this.#isSecured) {
      this.destroy();
      return;
    }
    if (this.#peerEnded) return;
    this.#peerEnded = true;
    this.#tls.readStop();
    if (!this.#ending) this.#handler.onEnd();
    else if (this.#lingerTimer !== undefined) this.destroy();
  }

  writeCompleted(status: number): void {
    this.#isWriting = false;
    if (this.#tcp === undefined) return;
    if (status < 0) {
      this.destroy();
      return;
    }
    if (this.#waiting.length > 0) {
      this.#encryptNext();
      return;
    }
    if (this.#endsWriting && !this.#isShutDown) this.#shutDown();
    if (!this.#owesDrain) return;
    this.#owesDrain = false;
    if (!this.#ending) this.#handler.onDrain();
  }

  #request(): WriteRequest {
    const request = createWriteRequest();
    request.handle = this.#tls;
    request.oncomplete = onWriteComplete;
    this.#isWriting = true;
    return request;
  }

  /** True when the kernel has it all, as far as the layer below has handed it over. */
  #encrypted(status: number): boolean {
    if (status !== 0) {
      this.#isWriting = false;
      this.destroy();
      return true;
    }
    if (this.#tcp === undefined || this.#tcp.writeQueueSize === 0) return true;
    this.#owesDrain = true;
    return false;
  }

  /** Nothing is written for an empty piece: the layer below would hand on what it has received meanwhile, inside the call. */
  #queue(data: Buffer): boolean {
    if (data.length === 0) return !this.#owesDrain;
    this.#owesDrain = true;
    this.#waiting.push(data);
    if (!this.#isWriting) this.#encryptNext();
    return false;
  }

  #encryptNext(): void {
    const [data] = this.#waiting;
    if (data === undefined) return;
    const slice = data.subarray(this.#position, this.#position + SLICE_BYTES);
    this.#position += slice.length;
    if (this.#position >= data.length) {
      this.#waiting.shift();
      this.#position = 0;
    }
    this.#encrypted(this.#tls.writeBuffer(this.#request(), slice));
  }

  #shutDown(): void {
    if (this.#tcp === undefined || this.#isShutDown) return;
    this.#isShutDown = true;
    this.#isShuttingDown = true;
    const request = createShutdownRequest();
    request.oncomplete = () => {
      this.#isShuttingDown = false;
      if (this.#ending) this.#lingerForPeer();
    };
    if (this.#tls.shutdown(request) < 0) this.destroy();
  }

  /** Everything has been sent: the peer has a while to close its side. */
  #lingerForPeer(): void {
    if (this.#tcp === undefined || this.#lingerTimer !== undefined) return;
    if (this.#peerEnded) {
      this.destroy();
      return;
    }
    this.#lingerTimer = setTimeout(() => this.destroy(), LINGER_MS);
    this.#lingerTimer.unref();
  }
}

function onRead(this: TlsHandle): void {
  if (this.owner instanceof TlsSocket) this.owner.received(lastRead());
}

function onError(this: TlsHandle): void {
  if (this.owner instanceof TlsSocket) this.owner.destroy();
}

function onHandshakeDone(this: TlsHandle): void {
  if (this.owner instanceof TlsSocket) this.owner.handshakeDone();
}

function onWriteComplete(this: WriteRequest, status: number): void {
  const { owner } = this.handle;
  if (owner instanceof TlsSocket) owner.writeCompleted(status);
}
