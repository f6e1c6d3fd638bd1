import groups from "http-cache-tests/tests/index.mjs";
import surrogateControl from "http-cache-tests/tests/surrogate-control.mjs";
import { isRecord, recordsAt, stringAt } from "../lib/json.ts";

/**
 * What a failure means: `required` breaks the RFC, `optimal` is a chance not taken, `check` only observes.
 * A test without a kind is a required one.
 */
export const TEST_KINDS = ["required", "optimal", "check"] as const;
export type TestKind = (typeof TEST_KINDS)[number];

export interface SuiteTest {
  readonly id: string;
  readonly title: string;
  readonly kind: TestKind;
  /** Tests without whose passing this one says nothing. */
  readonly needs: readonly string[];
}

export interface SuiteGroup {
  readonly name: string;
  readonly tests: readonly SuiteTest[];
}

/** The suite's own records, as its runner takes them. */
export const rawGroups: readonly Record<string, unknown>[] = [...groups, surrogateControl].filter(isRecord);

/** All tests that concern a shared cache. */
export function listGroups(): SuiteGroup[] {
  return rawGroups.map((group) => ({
    name: stringAt(group, "name"),
    tests: recordsAt(group, "tests")
      .filter((test) => test.browser_only !== true)
      .map(parseTest),
  }));
}

function parseTest(test: Record<string, unknown>): SuiteTest {
  const { depends_on: needs } = test;
  return {
    id: stringAt(test, "id"),
    title: stringAt(test, "name"),
    kind: TEST_KINDS.find((kind) => kind === test.kind) ?? "required",
    needs: Array.isArray(needs) ? needs.filter((id) => typeof id === "string") : [],
  };
}
