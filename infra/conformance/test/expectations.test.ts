import { expect, it } from "vitest";
import { findDeviations, parseExpectations, readExpectations } from "../expectations.ts";
import { parseVerdicts } from "../runSuite.ts";
import { listGroups } from "../suite.ts";

const verdicts = parseVerdicts(
  JSON.stringify({ good: true, bad: ["Assertion", "comes from cache"], unset: ["Setup", "status is 500"] }),
);
const listing = (...tests: string[]) => JSON.stringify({ known: [{ reason: "known", tests }] });

it("reads the results of the suite's client", () => {
  expect(Object.fromEntries(verdicts)).toEqual({
    good: { kind: "passed" },
    bad: { kind: "failed", finding: "comes from cache" },
    unset: { kind: "setup", finding: "Setup: status is 500" },
  });
});

it("tells a passing test that broke from a listed one that passes", () => {
  const { broken, mended } = findDeviations(verdicts, parseExpectations(listing("good", "unset")));
  expect([Object.fromEntries(broken), mended]).toEqual([{ bad: "comes from cache" }, ["good"]]);
});

it("has nothing to say when all is as listed", () => {
  const { broken, mended } = findDeviations(verdicts, parseExpectations(listing("bad", "unset")));
  expect([broken.size, mended]).toEqual([0, []]);
});

it("refuses a test that is listed twice", () => {
  expect(() => parseExpectations(listing("a", "b", "a"))).toThrow("a is listed twice");
});

it("lists only tests that the suite has, each with a reason", async () => {
  const known = new Set(listGroups().flatMap(({ tests }) => tests.map(({ id }) => id)));
  const expected = await readExpectations();
  expect([...expected.keys()].filter((id) => !known.has(id))).toEqual([]);
  for (const reason of expected.values()) expect(reason.length).toBeGreaterThan(20);
});
