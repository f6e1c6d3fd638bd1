import type { Movie } from "./contract.ts";
import { IndexedTrack } from "./indexedTrack.ts";
import { IndexReader } from "./memory.ts";

/** What `indexMovie` wrote, without copying: views of the same memory. Cheap enough to be done for every use. */
export const openMovie = (memory: ArrayBufferLike): Movie => {
  const reader = new IndexReader(memory);
  const fileBytes = reader.number();
  const isFragmented = reader.number() === 1;
  const isTruncated = reader.number() === 1;
  const range = { start: reader.number(), end: reader.number() };
  const timescale = reader.number();
  const durationSeconds = reader.number();
  const firstMediaByte = reader.number();
  const fileType = reader.bytes();
  const bytes = reader.bytes();
  const trackCount = reader.number();
  const tracks = Array.from({ length: trackCount }, (_, position) => new IndexedTrack(reader, position, bytes));
  return {
    fileBytes,
    fileType: fileType.length === 0 ? undefined : fileType,
    isFragmented,
    isTruncated,
    header: { range, bytes },
    firstMediaByte,
    timescale,
    durationSeconds,
    tracks,
  };
};
