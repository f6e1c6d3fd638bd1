import type { LogQueryReport, LogQuestion } from "@basalt/telemetry/log-query";

/** A subscription as the process that reads logs needs it. Plain data. */
export interface FollowedLog {
  /** Names it in the info log. */
  readonly title: string;
  /** Id of the log. */
  readonly log: string;
  readonly folder: string;
  readonly kind: string;
  readonly form: string;
  /** Names the subscription: the same one has the same folder. */
  readonly spoolFolder: string;
  readonly spoolBytes: number;
  readonly sinceMs: number;
  readonly pattern: string;
  readonly url: string;
  readonly source: {
    readonly owner: string;
    readonly logGroup: string;
    readonly logStream: string;
    readonly subscription: string;
  };
  readonly mostEvents: number;
  readonly waitMs: number;
}

export type QueryOutcome =
  | { readonly kind: "answer"; readonly report: LogQueryReport }
  /** It would have taken too long, or too much memory. */
  | { readonly kind: "tooMuch"; readonly message: string };

/** What has happened since the last report. */
export interface FollowCounts {
  readonly delivered: number;
  readonly dropped: number;
  readonly failedCalls: number;
  /** Disk space of what has not been taken, now. */
  readonly spoolBytes: number;
}

/** What the process that reads logs offers to the primary. */
export interface LogHostService {
  readonly calls: {
    /** The subscriptions from now on, all of them; what is left of others is deleted. */
    readonly follow: { readonly request: readonly FollowedLog[]; readonly reply: boolean };
    readonly stop: { readonly request: true; readonly reply: boolean };
    readonly query: { readonly request: LogQuestion; readonly reply: QueryOutcome };
  };
  readonly events: {
    /** Lines have come into these logs; none named: perhaps into any. */
    readonly written: { readonly logs: readonly string[] };
  };
}

export interface LogHostOwner {
  readonly calls: {
    /** Whether lines may still come into a file that is not the newest of its log. */
    readonly mayGrow: { readonly request: { readonly path: string }; readonly reply: boolean };
  };
  readonly events: {
    readonly counted: FollowCounts;
    readonly said: { readonly level: "notice" | "warning"; readonly text: string };
  };
}
