export type {
  CounterDefinition,
  CounterKind,
  CounterSnapshot,
  DiskFigures,
  PlacedCounter,
  ProcessFigures,
} from "./contract.ts";
export { CounterAggregate, type CounterTotals } from "./counterAggregate.ts";
export { CounterBlock } from "./counterBlock.ts";
export {
  cacheResultSlot,
  clientResponseClassSlot,
  ORIGIN_FAILURE_CODES,
  originFailureSlot,
  originResponseClassSlot,
  PROCESS_COUNTERS,
  PROCESS_SLOT,
  PROCESS_SLOT_COUNT,
  portBypassEndSlot,
  REJECTION_CODES,
  RESPONSE_TIME_BOUNDS_SECONDS,
  RESPONSE_TIME_SUM_SLOT,
  rejectionSlot,
  responseTimeSlot,
  VHOST_COUNTERS,
  VHOST_SLOT,
  VHOST_SLOT_COUNT,
} from "./counterTable.ts";
export { createInfoLog, type InfoLog, type InfoLogOptions } from "./infoLog.ts";
