import type { Control } from "./contract.ts";
import type { Route } from "./route.ts";
import { ACCESS_ROUTES } from "./routes/access.ts";
import { ALARM_ROUTES } from "./routes/alarms.ts";
import { CONF_ROUTES } from "./routes/conf.ts";
import { controlRoutes } from "./routes/control.ts";
import { EXPLAIN_ROUTES } from "./routes/explain.ts";
import { GRAPH_ROUTES } from "./routes/graphs.ts";
import { INVALIDATION_ROUTES } from "./routes/invalidations.ts";
import { LIFECYCLE_ROUTES } from "./routes/lifecycle.ts";
import { LOG_PATTERN_ROUTES } from "./routes/logPattern.ts";
import { LOG_QUERY_ROUTES } from "./routes/logQuery.ts";
import { LOG_TRACE_ROUTES } from "./routes/logTrace.ts";
import { MACHINE_ROUTES } from "./routes/machine.ts";
import { METRIC_STATISTICS_ROUTES } from "./routes/metricStatistics.ts";
import { MONITORING_ROUTES } from "./routes/monitoring.ts";
import { ORIGIN_ROUTES } from "./routes/origin.ts";
import { PASSWORD_ROUTES } from "./routes/password.ts";
import { PURGE_ROUTES } from "./routes/purge.ts";
import { SERVICE_MAP_ROUTES } from "./routes/serviceMap.ts";
import { SSL_ROUTES } from "./routes/ssl.ts";
import { STATISTICS_ROUTES } from "./routes/statistics.ts";
import { STORE_ROUTES } from "./routes/store.ts";

/** What everybody may ask for who may ask at all. */
export const PUBLIC_ROUTES: readonly Route[] = [
  ...MONITORING_ROUTES,
  ...STATISTICS_ROUTES,
  ...SERVICE_MAP_ROUTES,
  ...METRIC_STATISTICS_ROUTES,
  ...GRAPH_ROUTES,
  ...ALARM_ROUTES,
  ...MACHINE_ROUTES,
  ...EXPLAIN_ROUTES,
  ...ACCESS_ROUTES,
  ...SSL_ROUTES,
  ...ORIGIN_ROUTES,
  ...LOG_PATTERN_ROUTES,
  ...LOG_QUERY_ROUTES,
  ...LOG_TRACE_ROUTES,
  ...PURGE_ROUTES,
  ...INVALIDATION_ROUTES,
  ...STORE_ROUTES,
  ...LIFECYCLE_ROUTES,
  ...CONF_ROUTES,
  ...PASSWORD_ROUTES,
];

/** Every route, in the order in which they are looked at and listed. */
export const routesOf = (control: Control): readonly Route[] => [...PUBLIC_ROUTES, ...controlRoutes(control)];
