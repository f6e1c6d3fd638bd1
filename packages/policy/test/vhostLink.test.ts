import type { LinkCondition } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { meetsLinkCondition, type OriginAnswer } from "../src/index.ts";

describe("the condition of a <VhostLink>", () => {
  const cases: readonly (readonly [condition: LinkCondition, answer: OriginAnswer, isMet: boolean])[] = [
    [[403, 404, "5xx"], 404, true],
    [[403, 404, "5xx"], 403, true],
    [[403, 404, "5xx"], 503, true],
    [[403, 404, "5xx"], 200, false],
    [[403, 404, "5xx"], 405, false],
    [[403, 404, "5xx"], "failed", false],
    [["fail"], "failed", true],
    [["fail"], 502, false],
    [["2xx"], 204, true],
    [["1xx", "3xx"], 302, true],
    [[], 404, false],
  ];
  it.each(cases)("VHT-51 %s meets %s: %s", (condition, answer, isMet) => {
    expect(meetsLinkCondition(condition, answer)).toBe(isMet);
  });
});
