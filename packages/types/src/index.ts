export { CACHE_RESULTS, type CacheResult, HIT_RESULTS } from "./cacheResult.ts";
export { AdjustableClock, type Clock, systemClock } from "./clock.ts";
export { EdgeError, ERROR_CODES, type ErrorCode, type ErrorSide, type ErrorTraits } from "./errors.ts";
export { unreachable } from "./never.ts";
export { formatProblem, type Problem } from "./problem.ts";
export { PRODUCT_NAME, PRODUCT_VERSION } from "./product.ts";
export {
  addSeconds,
  type Bytes,
  bytes,
  type EpochMs,
  epochMs,
  type Milliseconds,
  type MonotonicMs,
  milliseconds,
  monotonicMs,
  type Seconds,
  seconds,
  secondsToMs,
} from "./units.ts";
