import { join } from "node:path";
import type { EdgeConfig } from "@basalt/config";
import type { LogQueryOutcome, LogQueryQuestion } from "@basalt/management";
import type { QuerySource } from "@basalt/telemetry/log-query";
import { configuredLogs } from "./logPlans.ts";
import type { LogQueries } from "./logQueries.ts";

const INFO_LOG = "info";
const LIMIT_MS = 30_000;

const sourcesOf = ({ log, vhost }: LogQueryQuestion, config: EdgeConfig, home: string): readonly QuerySource[] => {
  if (log === INFO_LOG) {
    return [{ vhost: "", kind: INFO_LOG, folder: join(home, "log"), form: "", currentFile: `${INFO_LOG}.log` }];
  }
  const plans = configuredLogs(config, home).map(({ plan }) => plan);
  return plans
    .filter(({ kind, vhost: name }) => kind === log && (vhost === undefined || name === vhost))
    .map(({ vhost: name, kind, folder, form }) => ({ vhost: name, kind, folder, form }));
};

/** AWS-88. */
export const queryLogs = async (
  question: LogQueryQuestion,
  config: EdgeConfig,
  home: string,
  queries: Pick<LogQueries, "run">,
): Promise<LogQueryOutcome> => {
  const { query, fromMs, toMs } = question;
  const sources = sourcesOf(question, config, home);
  return (await queries.run({ query, sources, fromMs, toMs, limitMs: LIMIT_MS })) ?? { kind: "busy" };
};
