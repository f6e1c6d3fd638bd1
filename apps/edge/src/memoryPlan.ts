import { totalmem } from "node:os";
import type { EdgeConfig } from "@basalt/config";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** Memory of the server itself before contents, and of one prepared client session (OPT-03). */
const BASE_BYTES = 140 * MIB;
const SESSION_BYTES = 20 * 1024;

/** Bytes for contents on this host by the plan of spec 20.1 (OPT-01 to OPT-03, OPT-15 to OPT-17). */
export const contentMemoryBytes = (
  settings: Pick<EdgeConfig["server"]["cache"], "systemMemoryRatio" | "contentMemoryRatio" | "systemFreeMemoryRatio">,
  physicalBytes: number = totalmem(),
): number => {
  const ramBytes = (physicalBytes * settings.systemMemoryRatio) / 100;
  const freeBytes = (ramBytes * Math.min(40, settings.systemFreeMemoryRatio)) / 100;
  const sessions = sessionsFor(ramBytes);
  const ownBytes = ramBytes - freeBytes - BASE_BYTES - sessions * SESSION_BYTES;
  return Math.max(16 * MIB, Math.floor((ownBytes * settings.contentMemoryRatio) / 100));
};

const sessionsFor = (ramBytes: number): number => {
  if (ramBytes < 1.5 * GIB) return 5_000;
  if (ramBytes < 3 * GIB) return 10_000;
  return ramBytes < 6 * GIB ? 20_000 : 30_000;
};

/**
 * Share of one worker's memory tier. Half of the content memory belongs to the tiers (small hot objects, a copy in
 * each worker), half to the page cache or tmpfs, which all workers share.
 */
export const memoryTierBytes = (config: EdgeConfig, workers: number): number =>
  Math.floor(contentMemoryBytes(config.server.cache) / 2 / Math.max(1, workers));
