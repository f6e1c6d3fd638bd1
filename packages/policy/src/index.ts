export { type CorsRules, compileCors, withCors } from "./accessCors.ts";
export { type AccessDecision, type AccessList, compileAccessList } from "./accessList.ts";
export { compilePathPatterns } from "./accessPaths.ts";
export { compileServiceAccess, type ServiceAccess, type ServiceAccessDecision } from "./accessService.ts";
export {
  compileSignedUrls,
  type SignatureDecision,
  type SignatureVerdict,
  type SignedScope,
  type SignedUrls,
  signScope,
} from "./accessSignature.ts";
export { type AddressTable, type CountryLookup, compileAddressTable } from "./addressTable.ts";
export {
  compileMethodRules,
  isNoCacheRequest,
  type MethodDecision,
  type MethodReason,
  type MethodRules,
} from "./bypass.ts";
export { bypassOriginOf } from "./bypassOrigin.ts";
export { compileKeyRules, type KeyRules, originFormOf, type Variant } from "./cacheKey.ts";
export { type CacheStatus, cacheStatusMember, type ForwardReason } from "./cacheStatus.ts";
export { compileCachingRules } from "./cachingRules.ts";
export {
  ageOnArrival,
  type ClientFieldOptions,
  clientEtag,
  currentAge,
  etagMarkOf,
  generatedEtag,
  type ProductIdentity,
  selectClientFields,
  viaValue,
} from "./clientFields.ts";
export { type ClientRewriter, compileClientRewriter, type RewrittenRequest, withHostField } from "./clientRewrite.ts";
export {
  type CompressionDecision,
  type CompressionRules,
  type CompressionSource,
  compileCompression,
  compressedFields,
  isEncoded,
  withVaryOnEncoding,
} from "./compression.ts";
export {
  type ConditionalFields,
  type ConditionalOutcome,
  decideConditional,
  type SelectedRepresentation,
} from "./conditional.ts";
export { type ConditionMatcher, type ConditionRequest, compileCondition, requestOfUrl } from "./conditions.ts";
export {
  type ConnectionDecision,
  type ConnectionOptions,
  type ConnectionRules,
  compileConnectionRules,
} from "./connection.ts";
export {
  bestCompression,
  type CodingChoice,
  codingsOf,
  compileCodingChoice,
  compressionMark,
  NO_CODINGS,
} from "./contentCodings.ts";
export type {
  CachingRules,
  CustomTtl,
  PassReason,
  RequestFacts,
  ResponseFacts,
  ReuseDecision,
  StorageDecision,
  TtlDecision,
  TtlSource,
  UpdatedFields,
} from "./contract.ts";
export { compileDerivations } from "./derivation/compileDerivations.ts";
export * from "./derivation/contract.ts";
export { derivedFields } from "./derivation/derivedFields.ts";
export { compileStoredUrls } from "./derivation/storedUrls.ts";
export type * from "./dims/contract.ts";
export { signCommands } from "./dims/signedCommands.ts";
export {
  type DiskFailureLimit,
  type DiskFailureVerdict,
  type DiskHealth,
  type DiskLossDecision,
  decideDiskLoss,
  judgeDiskFailure,
} from "./disks.ts";
export { decideEmergency, type EmergencyDecision, type EmergencyFacts, type MemoryUse } from "./emergency.ts";
export { compileExpiresRules, type ExpiresDecision, type ExpiresRules, type ExpiringContent } from "./expiresRules.ts";
export type {
  ExplainedOutcome,
  ExplainFact,
  ExplainQuestion,
  ExplainState,
  ExplainStep,
  Explanation,
  LookupView,
  OriginAddressView,
  StoredView,
  WorkerView,
} from "./explain/contract.ts";
export { type ExplainSubject, type ExplainWorld, explainRequest, explainSubjectOf } from "./explain/explain.ts";
export { type Understanding, type UnderstoodRequest, understandRequest } from "./explain/understand.ts";
export { requestFacts, responseFacts } from "./facts.ts";
export { type FillingRequest, fillRequestFields } from "./fillFields.ts";
export {
  compileCustomTtl,
  decideRenewal,
  decideRevalidation,
  decideTtl,
  decideUnvalidatable,
  extendTtl,
  failureTtl,
  growthRowOf,
  isNoCacheAnswer,
  type TtlOptions,
} from "./freshness.ts";
export { asFirstPart, asWhole, FULL_RANGE_FIELDS, firstPartFields } from "./fullRange.ts";
export { compileGlob, matchesGlob, type TextMatcher } from "./glob.ts";
export { compileHeaderRules, type HeaderRules, type ResponseRuleFacts } from "./headerRules.ts";
export { invalidatedUrls, isSafeMethod, type RequestTarget, sameOriginUrl } from "./invalidation.ts";
export { type MemoryPlan, type MemoryPlanInput, planMemory, planTierBytes } from "./memoryPlan.ts";
export { canonicalQuery, type NoVarySearch, parseNoVarySearch } from "./noVarySearch.ts";
export {
  bypassRequestFields,
  cacheRequestFields,
  type OriginRequestClient,
  probeRequestFields,
  proxiedRequestFields,
  validatorFields,
} from "./originRequest.ts";
export {
  canStoreInParts,
  judgePart,
  type PartVerdict,
  partRequestFields,
  type Representation,
  rangeFieldOf,
} from "./parts.ts";
export { compileBodySensitivity, compilePostSelector, type PostSelector } from "./postKey.ts";
export { isPublicAddress } from "./publicAddress.ts";
export {
  decidePurge,
  type PurgeHost,
  type PurgeOptions,
  type PurgeTarget,
  type PurgeVerb,
  parsePurgeTargets,
} from "./purge.ts";
export { decideRange, MAX_RANGES, type RangeDecision } from "./range.ts";
export {
  allowedAddresses,
  decideRedirect,
  type FollowedRedirect,
  fieldsForElsewhere,
  type RedirectedRequest,
} from "./redirection.ts";
export { compileRequestSelection, type RequestSelector } from "./requestSelection.ts";
export { selectorOf } from "./selector.ts";
export { withheldFields } from "./sharedFields.ts";
export { stickySetCookie, stickyTokenOf } from "./stickyCookie.ts";
export { selectStoredFields, updateStoredFields } from "./storedFields.ts";
export { compileSubPaths, followSubPaths, type SubPathStation, type SubPaths } from "./subPaths.ts";
export { TAGS_FIELD, tagsIn, withoutTagFields, withTags } from "./tags.ts";
export {
  compileThrottling,
  isMediaPath,
  type Pace,
  paceOf,
  type Throttle,
  type ThrottlingRules,
} from "./throttling.ts";
export { divideTraffic, type TrafficDemand, type TrafficLimits, trafficLimitsOf } from "./trafficCap.ts";
export { compileUrlRewrites } from "./urlRewrite.ts";
export { meetsLinkCondition, type OriginAnswer } from "./vhostLink.ts";
export { compileVhostTable, compileVhostTableInSteps, HTTPS_PORTS, hostNameOf, type VhostTable } from "./vhostTable.ts";
export { webSocketUrl } from "./webSocketUrl.ts";
