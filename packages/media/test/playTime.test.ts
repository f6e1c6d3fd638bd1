import { describe, expect, it } from "vitest";
import { playSecondsIn, playTimeValue } from "../src/index.ts";

describe("CMSD-Static", () => {
  it("says how long a segment plays, in milliseconds", () => {
    expect(playTimeValue(9.9787755)).toBe("d=9979");
    expect(playSecondsIn(playTimeValue(9.9787755))).toBe(9.979);
  });

  it.each([
    ["ot=av, br=2000,d=4000;x=1,st=v", 4],
    ["d=0", undefined],
    ["d=-5", undefined],
    ["nd=4000", undefined],
    ["d=4000x", undefined],
    ["d=99999999999999999999", undefined],
    ["", undefined],
  ])("is read as others write it: %s", (value, seconds) => {
    expect(playSecondsIn(value)).toBe(seconds);
  });
});
