export { type BlockScope, blockKey } from "./blockKey.ts";
export {
  type ClientTls,
  type ClientTransaction,
  LineMemo,
  type RecordedHeads,
  type RequestFields,
  type TraceIdentity,
} from "./clientTransaction.ts";
export type {
  CounterDefinition,
  CounterKind,
  CounterReport,
  DiskFigures,
  PlacedCounter,
  ProcessFigures,
} from "./contract.ts";
export { CounterAggregate, type CounterTotals } from "./counterAggregate.ts";
export { CounterBlock } from "./counterBlock.ts";
export {
  cacheResultSlot,
  classIndexOf,
  clientResponseClassSlot,
  HUNDREDTHS_PER_SECOND,
  ORIGIN_FAILURE_CODES,
  ORIGIN_SERVER_SLOT,
  ORIGIN_SERVER_SLOT_COUNT,
  originFailureSlot,
  originOutcomeSlot,
  originResponseClassSlot,
  outcomeOf,
  PROCESS_COUNTERS,
  PROCESS_SLOT,
  PROCESS_SLOT_COUNT,
  portBypassEndSlot,
  REJECTION_CODES,
  rejectionSlot,
  SERVICE_OUTCOMES,
  type ServiceOutcome,
  SNMP_OUTCOMES,
  type SnmpOutcome,
  snmpSlot,
  TIME_BOUNDS_SECONDS,
  type TlsFailure,
  TRAFFIC_SLOT_COUNT,
  timeBucketOf,
  tlsFailureSlot,
  tlsHandshakeSlot,
  traceDropSlot,
  VHOST_COUNTERS,
  VHOST_SLOT,
  VHOST_SLOT_COUNT,
} from "./counterTable.ts";
export {
  createInfoLog,
  type InfoLog,
  type InfoLogFile,
  type InfoLogOptions,
  type InfoLogSettings,
} from "./infoLog.ts";
export {
  LogMetricAggregate,
  type LogMetricCounts,
  type LogMetricDefinition,
  type LogMetricSeries,
} from "./logMetrics.ts";
export * from "./metricHistory/index.ts";
export { readableStack } from "./readableStack.ts";
export { type MarkedRequest, markRequest } from "./requestMark.ts";
export { folderOf } from "./statistics/folderCounters.ts";
export * from "./statistics/index.ts";
export * from "./tracing/index.ts";
