import { expect, it } from "vitest";
import { describeRun } from "../testReport.ts";

const test = (fullName: string, status: string, ...failureMessages: readonly string[]) => ({
  fullName,
  status,
  failureMessages,
});

it("names what failed, what another attempt has saved, and counts", () => {
  const report = {
    numPassedTests: 2,
    numFailedTests: 1,
    numFailedTestSuites: 2,
    numPendingTests: 1,
    testResults: [
      {
        name: "/a.test.ts",
        status: "failed",
        message: "",
        assertionResults: [
          test("sound", "passed"),
          test("wrong", "failed", "first", "second"),
          test("shaky", "passed", "once"),
          test("left out", "skipped"),
        ],
      },
      { name: "/b.test.ts", status: "failed", message: "no such module", assertionResults: [] },
    ],
  };
  expect(describeRun(report)).toEqual([
    "FAILED: wrong\n  first\n  second",
    "FAILED: /b.test.ts\n  no such module",
    "passed at the second attempt: shaky\n  once",
    "2 passed, 1 failed, 1 skipped",
  ]);
});

it("counts a file that could not be read as a failure", () => {
  const report = { numPassedTests: 1, numFailedTests: 0, numFailedTestSuites: 1, testResults: [] };
  expect(describeRun(report)).toEqual(["1 passed, 1 failed, 0 skipped"]);
  expect(describeRun("nothing")).toEqual(["the report of the tests cannot be read"]);
});
