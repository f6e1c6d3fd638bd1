import { CounterBlock, PROCESS_SLOT } from "@basalt/telemetry";
import { createSystemSampler } from "@basalt/telemetry/system";
import { epochMs, monotonicMs } from "@basalt/types";
import { afterEach, expect, it, vi } from "vitest";
import { StatisticsKeeper } from "../src/statisticsKeeper.ts";

afterEach(() => {
  vi.useRealTimers();
});

it("AWS-77 a process that hangs does not keep back what the others have counted", async () => {
  vi.useFakeTimers();
  const worker = new CounterBlock();
  worker.add(PROCESS_SLOT.connectionsAccepted, 3);
  const sampler = createSystemSampler({ text: () => "", link: () => "", names: () => [] });
  const keeper = new StatisticsKeeper({
    clock: { now: () => epochMs(0), monotonic: () => monotonicMs(0) },
    config: () => ({ vhosts: [], views: [] }),
    processes: () => [
      { source: "worker-1", counts: () => new Promise(() => {}) },
      { source: "worker-2", counts: () => Promise.resolve(worker.report()) },
    ],
    counters: new CounterBlock(),
    bringUpToDate: () => {},
    sampleSystem: () => sampler.sample([], []),
    host: () => ({ version: "1", name: "", state: "Healthy", uptimeSeconds: 0, waitingEvents: 0 }),
    disks: () => [],
    objectsOf: () => ({ objects: 0, bytes: 0 }),
    scan: () => Promise.resolve(),
    onWindow: () => {},
    onDefect: () => {},
  });
  const collected = keeper.collectNow();
  await vi.advanceTimersByTimeAsync(10_000);
  await collected;
  expect(keeper.statistics.aggregate.totals().process[PROCESS_SLOT.connectionsAccepted]).toBe(3);
});
