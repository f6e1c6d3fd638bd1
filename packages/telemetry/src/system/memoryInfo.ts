import { readPairs, wholeNumber } from "./procText.ts";

/** /proc/meminfo in bytes. */
export interface MemoryInfo {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** What programs can still get without swapping; estimated for kernels before 3.14, which do not tell. */
  readonly availableBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
}

export const parseMemoryInfo = (text: string): MemoryInfo => {
  const pairs = readPairs(text);
  const bytes = (name: string): number => wholeNumber(/^(\d+)( kB)?$/.exec(pairs.get(name) ?? "")?.[1]) * 1024;
  const freeBytes = bytes("MemFree");
  return {
    totalBytes: bytes("MemTotal"),
    freeBytes,
    availableBytes: pairs.has("MemAvailable") ? bytes("MemAvailable") : freeBytes + bytes("Buffers") + bytes("Cached"),
    swapTotalBytes: bytes("SwapTotal"),
    swapFreeBytes: bytes("SwapFree"),
  };
};
