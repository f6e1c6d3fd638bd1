import { wholeNumber, wordsOf } from "./procText.ts";

/** The eleven counters of a block device, in the order of /proc/diskstats; all grow but `inProgress`. */
export interface BlockCounters {
  readonly reads: number;
  readonly readsMerged: number;
  /** Of 512 bytes, whatever the device has. */
  readonly readSectors: number;
  readonly readMs: number;
  readonly writes: number;
  readonly writesMerged: number;
  readonly writeSectors: number;
  readonly writeMs: number;
  readonly inProgress: number;
  readonly busyMs: number;
  readonly weightedMs: number;
}

export interface BlockDevice extends BlockCounters {
  readonly major: number;
  readonly minor: number;
  readonly name: string;
}

export const NO_BLOCK_COUNTERS: BlockCounters = Object.freeze({
  reads: 0,
  readsMerged: 0,
  readSectors: 0,
  readMs: 0,
  writes: 0,
  writesMerged: 0,
  writeSectors: 0,
  writeMs: 0,
  inProgress: 0,
  busyMs: 0,
  weightedMs: 0,
});

const COLUMNS = 11;
/** What partitions had before kernel 2.6.25: reads, sectors read, writes, sectors written. */
const OLD_PARTITION_COLUMNS = 4;

const countersOf = (words: readonly string[]): BlockCounters | undefined => {
  const at = (column: number): number => wholeNumber(words[column]);
  if (words.length === OLD_PARTITION_COLUMNS) {
    return { ...NO_BLOCK_COUNTERS, reads: at(0), readSectors: at(1), writes: at(2), writeSectors: at(3) };
  }
  if (words.length < COLUMNS) return undefined;
  return {
    reads: at(0),
    readsMerged: at(1),
    readSectors: at(2),
    readMs: at(3),
    writes: at(4),
    writesMerged: at(5),
    writeSectors: at(6),
    writeMs: at(7),
    inProgress: at(8),
    busyMs: at(9),
    weightedMs: at(10),
  };
};

/** /proc/diskstats; what newer kernels write behind the eleven counters is left out. */
export const parseBlockDevices = (text: string): readonly BlockDevice[] =>
  text.split("\n").flatMap((line) => {
    const [major = "", minor = "", name = "", ...rest] = wordsOf(line);
    const counters = countersOf(rest);
    if (counters === undefined || !/^\d+$/.test(major) || !/^\d+$/.test(minor)) return [];
    return [{ major: Number(major), minor: Number(minor), name, ...counters }];
  });
