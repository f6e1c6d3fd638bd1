import { totalmem } from "node:os";
import type { EdgeConfig } from "@basalt/config";
import { type MemoryPlan, planMemory, planTierBytes } from "@basalt/policy";

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

/** Share of one worker's memory tier. */
export const memoryTierBytes = (config: EdgeConfig, workers: number, physicalBytes?: number): number =>
  planTierBytes(contentPlan(config, physicalBytes), workers);
