/**
 * Boundary to the pinned runtime: a pipe handle polls any descriptor that can be polled, which no public way does
 * (docs/decisions/0035). These bindings are not public; the shapes below are those of Node 24, which the lock file pins.
 */

/** Reads whatever descriptor it was opened with, on the event loop. */
export interface PollingHandle {
  /** Must stay a function for the life of the handle. */
  onread: () => void;
  open(descriptor: number): number;
  readStart(): number;
  readStop(): number;
  useUserBuffer(buffer: Uint8Array): void;
  /** Closes the descriptor too. */
  close(callback?: () => void): void;
}

interface PipeBinding {
  readonly Pipe: new (kind: number) => PollingHandle;
  readonly constants: { readonly SOCKET: number };
}

interface StreamBinding {
  readonly kReadBytesOrError: number;
  readonly streamBaseState: Int32Array;
}

interface BindingSource {
  binding(name: "pipe_wrap"): PipeBinding;
  binding(name: "stream_wrap"): StreamBinding;
}

const source = process as unknown as BindingSource;
const { kReadBytesOrError, streamBaseState } = source.binding("stream_wrap");

export const createPollingHandle = (): PollingHandle => {
  const { Pipe, constants } = source.binding("pipe_wrap");
  return new Pipe(constants.SOCKET);
};

/** Bytes read, or a negative error, of the read being reported. */
export const lastRead = (): number => streamBaseState[kReadBytesOrError] ?? 0;
