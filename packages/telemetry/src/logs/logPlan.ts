import { join } from "node:path";
import type { RetentionRule } from "./keptFiles.ts";
import type { LogTarget } from "./logAppender.ts";
import { logFileName, periodAt, type RotationRule } from "./rotation.ts";

/** Also the beginning of the names of its files (LOG-24). */
export type LogKind =
  | "access"
  | "accessextra"
  | "origin"
  | "monitoring"
  | "dns"
  | "filesystem"
  | "detail"
  | "deny"
  | "originerror"
  | "trace";

/** One log and what becomes of its files. */
export interface LogPlan {
  /** Names it among all logs of the instance. */
  readonly id: string;
  readonly kind: LogKind;
  /** Empty for a log of the whole server. */
  readonly vhost: string;
  readonly folder: string;
  /** Whether there is a file. */
  readonly isOn: boolean;
  readonly rule: RotationRule;
  readonly retention: RetentionRule;
  readonly compress: boolean;
  /** FTP clients that upload its rotated files (LOG-18). */
  readonly ftp: readonly string[];
  /** What the lines look like: with another one a file begins. */
  readonly form: string;
  /** Its files are read while they grow: each write is told of. */
  readonly isFollowed?: boolean;
}

/** What a process that writes lines has to know of the files of a log. Plain data. */
export interface LogNotice {
  readonly log: string;
  /** Undefined: no file. */
  readonly target: LogTarget | undefined;
  /** The target follows from the plan: any process finds it by itself. */
  readonly isPlain?: boolean;
  /** The writer is to say when no line of its own is on the way to this file any more. */
  readonly closing: string | undefined;
}

/** A file that gets no more lines and has its last name. */
export interface RotatedLog {
  readonly plan: LogPlan;
  readonly path: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** What lies there of a log, the oldest first. */
export interface RotatedFiles {
  readonly plan: LogPlan;
  readonly files: readonly Omit<RotatedLog, "plan">[];
}

export const NEVER_MS = Number.POSITIVE_INFINITY;

/** The file that begins with the period of a moment; any process finds the same one. */
export const periodTarget = ({ folder, kind, rule }: LogPlan, ms: number): LogTarget => {
  const { startMs, endMs } = rule.minutes === undefined ? { startMs: ms, endMs: NEVER_MS } : periodAt(ms, rule.minutes);
  return { path: join(folder, logFileName(kind, startMs, rule)), untilMs: endMs };
};
