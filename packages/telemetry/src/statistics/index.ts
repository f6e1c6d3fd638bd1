export { type AlarmState, type AlarmTerms, AlarmWatch } from "./alarm.ts";
export { type CatalogField, STATISTICS_CATALOG } from "./catalog.ts";
export type { JsonObject } from "./document.ts";
export { SIZE_CLASSES, type StoredFileFacts, sizeClassOf } from "./facts.ts";
export type { MetricName, MetricReport, MetricSet, MetricStatistics } from "./metricStatistics.ts";
export { OTHER_ORIGINS } from "./originCounters.ts";
export { renderStatisticsReference } from "./reference.ts";
export { reportJson, reportXml, type StatisticsReport } from "./report.ts";
export type { ServiceFigures, ServiceMap, ServiceNode } from "./serviceMap.ts";
export {
  formatMoment,
  Statistics,
  type StatisticsParts,
  type StatisticsSpan,
  type StatisticsView,
} from "./statistics.ts";
export type { VhostSubject } from "./subjects.ts";
