import {
  countBlocks,
  decodeEntry,
  entryOffsetOf,
  findEntry,
  isMapHeader,
  MAP_ENTRY_BYTES,
  MAP_HEADER_BYTES,
  mapOffsetOf,
} from "./blockMap.ts";
import { BodyBlocks } from "./bodyBlocks.ts";
import { readFully } from "./fileAccess.ts";

/** Entries read at once: a whole map for bodies up to 8 GB. */
const CHUNK_ENTRIES = 32_768;

export type BlockMapReading =
  | { readonly kind: "whole"; readonly blocks: BodyBlocks; readonly damagedEntries: number }
  | { readonly kind: "damaged"; readonly reason: string };

const SHORT: BlockMapReading = { kind: "damaged", reason: "the file ends within its body or its map" };

/** Enters what `entries` say into blocks `[first, …)` that were absent; returns how many entries cannot be believed. */
const enterEntries = (blocks: BodyBlocks, entries: Buffer, first: number): number => {
  let damagedEntries = 0;
  const count = entries.length / MAP_ENTRY_BYTES;
  for (let index = findEntry(entries, 0); index < count; index = findEntry(entries, index + 1)) {
    const block = first + index;
    if (blocks.has(block)) continue;
    const checksum = decodeEntry(entries, index, blocks.file, block);
    if (checksum === "damaged") damagedEntries += 1;
    else if (checksum !== undefined) blocks.enter(block, checksum);
  }
  return damagedEntries;
};

/**
 * Looks at the entries of blocks `[first, end)` and enters those that were absent. Undefined when the file ends
 * before them, else how many cannot be believed.
 */
export const refreshBlocks = async (
  descriptor: number,
  blocks: BodyBlocks,
  first: number,
  end: number,
): Promise<number | undefined> => {
  let damagedEntries = 0;
  for (let start = first; start < end; start += CHUNK_ENTRIES) {
    const bytes = Math.min(CHUNK_ENTRIES, end - start) * MAP_ENTRY_BYTES;
    const entries = Buffer.allocUnsafe(bytes);
    const count = await readFully(descriptor, entries, 0, bytes, entryOffsetOf(blocks.bodyBytes, start));
    if (count < bytes) return undefined;
    damagedEntries += enterEntries(blocks, entries, start);
  }
  return damagedEntries;
};

/** Reads the map of a body file. Rejects with the system's errors only. */
export const readBlockMap = async (descriptor: number, file: number, bodyBytes: number): Promise<BlockMapReading> => {
  const blocks = new BodyBlocks(file, bodyBytes);
  const firstEntries = Math.min(CHUNK_ENTRIES, countBlocks(bodyBytes));
  const bytes = MAP_HEADER_BYTES + firstEntries * MAP_ENTRY_BYTES;
  const start = Buffer.allocUnsafe(bytes);
  const count = await readFully(descriptor, start, 0, bytes, mapOffsetOf(bodyBytes));
  if (count < bytes) return SHORT;
  if (!isMapHeader(start.subarray(0, MAP_HEADER_BYTES), file, bodyBytes)) {
    return { kind: "damaged", reason: "no map of this body lies behind it" };
  }
  let damagedEntries = enterEntries(blocks, start.subarray(MAP_HEADER_BYTES), 0);
  if (firstEntries < blocks.blockCount) {
    const others = await refreshBlocks(descriptor, blocks, firstEntries, blocks.blockCount);
    if (others === undefined) return SHORT;
    damagedEntries += others;
  }
  return { kind: "whole", blocks, damagedEntries };
};
