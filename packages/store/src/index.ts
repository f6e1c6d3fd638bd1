export { type BodyStoreSettings, openBodyStore } from "./bodies/bodyStore.ts";
export type { DiskSetting } from "./bodies/diskSet.ts";
export * from "./contract.ts";
export { computeCacheKey } from "./diskIndex/cacheKey.ts";
export { openDiskIndexReader } from "./diskIndex/reader.ts";
export { type DiskIndexContext, openDiskIndexWriter } from "./diskIndex/writer.ts";
export { BLOCK_BYTES, HEAD_LIMIT_BYTES, PACKED_BODY_LIMIT_BYTES, QUICK_RECORD_BYTES } from "./limits.ts";
export { createMemoryTier, type MemoryTier, TIER_ENTRY_OVERHEAD_BYTES } from "./memoryTier/memoryTier.ts";
export type { FileSystemRoom } from "./space/fileSystemRoom.ts";
export {
  createSpaceKeeper,
  type DiskUse,
  KEEPER_WRITER,
  type SpaceKeeper,
  type SpaceKeeperSettings,
} from "./space/spaceKeeper.ts";
export type { ReportProblem } from "./storeProblem.ts";
