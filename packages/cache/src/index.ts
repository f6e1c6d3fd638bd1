export type { BodySource } from "./bodySource.ts";
export { CachedObject, type PreparedResponse } from "./cachedObject.ts";
export {
  BLOCK_SPACE,
  type CacheVhost,
  SPACES_PER_VHOST,
  VARIANT,
  VARIANT_NAMES,
  type Variant,
  VhostRegistry,
} from "./cacheVhost.ts";
export { type CoordinatorParts, ObjectCoordinator, type WorkerChannel } from "./coordinator.ts";
export { hitResult, ObjectCache, type ObjectCacheParts, type Obtained, type ObtainRequest } from "./objectCache.ts";
export type * from "./protocol.ts";
export { decodeHead, encodeHead, lastModifiedOf, type StoredHead } from "./storedHead.ts";
export type { TierEntry } from "./tierEntry.ts";
