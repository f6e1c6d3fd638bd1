import type { BlockCounters } from "../system/blockDevices.ts";
import type { DiskFacts } from "./facts.ts";
import { attribute, type Field, fact, LEVEL } from "./field.ts";

/** A device that was replaced begins anew: nothing has grown then. */
const grown = (name: string, counter: keyof BlockCounters, unit: string, doc: string): Field<DiskFacts> =>
  attribute(
    name,
    unit,
    fact("/proc/diskstats", ({ now, before }) => Math.max(0, now[counter] - before[counter])),
    doc,
  );

/** Of one disk: what its block device did within the time (STAT-47). */
export const DISK_FIELDS: readonly Field<DiskFacts>[] = [
  attribute(
    "Path",
    "text",
    fact("configuration", ({ path }) => path),
    "The disk as configured.",
  ),
  attribute(
    "Status",
    "text",
    fact("store", ({ status }) => status),
    "Normal, Invalid or Unmounted.",
  ),
  grown("Read", "reads", "count", "Reads."),
  grown("ReadMerged", "readsMerged", "count", "Reads that were merged with others."),
  grown("ReadSectors", "readSectors", "sectors", "Sectors of 512 bytes read."),
  grown("ReadTime", "readMs", "ms", "Time of reads."),
  grown("Write", "writes", "count", "Writes."),
  grown("WriteMerged", "writesMerged", "count", "Writes that were merged with others."),
  grown("WriteSectors", "writeSectors", "sectors", "Sectors written."),
  grown("WriteTime", "writeMs", "ms", "Time of writes."),
  attribute(
    "IOProgress",
    LEVEL,
    fact("/proc/diskstats", ({ now }) => now.inProgress),
    "Reads and writes under way.",
  ),
  grown("IOTime", "busyMs", "ms", "Time with any under way."),
  grown("IOWeightedTime", "weightedMs", "ms", "The same, each of them counted."),
];
