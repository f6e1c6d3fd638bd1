import { expect, it } from "vitest";
import { judgeMemory } from "../src/transformMemory.ts";

const MEBIBYTE = 1024 ** 2;

it.each([
  { what: "little", resident: 200, running: 1, idleMs: 0, verdict: "start" },
  { what: "too much while jobs run", resident: 1_100, running: 2, idleMs: 0, verdict: "hold" },
  { what: "too much between jobs", resident: 1_100, running: 0, idleMs: 0, verdict: "replace" },
  { what: "twice too much", resident: 2_000, running: 2, idleMs: 0, verdict: "replaceNow" },
  { what: "a lot, for a minute without a job", resident: 400, running: 0, idleMs: 60_000, verdict: "replace" },
  { what: "a lot, for a moment without a job", resident: 400, running: 0, idleMs: 1_000, verdict: "start" },
  { what: "about what it began with, for long", resident: 250, running: 0, idleMs: 600_000, verdict: "start" },
])("DIMS-18 a transform host with $what: $verdict", ({ resident, running, idleMs, verdict }) => {
  expect(
    judgeMemory({
      residentBytes: resident * MEBIBYTE,
      limitBytes: 1_000 * MEBIBYTE,
      initialBytes: 100 * MEBIBYTE,
      jobsRunning: running,
      idleMs,
    }),
  ).toBe(verdict);
});
