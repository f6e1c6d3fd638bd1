export { type AlarmState, type AlarmTerms, AlarmWatch } from "./alarm.ts";
export { type CatalogField, STATISTICS_CATALOG } from "./catalog.ts";
export { DISK_FIELDS } from "./diskFields.ts";
export type { JsonObject } from "./document.ts";
export {
  type DiskFacts,
  type HostFacts,
  SIZE_CLASSES,
  type StoredFileFacts,
  sizeClassOf,
  sumOfFiles,
  type VhostFacts,
} from "./facts.ts";
export type { Field } from "./field.ts";
export { NotSummedYet, type VhostGroup } from "./groupSums.ts";
export { HOST_FIELDS, SOCKET_FIELDS, SYSTEM_FIELDS } from "./hostFields.ts";
export type { MetricName, MetricReport, MetricSet, MetricStatistics } from "./metricStatistics.ts";
export { OTHER_ORIGINS } from "./originCounters.ts";
export { renderStatisticsReference } from "./reference.ts";
export { reportJson, reportXml, type StatisticsReport } from "./report.ts";
export type { ServiceFigures, ServiceMap, ServiceNode } from "./serviceMap.ts";
export {
  CLIENT_CLASSES,
  CLIENT_RECEIVED,
  CLIENT_SENT,
  type ClassSlots,
  ORIGIN_CLASSES,
  ORIGIN_RECEIVED,
  ORIGIN_SENT,
} from "./slots.ts";
export { byteHitRatio, evaluate, type FieldSource, type Figures, requestHitRatio } from "./sources.ts";
export {
  formatMoment,
  type HostMinute,
  Statistics,
  type StatisticsParts,
  type StatisticsSpan,
  type StatisticsView,
} from "./statistics.ts";
export type { VhostSubject } from "./subjects.ts";
export { TRAFFIC_FIELDS } from "./trafficFields.ts";
export { FILE_SYSTEM_FIELDS, VHOST_FIELDS } from "./vhostFields.ts";
export type { KeptFigures, StatisticsWindows } from "./windows.ts";
