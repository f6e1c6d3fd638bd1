import { describe, expect, it } from "vitest";
import { type AlarmTerms, AlarmWatch } from "../../src/index.ts";

const TERMS: AlarmTerms = { comparison: "AtLeast", threshold: 10, periods: 1, missing: "missing" };

const statesOf = (terms: Partial<AlarmTerms>, values: readonly (number | undefined)[]): readonly string[] => {
  const watch = new AlarmWatch({ ...TERMS, ...terms });
  return values.map((value) => {
    const hasChanged = watch.observe(value);
    return `${watch.state}${hasChanged ? "!" : ""}`;
  });
};

describe("an alarm", () => {
  it("AWS-A14: 9 errors are OK, 10 are ALARM, a clean minute is OK; before the first data there is not enough", () => {
    expect(new AlarmWatch(TERMS).state).toBe("INSUFFICIENT_DATA");
    expect(statesOf({}, [9, 10, 11, 0])).toEqual(["OK!", "ALARM!", "ALARM", "OK!"]);
  });

  it("AWS-75 waits for as many periods in a row as it is told", () => {
    expect(statesOf({ periods: 3 }, [10, 10, 9, 10, 10, 10, 10, 0])).toEqual([
      "INSUFFICIENT_DATA",
      "INSUFFICIENT_DATA",
      "OK!",
      "OK",
      "OK",
      "ALARM!",
      "ALARM",
      "OK!",
    ]);
  });

  it.each<readonly [AlarmTerms["comparison"], readonly string[]]>([
    ["AtLeast", ["OK!", "ALARM!", "ALARM"]],
    ["Above", ["OK!", "OK", "ALARM!"]],
    ["AtMost", ["ALARM!", "ALARM", "OK!"]],
    ["Below", ["ALARM!", "OK!", "OK"]],
  ])("AWS-75 compares 9, 10 and 11 with 10: %s", (comparison, states) => {
    expect(statesOf({ comparison }, [9, 10, 11])).toEqual(states);
  });

  it.each<readonly [AlarmTerms["missing"], readonly string[]]>([
    ["missing", ["ALARM!", "INSUFFICIENT_DATA!", "OK!", "INSUFFICIENT_DATA!"]],
    ["ignore", ["ALARM!", "ALARM", "OK!", "OK"]],
    ["breaching", ["ALARM!", "ALARM", "OK!", "ALARM!"]],
    ["notBreaching", ["ALARM!", "OK!", "OK", "OK"]],
  ])("AWS-75 takes a period without data as %s", (missing, states) => {
    expect(statesOf({ missing }, [10, undefined, 9, undefined])).toEqual(states);
  });

  it("AWS-75 is not raised by periods of which some say nothing", () => {
    expect(statesOf({ periods: 2 }, [10, undefined, 10, 10])).toEqual([
      "INSUFFICIENT_DATA",
      "INSUFFICIENT_DATA",
      "INSUFFICIENT_DATA",
      "ALARM!",
    ]);
  });
});
