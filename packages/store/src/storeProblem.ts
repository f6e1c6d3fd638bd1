import type { Problem } from "@basalt/types";

/** Where the store tells what an operator should know; never called on a path that can serve the object anyway. */
export type ReportProblem = (problem: Problem) => void;

/** A problem about a whole file or folder of the store. */
export const storeProblem = (severity: Problem["severity"], file: string, message: string): Problem => ({
  severity,
  file,
  line: 0,
  column: 0,
  element: "",
  message,
});

export const describeCause = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** The `code` that Node and SQLite put on their errors (`ENOENT`, `SQLITE_CORRUPT` …); empty for anything else. */
export const causeCode = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
