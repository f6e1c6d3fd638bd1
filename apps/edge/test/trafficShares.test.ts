import { type EdgeConfig, parseConfig } from "@basalt/config";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TrafficShares } from "../src/trafficShares.ts";

const configWith = (capMbps: number, generation: number): EdgeConfig => {
  const host = `<Vhost Name="a"><Origin><Address>10.0.0.1</Address></Origin><Options><TrafficCap>${capMbps}</TrafficCap></Options></Vhost>`;
  const sources = new Map([
    ["server.xml", "<Server><Cache><Storage><Disk>/d/</Disk></Storage></Cache></Server>"],
    ["vhosts.xml", `<Vhosts>${host}</Vhosts>`],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

const shared = () => {
  const state = { config: configWith(8, 1), ids: [1, 2] };
  const fractions = new Map<number, number>();
  let messages = 0;
  const shares = new TrafficShares({
    config: () => state.config,
    workers: () =>
      state.ids.map((id) => ({
        id,
        tellShares: (told) => {
          messages++;
          fractions.set(id, told.get("a") ?? Number.NaN);
        },
      })),
  });
  const report = (worker: number, sessions: number, isShort: boolean, bytesPerSecond: number): void =>
    shares.report(worker, new Map([["a", { sessions, isShort, bytesPerSecond }]]));
  return { state, shares, fractions, report, messages: () => messages };
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the shares of a traffic cap", () => {
  it("BW-01 follow what the workers use, and are one together", () => {
    const { fractions, report } = shared();
    report(1, 30, true, 500_000);
    report(2, 10, true, 500_000);
    vi.advanceTimersByTime(100);
    expect(fractions.get(1)).toBeGreaterThan(0.7);
    expect((fractions.get(1) ?? 0) + (fractions.get(2) ?? 0)).toBeCloseTo(1);
    report(1, 0, false, 0);
    vi.advanceTimersByTime(100);
    expect(fractions.get(2)).toBeGreaterThan(0.95);
  });

  it("BW-01 are told to each of many workers, those without demand too, and are one together", () => {
    const { state, fractions, report } = shared();
    state.ids = Array.from({ length: 16 }, (_, index) => index + 1);
    report(1, 30, true, 500_000);
    vi.advanceTimersByTime(100);
    const parts = state.ids.map((id) => fractions.get(id) ?? 1 / 16);
    expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1);
  });

  it("are told only when they have changed", () => {
    const { report, messages } = shared();
    for (let round = 0; round < 5; round++) {
      report(1, 5, true, 500_000);
      report(2, 5, true, 500_000);
      vi.advanceTimersByTime(100);
    }
    expect(messages()).toBe(2);
  });

  it("of a worker that has gone are given to the others, and one that comes gets its own", () => {
    const { state, shares, fractions, report } = shared();
    report(1, 5, true, 500_000);
    report(2, 5, true, 500_000);
    vi.advanceTimersByTime(100);
    state.ids = [2];
    shares.workerGone(1);
    vi.advanceTimersByTime(100);
    expect(fractions.get(2)).toBeCloseTo(1);
    state.ids = [2, 3];
    report(3, 5, true, 100_000);
    vi.advanceTimersByTime(100);
    for (const id of [2, 3]) expect(fractions.get(id)).toBeCloseTo(0.5);
  });

  it("are none of hosts without a cap", () => {
    const { state, report, messages } = shared();
    state.config = configWith(0, 2);
    report(1, 5, true, 500_000);
    vi.advanceTimersByTime(100);
    expect(messages()).toBe(0);
  });
});
