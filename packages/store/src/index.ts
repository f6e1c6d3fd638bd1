export { ArrivedBlocks } from "./bodies/arrivedBlocks.ts";
export { type BodyStoreSettings, openBodyStore } from "./bodies/bodyStore.ts";
export { isGone } from "./bodies/diskFaults.ts";
export { objectPath } from "./bodies/diskPaths.ts";
export * from "./contract.ts";
export { computeCacheKey } from "./diskIndex/cacheKey.ts";
export type { Indexing, IndexingSettings } from "./diskIndex/openDatabase.ts";
export { type DiskIndexReaderOptions, openDiskIndexReader } from "./diskIndex/reader.ts";
export { type DiskIndexContext, openDiskIndexWriter } from "./diskIndex/writer.ts";
export { openDiskRegistry } from "./disks/diskRegistry.ts";
export type * from "./disks/registryContract.ts";
export {
  BLOCK_BYTES,
  BODY_FILE_LIMIT_BYTES,
  HEAD_LIMIT_BYTES,
  PACKED_BODY_LIMIT_BYTES,
  QUICK_RECORD_BYTES,
  STRETCH_BYTES,
} from "./limits.ts";
export { createMemoryTier, type MemoryTier, TIER_ENTRY_OVERHEAD_BYTES } from "./memoryTier/memoryTier.ts";
export { type RecoveredTails, recoverTails, type TailRecovery } from "./recovery/recoverTails.ts";
export {
  openSeriesStore,
  type SeriesRecord,
  type SeriesStep,
  type SeriesStore,
  type SeriesStoreSettings,
} from "./series/seriesStore.ts";
export { isWorthless } from "./space/accessJudgement.ts";
export type { CleanupReport, CleanupSettings } from "./space/cleanup.ts";
export { nextCleanupAt } from "./space/cleanupTime.ts";
export type { FileSystemRoom } from "./space/fileSystemRoom.ts";
export { type DiskUse, KEEPER_WRITER, type SpaceKeeper, type SpaceKeeperSettings } from "./space/keeperContract.ts";
export type { SpaceCounters } from "./space/spaceContext.ts";
export { createSpaceKeeper } from "./space/spaceKeeper.ts";
export type { ReportProblem } from "./storeProblem.ts";
