import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cacheResultSlot, clientResponseClassSlot, VHOST_SLOT } from "../../src/index.ts";
import { sumOfLatencies } from "../../src/statistics/latencyCounters.ts";
import { LatencySketch } from "../../src/statistics/latencySketch.ts";
import { statisticsOf, subject, type TestStatistics } from "./support.ts";

const MS = 100;

const sketchOf = (durations: readonly number[]): LatencySketch => {
  const sketch = new LatencySketch();
  for (const duration of durations) sketch.add(duration);
  return sketch;
};

const exactQuantile = (durations: readonly number[], share: number): number =>
  durations.toSorted((left, right) => left - right)[Math.ceil(share * durations.length) - 1] ?? 0;

const isWithinOnePercent = (value: number, expected: number): boolean => Math.abs(value - expected) <= expected * 0.01;

describe("distributions of latencies", () => {
  it("AWS-71 AWS-A12 has percentiles that are right to 1 %: one each of 1 to 1000 ms", () => {
    const sketch = sketchOf(Array.from({ length: 1000 }, (_, index) => (index + 1) * MS));
    for (const [share, expectedMs] of [
      [0.5, 500],
      [0.9, 900],
      [0.95, 950],
      [0.99, 990],
      [0.999, 999],
    ] as const) {
      expect(isWithinOnePercent(sketch.quantile(share), expectedMs * MS)).toBe(true);
    }
    expect([sketch.count, sketch.sum, sketch.minimum, sketch.maximum]).toEqual([1000, 500_500 * MS, MS, 1000 * MS]);
  });

  it("AWS-71 merges to the percentiles of the union, whatever was measured where", () => {
    const durations = fc.array(fc.integer({ min: 1, max: 100_000_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(durations, durations, fc.constantFrom(0.5, 0.9, 0.95, 0.99, 0.999), (left, right, share) => {
        const both = [...left, ...right];
        const merged = sumOfLatencies([sketchOf(left), undefined, sketchOf(right)]);
        expect(isWithinOnePercent(merged.quantile(share), exactQuantile(both, share))).toBe(true);
        expect([merged.count, merged.minimum, merged.maximum]).toEqual([
          both.length,
          Math.min(...both),
          Math.max(...both),
        ]);
      }),
    );
  });

  it("is 0 throughout where nothing was measured", () => {
    const sketch = new LatencySketch();
    const { count, sum, minimum, maximum } = sketch;
    expect([count, sum, minimum, maximum, sketch.quantile(0.5)]).toEqual([0, 0, 0, 0, 0]);
  });
});

const answer = (test: TestStatistics, vhost: string, status: number, ms: number): void => {
  test.count(vhost, VHOST_SLOT.clientRequests, 1);
  test.count(vhost, clientResponseClassSlot(status), 1);
  if (status === 429) test.count(vhost, VHOST_SLOT.clientThrottled, 1);
  test.block.latencies.add("client", test.block.vhost(vhost), ms * MS);
};

describe("statistics of metrics", () => {
  it("AWS-70 AWS-73 has sum, average, minimum, maximum and number of samples of each metric, by host and of all", () => {
    const test = statisticsOf(subject("a.com"), subject("b.com"), subject("idle.com"));
    for (const [status, ms] of [
      [200, 10],
      [200, 20],
      [404, 30],
      [503, 1000],
    ] as const) {
      answer(test, "a.com", status, ms);
    }
    answer(test, "b.com", 429, 2);
    test.count("a.com", cacheResultSlot("TCP_HIT"), 3);
    test.count("a.com", cacheResultSlot("TCP_MISS"), 1);
    test.count("a.com", VHOST_SLOT.clientAborted, 1);
    test.block.latencies.add("origin", test.block.vhost("a.com"), 8 * MS);
    test.endSecond();
    const { total, hosts, omitted, seconds, endedAtMs } = test.statistics.metrics(60);
    expect([hosts.map(({ name }) => name), omitted, seconds, endedAtMs]).toEqual([
      ["a.com", "b.com"],
      0,
      1,
      test.wallMs,
    ]);
    const ofFirst = hosts[0]?.metrics;
    expect(ofFirst?.Latency).toMatchObject({
      Unit: "Milliseconds",
      SampleCount: 4,
      Sum: 1060,
      Average: 265,
      Minimum: 10,
      Maximum: 1000,
    });
    expect(isWithinOnePercent(ofFirst?.Latency.p50 ?? 0, 20)).toBe(true);
    expect(ofFirst?.IntegrationLatency).toMatchObject({ SampleCount: 1, Sum: 8, Minimum: 8, Maximum: 8 });
    expect(ofFirst?.["4xxError"]).toMatchObject({ Sum: 1, SampleCount: 4, Average: 0.25, Minimum: 0, Maximum: 1 });
    expect(ofFirst?.["5xxError"]).toMatchObject({ Sum: 1, Average: 0.25 });
    expect(ofFirst?.CacheHitCount).toMatchObject({ Sum: 3, Average: 0.75 });
    expect(ofFirst?.CacheMissCount).toMatchObject({ Sum: 1, Average: 0.25 });
    expect(ofFirst?.ClientAbortedCount).toMatchObject({ Sum: 1 });
    expect(ofFirst?.Count).toMatchObject({ Unit: "Count", Sum: 4, Average: 1, Minimum: 1, Maximum: 1 });
    expect(hosts[1]?.metrics.ThrottleCount).toMatchObject({ Sum: 1, Minimum: 1, Maximum: 1 });
    expect(total.Latency).toMatchObject({ SampleCount: 5, Sum: 1062, Minimum: 2, Maximum: 1000 });
    expect(total.ThrottleCount).toMatchObject({ Sum: 1, SampleCount: 5, Average: 0.2 });
  });

  it("AWS-70 has a host that was asked for by its name although nobody came, with 0 throughout", () => {
    const test = statisticsOf(subject("a.com"), subject("b.com"));
    answer(test, "a.com", 200, 5);
    test.endSecond();
    const [host] = test.statistics.metrics(60, "b.com").hosts;
    expect(host?.name).toBe("b.com");
    expect(host?.metrics.Count).toMatchObject({ Sum: 0, SampleCount: 0, Average: 0, Minimum: 0, Maximum: 0 });
    expect(host?.metrics.Latency).toMatchObject({ Sum: 0, SampleCount: 0, Minimum: 0, Maximum: 0, p99: 0 });
  });

  it("AWS-72 is of the last second, of a minute, or of five", () => {
    const test = statisticsOf(subject("a.com"));
    const sumOver = (period: number): number => test.statistics.metrics(period).total.Latency.Sum;
    for (let second = 0; second < 270; second++) {
      answer(test, "a.com", 200, 1);
      test.endSecond();
    }
    expect([sumOver(1), test.statistics.metrics(1).seconds]).toEqual([1, 1]);
    // Four whole minutes and half of the one that runs.
    expect([sumOver(60), test.statistics.metrics(60).seconds]).toEqual([30, 30]);
    expect([sumOver(300), test.statistics.metrics(300).seconds]).toEqual([270, 270]);
  });

  it("AWS-74 says of a rate what time it is for: 60 in a minute are 1 in a second", () => {
    const test = statisticsOf(subject("a.com"));
    for (let second = 0; second < 30; second++) {
      answer(test, "a.com", 200, 1);
      test.endSecond();
    }
    expect(test.statistics.metrics(60).total.Count).toMatchObject({ Sum: 30, PerSecond: 1, PerMinute: 60 });
  });

  it("AWS-71 keeps what loopback clients and HTTPS have measured, apart from the counters of the host", () => {
    const test = statisticsOf(subject("a.com"));
    answer(test, "a.com", 200, 1);
    test.block.latencies.add("client", test.block.block("a.com\u0000local\u0000tls"), 9 * MS);
    test.endSecond();
    expect(test.statistics.metrics(60).total.Latency).toMatchObject({ SampleCount: 2, Sum: 10, Maximum: 9 });
  });
});
