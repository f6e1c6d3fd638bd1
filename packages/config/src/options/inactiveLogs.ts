import { defineInactive, type InactiveOption } from "./option.ts";

/** Rows of one log element with the attributes that all logs share, and those of its own. */
export const logRows = (
  at: string,
  spec: string,
  doc: string,
  ...own: readonly (readonly [attribute: string, spec: string])[]
): readonly InactiveOption[] =>
  defineInactive([
    [at, spec, doc],
    [`${at}@Type`, "LOG-12", "Rotation by time, by size or by both."],
    [`${at}@Unit`, "LOG-13", "Minutes, megabytes or both."],
    [`${at}@Retention`, "LOG-15", "Rotated files that are kept."],
    [`${at}@Compression`, "LOG-16", "Whether rotated files are compressed."],
    [`${at}@SysLog`, "LOG-17", "Whether lines are forwarded by syslog."],
    [`${at}@Ftp`, "LOG-18", "FTP clients that upload rotated files."],
    ...own.map(([attribute, rowSpec]) => [`${at}@${attribute}`, rowSpec, "Own attribute of this log."] as const),
    [`${at}/SysLog*`, "LOG-193", "A syslog receiver."],
    [`${at}/SysLog@Priority`, "LOG-194", "Facility and severity."],
    [`${at}/SysLog@Dest`, "LOG-195", "Host and port."],
  ]);
