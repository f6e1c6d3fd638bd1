export { HISTORY_METRICS, type HistoryPoint, type PointValue, readMetric } from "./historyMetrics.ts";
export { compileMetricMath, type MathOutcome } from "./metricMath.ts";
export { type CountName, MetricRecord } from "./metricRecord.ts";
export {
  type HistoryQuestion,
  type KeptHistory,
  type KeptRecord,
  type MetricSeries,
  pointsOf,
  seriesOf,
  valuesOf,
  writeLabel,
} from "./metricSeries.ts";
