import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CellReport, judgeCell, ORIGIN_FAULTS, runFaultMatrix, tally } from "../../src/faults/index.ts";
import { isEdgeBuilt } from "../../src/index.ts";

/** The quick form of `scripts/check-faults`: what each fault is there to show, and the rows that it shows. */
const SCENES: readonly [rows: string, fault: string][] = [
  ["ORG-12, TTL-12, PRG-14, BYP-20", "refused"],
  ["ORG-01, TTL-12, PRG-14, BYP-13", "connect never completes"],
  ["ORG-02, TTL-13, PRG-14, BYP-13", "accepts, never answers"],
  ["ORG-10, TTL-13, BYP-20", "closes without an answer"],
  ["TTL-27", "resets in mid-body, chunked"],
  ["TTL-13, BYP-20", "closes early, length unmet"],
  ["TTL-13, PRG-14", "garbage"],
  ["TTL-24, ORG-11", "5xx storm"],
  ["ORG-22", "NXDOMAIN, known before"],
  ["ORG-03", "closes without an answer, another server is sound"],
];

const ASK_FOR_MS = 2500;
/** Other tests run beside this one. */
const SLACK_MS = 12_000;

const canPlay = isEdgeBuilt() || process.env.CI !== undefined;

describe.skipIf(!canPlay)("fresh, stale, purged and absent objects, cached and bypassed requests, two workers", () => {
  const play = (names: readonly string[]): Promise<readonly CellReport[]> => {
    const faults = ORIGIN_FAULTS.filter(({ name }) => names.includes(name));
    return runFaultMatrix({ faults, askForMs: ASK_FOR_MS, atOnce: 5 });
  };
  let reports: readonly CellReport[] = [];
  beforeAll(async () => {
    reports = await play(SCENES.map(([, fault]) => fault));
  });
  afterAll(() => {
    reports = [];
  });

  for (const [rows, fault] of SCENES) {
    it(`${rows}: ${fault}`, async ({ task }) => {
      const played = (task.result?.retryCount ?? 0) > 0 ? await play([fault]) : reports;
      const cells = played.filter((report) => report.fault.name === fault);
      const findings = cells.flatMap((report) =>
        judgeCell(report, SLACK_MS).map((finding) => `${report.state}, ${report.kind}: ${finding}`),
      );
      expect(findings).toEqual([]);
      expect(cells.map(({ answers }) => tally(answers))).not.toContain("");
    });
  }
});
