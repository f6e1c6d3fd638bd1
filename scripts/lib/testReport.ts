import { isRecord } from "../../infra/lib/json.ts";

interface ReportedTest {
  readonly fullName: string;
  readonly status: string;
  /** Of every attempt that failed. */
  readonly failureMessages: readonly string[];
}

const recordsIn = (value: unknown): readonly Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isRecord) : [];

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const countOf = (value: unknown): number => (typeof value === "number" ? value : 0);

const readTest = ({ fullName, status, failureMessages }: Record<string, unknown>): ReportedTest => ({
  fullName: textOf(fullName),
  status: textOf(status),
  failureMessages: Array.isArray(failureMessages) ? failureMessages.map(textOf) : [],
});

/** Without the lines of the stack that are in libraries. */
const describe = (what: string, name: string, messages: readonly string[]): string => {
  const lines = messages.flatMap((message) => message.split("\n")).filter((line) => !line.includes("/node_modules/"));
  return [`${what}: ${name}`, ...lines.map((line) => `  ${line}`)].join("\n");
};

/**
 * What is to be read of a finished run of Vitest (its JSON report): every failure, every test that another attempt has
 * saved, and the counts.
 */
export function describeRun(report: unknown): string[] {
  if (!isRecord(report)) return ["the report of the tests cannot be read"];
  const failed: string[] = [];
  const repeated: string[] = [];
  for (const { name, status, message, assertionResults } of recordsIn(report.testResults)) {
    const tests = recordsIn(assertionResults).map(readTest);
    const failures = tests.filter((test) => test.status === "failed");
    for (const test of failures) failed.push(describe("FAILED", test.fullName, test.failureMessages));
    if (status === "failed" && failures.length === 0) failed.push(describe("FAILED", textOf(name), [textOf(message)]));
    for (const test of tests) {
      if (test.status !== "passed" || test.failureMessages.length === 0) continue;
      repeated.push(describe("passed at the second attempt", test.fullName, test.failureMessages));
    }
  }
  const failedTests = countOf(report.numFailedTests) || Number(countOf(report.numFailedTestSuites) > 0);
  const counts = `${countOf(report.numPassedTests)} passed, ${failedTests} failed, ${countOf(report.numPendingTests)} skipped`;
  return [...failed, ...repeated, counts];
}
