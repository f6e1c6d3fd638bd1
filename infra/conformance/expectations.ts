import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseRecord, recordsAt, stringAt } from "../lib/json.ts";
import type { Verdicts } from "./runSuite.ts";

/** Why each test that is known not to pass does not pass, by the test's id. */
export type Expectations = ReadonlyMap<string, string>;

export interface Deviations {
  /** Should pass and did not, with what was found. */
  readonly broken: ReadonlyMap<string, string>;
  /** Passed although it is listed: its line has to go. */
  readonly mended: readonly string[];
}

/** `{ "known": [{ "reason": …, "tests": [ids] }] }`; no test may be listed twice. */
export function parseExpectations(text: string): Expectations {
  const expected = new Map<string, string>();
  for (const entry of recordsAt(parseRecord(text), "known")) {
    const { tests } = entry;
    if (!Array.isArray(tests)) throw new Error('expected a list at "tests"');
    for (const id of tests.map(String)) {
      if (expected.has(id)) throw new Error(`${id} is listed twice`);
      expected.set(id, stringAt(entry, "reason"));
    }
  }
  return expected;
}

export async function readExpectations(): Promise<Expectations> {
  return parseExpectations(await readFile(join(import.meta.dirname, "expected.json"), "utf8"));
}

export function findDeviations(verdicts: Verdicts, expected: Expectations): Deviations {
  const broken = new Map<string, string>();
  const mended: string[] = [];
  for (const [id, verdict] of verdicts) {
    if (verdict.kind === "passed" && expected.has(id)) mended.push(id);
    if (verdict.kind !== "passed" && !expected.has(id)) broken.set(id, verdict.finding);
  }
  return { broken, mended };
}
