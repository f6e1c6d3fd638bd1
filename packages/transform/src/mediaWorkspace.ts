import type { MediaOutcome, ResultRoom, SourcePiece } from "@basalt/media";
import type { MediaResult } from "./contract.ts";

/** As large as memory that is shared comes; pages that are not used are not there. */
const WORKSPACE_BYTES = 64 * 1024 ** 2;

let kept: ArrayBuffer | undefined;

const workspaceFor = (bytes: number): ArrayBuffer => {
  if (bytes > WORKSPACE_BYTES) return new ArrayBuffer(bytes);
  kept ??= new ArrayBuffer(WORKSPACE_BYTES);
  return kept;
};

/**
 * Runs a task whose source lies in memory that is shared with the host, and whose result goes there, if there is room for
 * it behind the source: `run` gets both in memory of this thread. The engine is much slower with copies within shared
 * memory, which it may only make word by word, than the system is with one copy of all of it in each direction.
 */
export const inWorkspace = (
  shared: Uint8Array<SharedArrayBuffer>,
  pieces: readonly SourcePiece[],
  run: (pieces: readonly SourcePiece[], room: ResultRoom) => MediaOutcome,
): MediaResult => {
  const sourceBytes = pieces.reduce((total, { bytes }) => total + bytes.byteLength, 0);
  const workspace = workspaceFor(sourceBytes + shared.byteLength);
  let position = 0;
  const own = pieces.map(({ start, bytes }) => {
    const copy = new Uint8Array(workspace, position, bytes.byteLength);
    copyBytes(bytes, copy);
    position += bytes.byteLength;
    return { start, bytes: copy };
  });
  const outcome = run(own, new Uint8Array(workspace, position, shared.byteLength));
  if (outcome.kind !== "bytes" || outcome.body.buffer !== workspace) return outcome;
  const body = shared.subarray(0, outcome.body.byteLength);
  copyBytes(outcome.body, body);
  return { ...outcome, body };
};

/** A part of a Buffer is copied by the system; whole ones go the engine's way, which is a slow one with shared memory. */
const copyBytes = (from: Uint8Array, to: Uint8Array): void => {
  const { byteOffset, byteLength } = from;
  Buffer.from(from.buffer).copy(to, 0, byteOffset, byteOffset + byteLength);
};
