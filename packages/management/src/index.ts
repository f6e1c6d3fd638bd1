export { type Access, type CountryOf, decideAccess, type ManagerSettings } from "./access.ts";
export { gunzipFile, isGzip, packConfig, unpackConfig } from "./configuration/configArchive.ts";
export { type ConfigFiles, selectConfigFiles } from "./configuration/configFileNames.ts";
export { hashConfigFiles } from "./configuration/configHash.ts";
export type * from "./configuration/contract.ts";
export * from "./contract.ts";
export type * from "./explanation.ts";
export type { GraphQuestion } from "./graphs/question.ts";
export type * from "./logQuery.ts";
export {
  type CacheResourceReport,
  COLD_FILE_BOUNDS_SECONDS,
  type ColdFileReport,
  type HardwareReport,
  type ProcessorReport,
} from "./machine.ts";
export { createManagementServer, type ManagementServer, type ManagementServerOptions } from "./server.ts";
export { controlSocketPath } from "./socketPath.ts";
export type { StatisticsAnswer, StatisticsQuestion } from "./statisticsQuestion.ts";
