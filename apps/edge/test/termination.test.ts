import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { KeptTermination } from "../src/launcherProtocol.ts";
import { SocketKeeper } from "../src/socketKeeper.ts";
import { Termination } from "../src/termination.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const open = (kept?: KeptTermination) => {
  const told: KeptTermination[] = [];
  const stops: (number | undefined)[] = [];
  const termination = new Termination({
    kept,
    keep: (plan) => told.push(plan),
    stop: (drainMs) => stops.push(drainMs),
  });
  return { termination, told, stops };
};

describe("AWS-28: the end that an instance has been told of", () => {
  it("comes when the time to leave is over, and is told to the launcher at once", () => {
    const { termination, told, stops } = open();
    expect(termination.isUnderWay).toBe(false);
    termination.begin({ leaveSeconds: 10, drainSeconds: 60 });
    expect([termination.isUnderWay, told]).toEqual([true, [{ leaveMs: 10_000, drainMs: 60_000 }]]);
    vi.advanceTimersByTime(9_999);
    expect(stops).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(stops).toEqual([60_000]);
  });

  it("is what was told last", () => {
    const { termination, stops } = open();
    termination.begin({ leaveSeconds: 3600, drainSeconds: 3600 });
    termination.begin({ leaveSeconds: 1, drainSeconds: undefined });
    vi.advanceTimersByTime(3_600_000);
    expect(stops).toEqual([undefined]);
    termination.begin({ leaveSeconds: 0, drainSeconds: 5 });
    vi.advanceTimersByTime(0);
    expect(stops).toEqual([undefined, 5_000]);
  });

  it("is gone on with by the next primary, which is never ready", () => {
    const { termination, stops } = open({ leaveMs: 700, drainMs: 5 });
    expect([termination.isUnderWay, termination.drainMs]).toEqual([true, 5]);
    vi.advanceTimersByTime(1_000);
    expect(stops).toEqual([]);
    termination.resume();
    vi.advanceTimersByTime(700);
    expect(stops).toEqual([5]);
  });

  it("is another one where the next primary was told so before it served", () => {
    const { termination, stops } = open({ leaveMs: 700, drainMs: 5 });
    termination.begin({ leaveSeconds: 0, drainSeconds: 1 });
    termination.resume();
    vi.advanceTimersByTime(10_000);
    expect(stops).toEqual([1_000]);
  });

  it("is unknown to a launcher that was told nothing", () => {
    const keeper = new SocketKeeper();
    expect(keeper.termination).toBeUndefined();
    keeper.close();
  });
});
