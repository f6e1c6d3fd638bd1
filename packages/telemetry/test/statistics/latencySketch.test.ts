import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencyCounters } from "../../src/statistics/latencyCounters.ts";
import { LatencySketch } from "../../src/statistics/latencySketch.ts";

/** In 0.01 ms: those of hits, which are counted in another way at first, as well as long ones. */
const durations = fc.array(fc.oneof(fc.nat({ max: 80 }), fc.nat({ max: 2_000_000 })), { minLength: 1, maxLength: 200 });

describe("a sketch of latencies", () => {
  it("AWS-70 AWS-71 knows count, sum and bounds, and every quantile to 1 %, also when it is read in between", () => {
    fc.assert(
      fc.property(durations, fc.nat({ max: 200 }), fc.double({ min: 0, max: 1, noNaN: true }), (all, readAt, share) => {
        const sketch = new LatencySketch();
        all.forEach((duration, index) => {
          sketch.add(duration);
          if (index === readAt) sketch.quantile(share);
        });
        const sorted = [...all].sort((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(share * all.length) - 1)] ?? Number.NaN;
        expect([sketch.count, sketch.sum]).toEqual([all.length, all.reduce((sum, each) => sum + each, 0)]);
        expect([sketch.minimum, sketch.maximum]).toEqual([sorted[0], sorted.at(-1)]);
        // Or to the unit that was added, 0.01 ms.
        expect(Math.abs(sketch.quantile(share) - exact)).toBeLessThanOrEqual(Math.max(1, 0.011 * exact));
      }),
    );
  });

  it("is the same by its parts, whichever way they are put together", () => {
    fc.assert(
      fc.property(durations, durations, (one, other) => {
        const sketchOf = (all: readonly number[]): LatencySketch => {
          const sketch = new LatencySketch();
          for (const each of all) sketch.add(each);
          return sketch;
        };
        const byRow = sketchOf(one);
        byRow.addRow(sketchOf(other).row());
        const bySketch = sketchOf(one);
        bySketch.addSketch(sketchOf(other));
        const whole = sketchOf([...one, ...other]).row();
        expect([byRow.row(), bySketch.row()]).toEqual([whole, whole]);
      }),
    );
  });
});

it("latencies of blocks are taken once, and none gets those of another", () => {
  const counters = new LatencyCounters();
  const take = () =>
    counters.take(String).map(({ side, block, counts, sum }) => [side, block, counts.reduce((a, b) => a + b, 0), sum]);
  counters.add("client", 1, 5);
  counters.add("origin", 1, 9);
  counters.add("client", 1, 5);
  counters.add("client", 2, 700);
  counters.add("client", 1, 6);
  expect(take()).toEqual([
    ["client", "1", 3, 16],
    ["client", "2", 1, 700],
    ["origin", "1", 1, 9],
  ]);
  counters.add("client", 1, 2);
  expect(take()).toEqual([["client", "1", 1, 2]]);
  expect(take()).toEqual([]);
});
