import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Pacer, type Waiting } from "../../src/pacing/pacer.ts";
import { TestClock } from "../support/testClock.ts";

const TICK_MS = 20;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the wheel of paced connections", () => {
  it("BW-05 passes over nobody while time goes on within a tick", () => {
    const clock = new TestClock();
    const defects: unknown[] = [];
    const pacer = new Pacer(clock, (error) => defects.push(error));
    const called: string[] = [];
    const patient: Waiting = { dueTick: -1, due: () => called.push("patient") };
    const slow: Waiting = {
      dueTick: -1,
      due: () => {
        called.push("slow");
        clock.advanceSeconds(TICK_MS / 1000);
        pacer.wait(slow, 1_000);
      },
    };
    pacer.wait(slow, 0);
    pacer.wait(patient, TICK_MS);
    for (let ticks = 0; ticks < 4; ticks++) {
      clock.advanceSeconds(TICK_MS / 1000);
      vi.advanceTimersByTime(TICK_MS);
    }
    pacer.cancel(slow);
    expect(called).toEqual(["slow", "patient"]);
    expect(defects).toEqual([]);
  });
});
