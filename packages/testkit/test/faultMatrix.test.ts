import { describe, expect, it } from "vitest";
import {
  type Answer,
  brokenRenewals,
  type CellReport,
  expectationOf,
  judgeCell,
  ORIGIN_FAULTS,
  type OriginFault,
} from "../src/faults/index.ts";

const faultNamed = (name: string): OriginFault => {
  const fault = ORIGIN_FAULTS.find((each) => each.name === name);
  if (fault === undefined) throw new Error(`no fault ${name}`);
  return fault;
};

const REFUSED = faultNamed("refused");
const CLOSES_EARLY = faultNamed("closes early, length unmet");

const answer = (label: string, ms = 10): Answer => ({ label, ms, failure: "" });

const report = (changes: Partial<CellReport>): CellReport => ({
  fault: REFUSED,
  state: "stale",
  kind: "GET cached",
  answers: [answer("200 old")],
  originRequests: 0,
  repeatedPosts: [],
  healedMs: 100,
  violations: [],
  trouble: "",
  ...changes,
});

describe("what a cell is held against", () => {
  it("an expired, purged or fresh object is served whatever the origin does, and never past the cache", () => {
    for (const state of ["fresh", "stale", "purged"] as const) {
      expect(expectationOf(REFUSED, state, "GET cached").allowed).toEqual(["200 old"]);
      expect(expectationOf(REFUSED, state, "GET bypassed").allowed).toEqual(["500 page"]);
    }
    expect(expectationOf(REFUSED, "absent", "GET cached").allowed).toEqual(["500 page"]);
  });

  it("a fresh object costs the origin nothing", () => {
    expect(judgeCell(report({ state: "fresh", originRequests: 1 }))).toEqual([
      "the origin saw 1 requests instead of 0",
    ]);
  });

  it("no fault allows a wrong body, silence, or a close without an answer", () => {
    for (const fault of ORIGIN_FAULTS) {
      for (const label of ["200 wrong", "nothing", "hung", "200 hung"]) {
        expect(judgeCell(report({ fault, answers: [answer(label)] }))).not.toEqual([]);
      }
    }
  });

  it("a broken answer is told from one that looks whole, and counted where an older object was there", () => {
    const broken = report({ fault: CLOSES_EARLY, answers: [answer("200 cut"), answer("200 old")] });
    expect([judgeCell(broken), brokenRenewals(broken)]).toEqual([[], 1]);
    expect(judgeCell(report({ answers: [answer("200 cut")] }))).toHaveLength(1);
  });

  it("the limits of time, POSTs that arrive twice and faults that stay are findings", () => {
    expect(judgeCell(report({ answers: [answer("200 old", 2600)] }))[0]).toContain("an answer after 2.6 s");
    expect(judgeCell(report({ answers: [answer("200 old", 2600)] }), 3000)).toEqual([]);
    expect(judgeCell(report({ repeatedPosts: ["4"] }))).toEqual(["1 POSTs arrived twice"]);
    expect(judgeCell(report({ healedMs: undefined }))).toHaveLength(1);
  });
});
