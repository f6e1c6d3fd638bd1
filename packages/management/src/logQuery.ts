import type { LogQueryReport } from "@basalt/telemetry/log-query";

/** Logs whose files can be asked. */
export const QUERIED_LOGS = [
  "access",
  "accessextra",
  "origin",
  "monitoring",
  "dns",
  "filesystem",
  "detail",
  "trace",
  "info",
  "deny",
  "originerror",
] as const;
export type QueriedLog = (typeof QUERIED_LOGS)[number];

/** AWS-88: a question to the files of a log. */
export interface LogQueryQuestion {
  readonly log: QueriedLog;
  /** Undefined: those of all hosts, where each host has one. */
  readonly vhost: string | undefined;
  /** A sound one, as `parseQuery` of the package telemetry takes it. */
  readonly query: string;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

export type LogQueryOutcome =
  | { readonly kind: "answer"; readonly report: LogQueryReport }
  /** It takes too long, or too much memory. */
  | { readonly kind: "tooMuch"; readonly message: string }
  /** Others are under way. */
  | { readonly kind: "busy" };
