import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { basaltProgram } from "../../lib/edge.ts";
import { type Expectations, findDeviations, readExpectations } from "../expectations.ts";
import { startBasalt } from "../proxies.ts";
import { runSuite, type Verdicts } from "../runSuite.ts";
import { openStage, type Stage } from "../stage.ts";
import { listGroups } from "../suite.ts";

/** A checkout that was not built has no edge; a CI run that skips the suite would prove nothing. */
const canRun = existsSync(basaltProgram) || process.env.CI !== undefined;

/** Several tests count in whole seconds, which a busy machine can spoil: what is not as listed is asked again. */
const REPEATS = 2;

describe.skipIf(!canRun)("the public HTTP cache test suite against two workers, profile rfc9111", () => {
  let stage: Stage;
  let expected: Expectations;
  let verdicts: Verdicts;

  beforeAll(async () => {
    expected = await readExpectations();
    stage = await openStage("basalt", (settings) => startBasalt(settings, "rfc9111"));
    const { port } = stage.proxy;
    const settled = new Map(await runSuite({ port }));
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const { broken, mended } = findDeviations(settled, expected);
      const ids = [...broken.keys(), ...mended];
      if (ids.length === 0) break;
      for (const [id, verdict] of await runSuite({ port, ids })) settled.set(id, verdict);
    }
    verdicts = settled;
  });

  afterAll(() => stage?.stop(), 60_000);

  it("gave a verdict on every test", () => {
    const ids = listGroups().flatMap(({ tests }) => tests.map(({ id }) => id));
    expect(ids.filter((id) => !verdicts.has(id))).toEqual([]);
  });

  it("passes what it is expected to pass", () => {
    expect(Object.fromEntries(findDeviations(verdicts, expected).broken)).toEqual({});
  });

  it("fails only what expected.json gives a reason for, and nothing there has been mended", () => {
    expect(findDeviations(verdicts, expected).mended).toEqual([]);
  });
});
