import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { divideTraffic, trafficLimitsOf } from "../src/index.ts";
import { vhostWith } from "./settings.ts";

const CAP = 1_000_000;

const short = (sessions: number, bytesPerSecond = 0) => ({ sessions, isShort: true, bytesPerSecond });
const content = (sessions: number, bytesPerSecond: number) => ({ sessions, isShort: false, bytesPerSecond });
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

describe("the limits of a host", () => {
  it.each([
    [0, 0, undefined, undefined],
    [50, 0, 6_250_000, undefined],
    [0, 1000, undefined, 125_000],
    [5, 2000, 625_000, 250_000],
  ])("BW-01 BW-02 BW-05 reads %d Mbps and %d Kbps", (megabits, sessionKilobits, host, session) => {
    const limits = trafficLimitsOf(vhostWith({ options: { trafficCap: { megabits, sessionKilobits } } }));
    expect(limits).toEqual({ hostBytesPerSecond: host, sessionBytesPerSecond: session });
  });
});

describe("the division of a traffic cap", () => {
  it("BW-01 goes by the sessions of workers that are short of it", () => {
    const [one = 0, other = 0] = divideTraffic(CAP, [short(30), short(10)]);
    expect((one - 0.01) / (other - 0.01)).toBeCloseTo(3);
  });

  it("gives the rest to who is short, when others need less", () => {
    const [one = 0, other = 0, idle = 0] = divideTraffic(CAP, [content(50, 300_000), short(1), content(0, 0)]);
    expect(one).toBeGreaterThan(0.3);
    expect(one).toBeLessThan(0.35);
    expect(other).toBeGreaterThan(0.63);
    expect(idle).toBeGreaterThan(0);
  });

  it("keeps a worker that takes a lot with few sessions to what these are due", () => {
    const [greedy = 0, crowded = 0] = divideTraffic(CAP, [content(1, 900_000), short(9)]);
    expect(greedy).toBeLessThan(0.15);
    expect(crowded).toBeGreaterThan(0.85);
  });

  it("gives all alike while nobody wants anything", () => {
    expect(divideTraffic(CAP, [content(0, 0), content(0, 0)])).toEqual([0.5, 0.5]);
    expect(divideTraffic(CAP, [])).toEqual([]);
  });

  it("BW-01 never gives more than there is, less than nothing, or nothing at all", () => {
    const demand = fc.record({
      sessions: fc.nat(10_000),
      isShort: fc.boolean(),
      bytesPerSecond: fc.double({ min: 0, max: 1e9, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(demand, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 1e9 }),
        (demands, cap) => {
          const fractions = divideTraffic(cap, demands);
          expect(sum(fractions)).toBeCloseTo(1, 6);
          for (const fraction of fractions) expect(fraction).toBeGreaterThan(0);
        },
      ),
    );
  });
});
