export { compileMethodRules, isNoCacheRequest, type MethodDecision, type MethodRules } from "./bypass.ts";
export { compileKeyRules, type KeyRules, originFormOf, type Variant } from "./cacheKey.ts";
export {
  ageOnArrival,
  type ClientFieldOptions,
  clientEtag,
  currentAge,
  generatedEtag,
  type ProductIdentity,
  selectClientFields,
  viaValue,
} from "./clientFields.ts";
export {
  type CompressionRules,
  type CompressionSource,
  compileCompression,
  compressedFields,
  withVaryOnEncoding,
} from "./compression.ts";
export {
  type ConditionalFields,
  type ConditionalOutcome,
  decideConditional,
  type SelectedRepresentation,
} from "./conditional.ts";
export { type ConditionMatcher, type ConditionRequest, compileCondition } from "./conditions.ts";
export {
  type ConnectionDecision,
  type ConnectionOptions,
  type ConnectionRules,
  compileConnectionRules,
} from "./connection.ts";
export type { ResponseFacts, TtlDecision, TtlSource } from "./contract.ts";
export {
  type DiskFailureLimit,
  type DiskFailureVerdict,
  type DiskHealth,
  type DiskLossDecision,
  decideDiskLoss,
  judgeDiskFailure,
} from "./disks.ts";
export { decideEmergency, type EmergencyDecision, type EmergencyFacts, type MemoryUse } from "./emergency.ts";
export {
  type CustomTtl,
  compileCustomTtl,
  decideRenewal,
  decideRevalidation,
  decideTtl,
  decideUnvalidatable,
  extendTtl,
  failureTtl,
  growthRowOf,
  isNoCacheAnswer,
  responseFacts,
  type TtlOptions,
} from "./freshness.ts";
export { compileGlob, matchesGlob, type TextMatcher } from "./glob.ts";
export { type MemoryPlan, type MemoryPlanInput, planMemory } from "./memoryPlan.ts";
export {
  bypassRequestFields,
  cacheRequestFields,
  type OriginRequestClient,
  probeRequestFields,
  validatorFields,
} from "./originRequest.ts";
export { canStoreInParts, judgePart, type PartVerdict, type Representation, rangeFieldOf } from "./parts.ts";
export {
  decidePurge,
  type PurgeHost,
  type PurgeOptions,
  type PurgeTarget,
  type PurgeVerb,
  parsePurgeTargets,
} from "./purge.ts";
export { decideRange, MAX_RANGES, type RangeDecision } from "./range.ts";
export { selectStoredFields, updateStoredFields } from "./storedFields.ts";
export { compileVhostTable, hostNameOf, type VhostTable } from "./vhostTable.ts";
