export interface ByteRange {
  readonly first: number;
  /** Included. */
  readonly last: number;
}

/** Bytes of all blocks of a body that at least one of the ranges touches; the last block may be shorter. */
export function blockUnionBytes(ranges: Iterable<ByteRange>, bodyBytes: number, blockBytes: number): number {
  const blocks = new Set<number>();
  for (const { first, last } of ranges) {
    for (let block = Math.floor(first / blockBytes); block * blockBytes <= last; block++) blocks.add(block);
  }
  let bytes = 0;
  for (const block of blocks) bytes += Math.min(blockBytes, bodyBytes - block * blockBytes);
  return bytes;
}
