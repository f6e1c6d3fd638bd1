import type { DeriveSource } from "@basalt/cache";
import type { BodyReader, BodyStore, ObjectLocation } from "@basalt/store";
import { EdgeError, unreachable } from "@basalt/types";

/** Bodies that transforms are made of. Errors are EdgeError STORE_UNAVAILABLE. */

export const sourceBytesOf = (source: DeriveSource): number => {
  switch (source.kind) {
    case "stored":
      return source.location.bodyBytes;
    case "bytes":
      return source.body.length;
    default:
      return unreachable(source);
  }
};

/** The whole body, in memory of its own. */
export const readSource = async (bodies: BodyStore, source: DeriveSource): Promise<Uint8Array<ArrayBuffer>> => {
  if (source.kind === "bytes") return Uint8Array.from(source.body);
  const reader = await openSource(bodies, source.location);
  try {
    return await readPiece(reader, 0, source.location.bodyBytes);
  } finally {
    reader.release();
  }
};

export const openSource = async (bodies: BodyStore, location: ObjectLocation): Promise<BodyReader> => {
  const reader = await bodies.openBody(location);
  if (reader === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "source of a transform is gone" });
  return reader;
};

export const readPiece = async (
  reader: BodyReader,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> => {
  const memory = Buffer.allocUnsafeSlow(length);
  await fillFrom(reader, position, memory);
  return memory;
};

/** All of `memory` with what begins at the position. */
export const fillFrom = async (
  reader: BodyReader,
  position: number,
  { buffer, byteOffset, byteLength }: Uint8Array,
): Promise<void> => {
  const target = Buffer.from(buffer, byteOffset, byteLength);
  let filled = 0;
  while (filled < byteLength) {
    const count = await reader.read(target, filled, byteLength - filled, position + filled);
    if (count < 1) throw new EdgeError("STORE_UNAVAILABLE", { detail: "source of a transform is cut off" });
    filled += count;
  }
};
