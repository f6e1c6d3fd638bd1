import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LevelSums } from "../../src/statistics/levelSums.ts";

/** Levels as `CounterAggregate` keeps them: those that are 0 are not there. */
class Levels {
  readonly present = new Map<number, number>();
  readonly sums = new LevelSums(() => this.present);

  set(place: number, level: number): void {
    const before = this.present.get(place) ?? 0;
    if (before === level) return;
    this.sums.changes(place, before, level);
    if (level === 0) this.present.delete(place);
    else this.present.set(place, level);
  }
}

const sumsOf = (move: (sums: Map<number, number>) => void): ReadonlyMap<number, number> => {
  const sums = new Map<number, number>();
  move(sums);
  return sums;
};

describe("levels summed over seconds", () => {
  it("STAT-28 each second counts with the level at its end, also of levels that do not change", () => {
    const levels = new Levels();
    levels.set(1, 5);
    levels.set(2, 1);
    levels.sums.endSecond();
    levels.set(2, 7);
    levels.set(2, 3);
    levels.sums.endSecond();
    levels.set(1, 0);
    levels.sums.endSecond();
    expect(sumsOf((sums) => levels.sums.moveTo(sums))).toEqual(
      new Map([
        [1, 10],
        [2, 7],
      ]),
    );
    levels.sums.endSecond();
    expect(sumsOf((sums) => levels.sums.moveTo(sums))).toEqual(new Map([[2, 3]]));
  });

  it("STAT-04 the last second stays as it was when levels have changed since", () => {
    const levels = new Levels();
    levels.set(1, 5);
    expect(sumsOf((sums) => levels.sums.addSecondTo(sums))).toEqual(new Map());
    levels.sums.endSecond();
    levels.set(1, 0);
    levels.set(2, 9);
    expect(sumsOf((sums) => levels.sums.addSecondTo(sums))).toEqual(new Map([[1, 5]]));
  });

  it("are what adding up every second gives, whatever changes when", () => {
    const step = fc.oneof(
      fc.record({ place: fc.integer({ min: 0, max: 3 }), level: fc.integer({ min: 0, max: 4 }) }),
      fc.constantFrom("second" as const, "minute" as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const levels = new Levels();
        let expected = new Map<number, number>();
        let second: ReadonlyMap<number, number> = new Map();
        for (const what of steps) {
          if (what === "second") {
            levels.sums.endSecond();
            second = new Map(levels.present);
            for (const [place, level] of second) expected.set(place, (expected.get(place) ?? 0) + level);
          } else if (what === "minute") {
            expect(sumsOf((sums) => levels.sums.moveTo(sums))).toEqual(expected);
            expected = new Map();
          } else levels.set(what.place, what.level);
          expect(sumsOf((sums) => levels.sums.addSecondTo(sums))).toEqual(second);
        }
      }),
    );
  });
});
