import type { Answer } from "./answer.ts";
import type { CellReport } from "./cell.ts";
import { expectationOf } from "./expectation.ts";

/** What a machine that does other things as well may add to any answer. */
const SLACK_MS = 2500;

/** What in a cell is not as the spec has it; empty when all is. */
export const judgeCell = (report: CellReport, slackMs = SLACK_MS): string[] => {
  const { fault, state, kind, answers } = report;
  if (report.trouble !== "") return [report.trouble];
  const expected = expectationOf(fault, state, kind);
  const findings: string[] = [];
  const unexpected = answers.filter(({ label }) => !expected.allowed.includes(label));
  if (unexpected.length > 0) {
    const { failure } = unexpected[0] ?? { failure: "" };
    const said = failure === "" ? "" : ` (${failure})`;
    findings.push(`${tally(unexpected)} instead of ${expected.allowed.join(" or ")}, ${expected.because}${said}`);
  }
  const slowest = slowestMs(answers);
  if (slowest > expected.limitMs + slackMs) {
    findings.push(`an answer after ${seconds(slowest)} s, the limits of time are ${seconds(expected.limitMs)} s`);
  }
  if (expected.originRequests !== undefined && report.originRequests > expected.originRequests) {
    findings.push(`the origin saw ${report.originRequests} requests instead of ${expected.originRequests}`);
  }
  if (fault.domain === "moved" && !/^200 /.test(answers.at(-1)?.label ?? "")) {
    findings.push(`still ${answers.at(-1)?.label} at the end, ORG-22`);
  }
  if (report.repeatedPosts.length > 0) findings.push(`${report.repeatedPosts.length} POSTs arrived twice`);
  if (report.healedMs === undefined) findings.push("the right answer did not come back after the fault");
  if (report.violations.length > 0) findings.push(`the edge sent its origin: ${report.violations.join("; ")}`);
  return findings;
};

/**
 * Answers that broke off although an older object was there: a body of known length goes to the client as it comes, so
 * what the origin does to it shows.
 */
export const brokenRenewals = ({ state, kind, answers }: CellReport): number =>
  kind === "GET cached" && (state === "stale" || state === "purged")
    ? answers.filter(({ label }) => label === "200 cut").length
    : 0;

/** `12 × 200 old, 2 × 500 page`. */
export const tally = (answers: readonly Answer[]): string => {
  const counts = new Map<string, number>();
  for (const { label } of answers) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].map(([label, count]) => `${count} × ${label}`).join(", ");
};

export const slowestMs = (answers: readonly Answer[]): number => Math.max(0, ...answers.map(({ ms }) => ms));

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
