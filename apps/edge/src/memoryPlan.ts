import { totalmem } from "node:os";
import type { EdgeConfig } from "@basalt/config";
import { type MemoryPlan, planMemory } from "@basalt/policy";

/** The plan of spec 20.1 for this host (OPT-01). */
export const contentPlan = (config: EdgeConfig, physicalBytes: number = totalmem()): MemoryPlan => {
  const { systemMemoryRatio, contentMemoryRatio, systemFreeMemoryRatio, httpClientSession } = config.server.cache;
  return planMemory({
    physicalBytes,
    systemMemoryRatio,
    contentMemoryRatio,
    systemFreeMemoryRatio,
    sessions: httpClientSession.init,
  });
};

export const contentMemoryBytes = (config: EdgeConfig): number => contentPlan(config).contentBytes;

/**
 * Share of one worker's memory tier. Half of the content memory belongs to the tiers (small hot objects, a copy in
 * each worker), half to the page cache or tmpfs, which all workers share.
 */
export const memoryTierBytes = (config: EdgeConfig, workers: number): number =>
  Math.floor(contentMemoryBytes(config) / 2 / Math.max(1, workers));
