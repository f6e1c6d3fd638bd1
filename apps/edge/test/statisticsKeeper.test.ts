import { CounterBlock, PROCESS_SLOT } from "@basalt/telemetry";
import { createSystemSampler } from "@basalt/telemetry/system";
import { epochMs, monotonicMs } from "@basalt/types";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type CountingProcess, StatisticsKeeper, type StatisticsKeeperParts } from "../src/statisticsKeeper.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const HANGING: CountingProcess = { source: "worker-1", counts: () => new Promise(() => {}) };

const keeperOf = (
  processes: readonly CountingProcess[],
  onStuck: (source: string) => void = () => {},
  other: Partial<StatisticsKeeperParts> = {},
) => {
  const sampler = createSystemSampler({ text: () => "", link: () => "", names: () => [] });
  return new StatisticsKeeper({
    clock: { now: () => epochMs(0), monotonic: () => monotonicMs(0) },
    config: () => ({ vhosts: [], views: [] }),
    processes: () => processes,
    counters: new CounterBlock(),
    bringUpToDate: () => {},
    sampleSystem: () => sampler.sample([], []),
    host: () => ({ version: "1", name: "", state: "Healthy", uptimeSeconds: 0, waitingEvents: 0 }),
    disks: () => [],
    objectsOf: () => ({ objects: 0, bytes: 0 }),
    scan: () => Promise.resolve(),
    onMinute: () => {},
    onWindow: () => {},
    onStuck,
    onDefect: () => {},
    ...other,
  });
};

it("REG-356 AWS-77 a process that hangs does not keep back what the others have counted", async () => {
  const worker = new CounterBlock();
  worker.add(PROCESS_SLOT.connectionsAccepted, 3);
  const keeper = keeperOf([HANGING, { source: "worker-2", counts: () => Promise.resolve(worker.report()) }]);
  const collected = keeper.collectNow();
  await vi.advanceTimersByTimeAsync(10_000);
  await collected;
  expect(keeper.statistics.aggregate.totals().process[PROCESS_SLOT.connectionsAccepted]).toBe(3);
});

it("names a process that has answered nothing for half a minute, once, and no other", async () => {
  const stuck: string[] = [];
  const slow: CountingProcess = {
    source: "worker-3",
    counts: async () => {
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      return new CounterBlock().report();
    },
  };
  const keeper = keeperOf([HANGING, slow], (source) => stuck.push(source));
  keeper.start();
  await vi.advanceTimersByTimeAsync(29_000);
  expect(stuck).toEqual([]);
  await vi.advanceTimersByTimeAsync(60_000);
  keeper.stop();
  expect(stuck).toEqual(["worker-1"]);
});

it("STAT-65 SNMP-08 a count of all objects that takes long, or fails, is not begun anew by whoever asks next", async () => {
  let [nowMs, scans, tookMs, fails] = [0, 0, 100_000, false];
  const keeper = keeperOf([], undefined, {
    clock: { now: () => epochMs(0), monotonic: () => monotonicMs(nowMs) },
    scan: async () => {
      scans += 1;
      nowMs += tookMs;
      if (fails) throw new Error("no index");
    },
  });
  const scansAfter = async (ms: number): Promise<number> => {
    nowMs += ms;
    keeper.countSizes();
    await vi.advanceTimersByTimeAsync(1);
    return scans;
  };
  expect([await scansAfter(0), await scansAfter(1), await scansAfter(800_000), await scansAfter(100_000)]).toEqual([
    ...[1, 1, 1, 2],
  ]);
  [tookMs, fails] = [1, true];
  expect([await scansAfter(1_000_000), await scansAfter(1), await scansAfter(60_000)]).toEqual([3, 3, 4]);
});
