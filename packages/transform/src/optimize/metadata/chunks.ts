import { crc32 } from "node:zlib";

/** A PNG chunk or a RIFF chunk of WebP; positions in the file. */
export interface Chunk {
  readonly type: string;
  readonly start: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  /** Behind its checksum, or its padding. */
  readonly end: number;
}

export const PNG_HEAD_BYTES = 8;
const WEBP_HEAD_BYTES = 12;
const CHUNK_LIMIT = 100_000;

/** Chunks from IHDR to IEND; undefined where they do not fit into the file. */
export const readPngChunks = (source: Uint8Array): readonly Chunk[] | undefined => {
  const view = viewOf(source);
  const chunks: Chunk[] = [];
  for (let start = PNG_HEAD_BYTES; start + 12 <= source.length && chunks.length < CHUNK_LIMIT; ) {
    const dataEnd = start + 8 + view.getUint32(start);
    const chunk = { type: nameAt(source, start + 4), start, dataStart: start + 8, dataEnd, end: dataEnd + 4 };
    if (chunk.end > source.length) return undefined;
    chunks.push(chunk);
    if (chunk.type === "IEND") return chunks;
    start = chunk.end;
  }
  return undefined;
};

export const readWebpChunks = (source: Uint8Array): readonly Chunk[] | undefined => {
  const view = viewOf(source);
  if (source.length < WEBP_HEAD_BYTES) return undefined;
  const riffEnd = 8 + view.getUint32(4, true);
  if (riffEnd > source.length) return undefined;
  const chunks: Chunk[] = [];
  for (let start = WEBP_HEAD_BYTES; start + 8 <= riffEnd && chunks.length < CHUNK_LIMIT; ) {
    const length = view.getUint32(start + 4, true);
    const dataEnd = start + 8 + length;
    const chunk = { type: nameAt(source, start), start, dataStart: start + 8, dataEnd, end: dataEnd + (length & 1) };
    if (chunk.dataEnd > riffEnd) return undefined;
    chunks.push(chunk);
    start = chunk.end;
  }
  return chunks.length === 0 ? undefined : chunks;
};

export const makePngChunk = (type: string, data: Uint8Array): Uint8Array => {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, "latin1");
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
};

export const makeRiffChunk = (type: string, data: Uint8Array): Uint8Array => {
  const chunk = Buffer.alloc(8 + data.length + (data.length & 1));
  chunk.write(type, 0, "latin1");
  chunk.writeUInt32LE(data.length, 4);
  chunk.set(data, 8);
  return chunk;
};

const viewOf = (source: Uint8Array): DataView => new DataView(source.buffer, source.byteOffset, source.byteLength);

const nameAt = (source: Uint8Array, at: number): string => String.fromCharCode(...source.subarray(at, at + 4));
