import { join } from "node:path";
import type { EdgeConfig } from "@basalt/config";
import type { ConfiguredDisk } from "@basalt/store";
import { contentMemoryBytes } from "./memoryPlan.ts";

/** Folders for bodies: the configured disks, or in memory-only mode (OPT-05) one folder on tmpfs. */
export const configuredDisksOf = (config: EdgeConfig): readonly ConfiguredDisk[] => {
  const { storage, memoryPath } = config.server.cache;
  return isMemoryOnly(config) ? [{ path: memoryPath, quotaBytes: memoryQuotaBytes(config) }] : storage.disks;
};

export const isMemoryOnly = (config: EdgeConfig): boolean => config.server.cache.storage.disks.length === 0;

/** The index lies on the program's disk; in memory-only mode beside the bodies, whose life it shares. */
export const indexPathOf = (config: EdgeConfig, home: string): string =>
  isMemoryOnly(config) ? join(config.server.cache.memoryPath, "index.sqlite") : join(home, "data", "index.sqlite");

/** The other half of the content memory is the workers' own tiers. */
const memoryQuotaBytes = (config: EdgeConfig): number => Math.floor(contentMemoryBytes(config) / 2);
