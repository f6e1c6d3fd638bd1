import { BLOCK_BYTES } from "../limits.ts";

/** Blocks are verified one at a time per process in most cases: a few buffers to read them into are enough. */
const SPARE_BLOCKS = 4;
const spareBlocks: Buffer[] = [];

/** A buffer of one block, to be given back. */
export const takeBlockBuffer = (): Buffer => spareBlocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);

export const giveBlockBuffer = (buffer: Buffer): void => {
  if (spareBlocks.length < SPARE_BLOCKS) spareBlocks.push(buffer);
};
