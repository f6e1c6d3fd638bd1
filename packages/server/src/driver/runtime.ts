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
}

export interface ListeningHandle {
  onconnection: ((status: number, client: StreamHandle | undefined) => void) | undefined;
  listen(backlog: number): number;
  close(callback?: () => void): void;
  getsockname(into: { address?: string; port?: number }): number;
  readonly fd: number;
}

export interface WriteRequest {
  handle: StreamHandle;
  oncomplete: (status: number) => void;
  /** Kept alive while the kernel has not taken the bytes. */
  data: unknown;
}

export interface ShutdownRequest {
  oncomplete: () => void;
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => ShutdownRequest;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
  readonly streamBaseState: Int32Array;
}

interface BindingSource {
  binding(name: "stream_wrap"): StreamBinding;
}

const { WriteWrap, ShutdownWrap, kReadBytesOrError, kLastWriteWasAsync, streamBaseState } = (
  process as unknown as BindingSource
).binding("stream_wrap");

export const createWriteRequest = (): WriteRequest => new WriteWrap();
export const createShutdownRequest = (): ShutdownRequest => new ShutdownWrap();

/** Bytes read, or a negative error, of the read being reported. */
export const lastRead = (): number => streamBaseState[kReadBytesOrError] ?? 0;
/** Whether part of the write just made is still to be taken by the kernel. */
export const lastWriteIsPending = (): boolean => (streamBaseState[kLastWriteWasAsync] ?? 0) !== 0;
