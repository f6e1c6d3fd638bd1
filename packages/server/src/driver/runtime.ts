import type { SecureContext } from "node:tls";

/**
 * Boundary to the pinned runtime. Sockets are driven below `net.Socket`, whose construction and buffering cost more
 * than all the rest of a cache hit (docs/decisions/0003). These bindings are not public; the shapes below are those of
 * Node 24, which the lock file pins.
 */

export interface StreamHandle {
  /** Must stay a function for the life of the handle. */
  onread: () => void;
  owner: unknown;
  readStart(): number;
  readStop(): number;
  useUserBuffer(buffer: Uint8Array): void;
  writeBuffer(request: WriteRequest, data: Uint8Array): number;
  writev(request: WriteRequest, chunks: readonly Uint8Array[], allBuffers: true): number;
  shutdown(request: ShutdownRequest): number;
  close(callback?: () => void): void;
  /** Closes with a reset instead of an orderly end. */
  reset(callback?: () => void): number;
  setNoDelay(enabled: boolean): number;
  getpeername(into: { address?: string; port?: number }): number;
  getsockname(into: { address?: string; port?: number }): number;
  /** Bytes written that the kernel has not taken yet. */
  readonly writeQueueSize: number;
  readonly fd: number;
}

export interface ListeningHandle {
  onconnection: ((status: number, client: StreamHandle | undefined) => void) | undefined;
  listen(backlog: number): number;
  close(callback?: () => void): void;
  getsockname(into: { address?: string; port?: number }): number;
  readonly fd: number;
}

export interface WriteRequest {
  handle: { readonly owner: unknown };
  oncomplete: (status: number) => void;
  /** Kept alive while the kernel has not taken the bytes. */
  data: unknown;
}

export interface ShutdownRequest {
  oncomplete: () => void;
}

/**
 * TLS on top of a stream handle. What is written is encrypted during the call, so its buffer is free at once, and every
 * write completes later: one that is begun before the last one has completed aborts the process.
 */
export interface TlsHandle {
  /** Must stay a function for the life of the handle. */
  onread: () => void;
  owner: unknown;
  /** Called inside the library: the handle must not be closed in it. */
  onhandshakedone: (() => void) | undefined;
  onerror: (error: Error) => void;
  readStart(): number;
  readStop(): number;
  useUserBuffer(buffer: Uint8Array): void;
  writeBuffer(request: WriteRequest, data: Uint8Array): number;
  writev(request: WriteRequest, chunks: readonly Uint8Array[], allBuffers: true): number;
  shutdown(request: ShutdownRequest): number;
  /** Takes bytes as if they had just arrived. */
  receive(data: Uint8Array): void;
  setALPNProtocols(list: Buffer): void;
  setOCSPResponse(response: Uint8Array): void;
  getProtocol(): string;
  /** False where none was agreed on. */
  getALPNNegotiatedProtocol(): string | false;
  getCipher(): { readonly name: string };
  isSessionReused(): boolean;
  /** To be called once, when the stream below is closed. */
  destroySSL(): void;
}

interface TlsBinding {
  wrap(handle: StreamHandle, context: unknown, isServer: boolean, hasActiveWrite: boolean): TlsHandle;
}

/** What the library is told of a ticket; the last two for a new one only. */
export type TicketAnswer = readonly [
  verdict: number,
  hmacKey: Uint8Array,
  aesKey: Uint8Array,
  name?: Uint8Array,
  initializationVector?: Uint8Array,
];

interface TicketContext {
  onticketkeycallback: (name: Buffer, initializationVector: Buffer, isNew: boolean) => TicketAnswer;
  enableTicketKeyCallback(): void;
}

/** The runtime has this way to several keys at a time, and does not document it. */
export const answerTickets = (
  { context }: SecureContext,
  answer: (name: Buffer, isNew: boolean) => TicketAnswer,
): void => {
  const native = context as unknown as TicketContext;
  native.onticketkeycallback = (name, _vector, isNew) => answer(name, isNew);
  native.enableTicketKeyCallback();
};

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => ShutdownRequest;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
  readonly streamBaseState: Int32Array;
}

interface BindingSource {
  binding(name: "stream_wrap"): StreamBinding;
  binding(name: "tls_wrap"): TlsBinding;
}

const source = process as unknown as BindingSource;
const { WriteWrap, ShutdownWrap, kReadBytesOrError, kLastWriteWasAsync, streamBaseState } =
  source.binding("stream_wrap");
const tlsBinding = source.binding("tls_wrap");

/** Takes the server's part of a handshake on a connection; what it receives from now on is decrypted. */
export const createTlsHandle = (handle: StreamHandle, { context }: SecureContext): TlsHandle =>
  tlsBinding.wrap(handle, context, true, false);

export const createWriteRequest = (): WriteRequest => new WriteWrap();
export const createShutdownRequest = (): ShutdownRequest => new ShutdownWrap();

/** Bytes read, or a negative error, of the read being reported. */
export const lastRead = (): number => streamBaseState[kReadBytesOrError] ?? 0;
/** Whether part of the write just made is still to be taken by the kernel. */
export const lastWriteIsPending = (): boolean => (streamBaseState[kLastWriteWasAsync] ?? 0) !== 0;
