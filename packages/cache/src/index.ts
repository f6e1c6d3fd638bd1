export type { BodySource, FileRun } from "./bodySource.ts";
export { CachedObject, type PreparedResponse, type ResponseHead } from "./cachedObject.ts";
export {
  BLOCK_SPACE,
  type CacheVhost,
  SPACES_PER_VHOST,
  VARIANT,
  VARIANT_NAMES,
  type Variant,
  VhostRegistry,
} from "./cacheVhost.ts";
export {
  type CoordinatorParts,
  ObjectCoordinator,
  type ObjectUse,
  type WorkerChannel,
} from "./coordinator.ts";
export type { Derivations, DerivationWait, Derived, DerivedFrom, DerivedRequest } from "./derivations.ts";
export { type EmergencyChange, EmergencyState, type HostState } from "./emergencyState.ts";
export type { InvalidationJournal, InvalidationRequest } from "./hostInvalidations.ts";
export { FIRST_PART_BYTES, PASSING_ROOM_BYTES } from "./limits.ts";
export { type ContentMemoryUse, MemoryBudget, type MemoryBudgetParts, type PinnedVisitor } from "./memoryBudget.ts";
export { hitResult, ObjectCache, type ObjectCacheParts, type Obtained, type ObtainRequest } from "./objectCache.ts";
export { derivedSelector, keyOfName, nameOf, selectorIn, sourceUrlOf, variantText } from "./objectName.ts";
export { exactly, originWith, type PartedBody, type PartOrigin } from "./parts/partedBody.ts";
export type { PartView } from "./parts/partView.ts";
export type * from "./protocol.ts";
export { followRedirects, type RedirectParts } from "./redirects.ts";
export { type FieldGetter, isSelected, selectorFor } from "./selection.ts";
export { createStaleLog, type StaleLog } from "./staleLog.ts";
export { decodeHead, encodeHead, lastModifiedOf, type StoredHead } from "./storedHead.ts";
export type { TierEntry } from "./tierEntry.ts";
