import { LENT_BYTES } from "../limits.ts";

/**
 * Blocks that are read to be verified at a time: twice as many as threads that read. Whoever comes later waits for a
 * buffer, so what all of them take is bounded and nothing of it is left to the garbage collector.
 */
export const BLOCKS_AT_A_TIME = 8;

const spareBlocks: Buffer[] = [];
const waiting: ((buffer: Buffer) => void)[] = [];
let made = 0;

const takeBlock = (): Buffer | Promise<Buffer> => {
  const spare = spareBlocks.pop();
  if (spare !== undefined) return spare;
  if (made >= BLOCKS_AT_A_TIME) return new Promise((resolve) => waiting.push(resolve));
  made += 1;
  return Buffer.allocUnsafeSlow(LENT_BYTES);
};

const giveBlock = (buffer: Buffer): void => {
  const next = waiting.shift();
  if (next === undefined) spareBlocks.push(buffer);
  else next(buffer);
};

/** Lends a buffer of LENT_BYTES for as long as the work takes; the work must not ask for another. */
export const withBlock = async <Result>(work: (buffer: Buffer) => Promise<Result>): Promise<Result> => {
  const buffer = await takeBlock();
  try {
    return await work(buffer);
  } finally {
    giveBlock(buffer);
  }
};
