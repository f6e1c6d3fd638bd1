import { formatTable } from "../lib/print.ts";
import type { Verdicts } from "./runSuite.ts";
import { type SuiteGroup, type SuiteTest, TEST_KINDS, type TestKind } from "./suite.ts";

export interface ProxyResult {
  readonly name: string;
  readonly version: string;
  readonly verdicts: Verdicts;
}

const hasPassed = (verdicts: Verdicts, { id }: SuiteTest): boolean => verdicts.get(id)?.kind === "passed";

/** `passed/all` of the tests of a kind that were run; empty when there are none. */
export function countPassed(verdicts: Verdicts, tests: readonly SuiteTest[], kind: TestKind): string {
  const run = tests.filter((test) => test.kind === kind && verdicts.has(test.id));
  return run.length === 0 ? "" : `${run.filter((test) => hasPassed(verdicts, test)).length}/${run.length}`;
}

/** A row per group, a column per kind and proxy, the totals below. */
export function formatNumbers(groups: readonly SuiteGroup[], results: readonly ProxyResult[]): string {
  const columns = TEST_KINDS.flatMap((kind) => results.map((result) => ({ kind, result })));
  const all = { name: "all", tests: groups.flatMap(({ tests }) => tests) };
  const rows = [...groups, all].map(({ name, tests }) => [
    name,
    ...columns.map(({ kind, result }) => countPassed(result.verdicts, tests, kind)),
  ]);
  const names = ["", ...columns.map(({ kind, result }) => (results.length === 1 ? kind : `${kind} ${result.name}`))];
  return formatTable([names, ...rows.filter((row) => row.slice(1).some((cell) => cell !== ""))]);
}

/** What did not pass, group by group, with what was found and which unmet test it rests on. */
export function listFailures(groups: readonly SuiteGroup[], verdicts: Verdicts): string[] {
  return groups.flatMap(({ name, tests }) => {
    const failed = tests.flatMap((test) => {
      const verdict = verdicts.get(test.id);
      if (verdict === undefined || verdict.kind === "passed") return [];
      const unmet = test.needs.filter((id) => verdicts.has(id) && verdicts.get(id)?.kind !== "passed");
      const because = unmet.length === 0 ? "" : ` (rests on ${unmet.join(", ")})`;
      return [`  ${test.kind.padEnd(8)} ${test.id}: ${verdict.finding}${because}`];
    });
    return failed.length === 0 ? [] : [name, ...failed];
  });
}
