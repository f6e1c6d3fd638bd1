import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compileMetricMath,
  type KeptRecord,
  MetricRecord,
  pointsOf,
  seriesOf,
  VHOST_SLOT,
  valuesOf,
} from "../../src/index.ts";
import { statisticsOf, subject } from "../statistics/support.ts";

const MINUTE = 60_000;

const recordOf = (counts: readonly number[], latencies: readonly number[] = [], spanMs = MINUTE): MetricRecord => {
  const record = new MetricRecord(spanMs, counts);
  for (const hundredths of latencies) record.client.add(hundredths);
  return record;
};

const value = (expression: string, record: MetricRecord, seconds = 60): number | null => {
  const outcome = compileMetricMath(expression);
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.value({ record, seconds });
};

describe("metric math", () => {
  const record = recordOf([200, 20, 10, 150, 40, 3, 2, 60_000], [1_000, 2_000, 3_000]);

  it.each([
    ["Count", 200],
    ["4xxError", 20],
    ["5xxError/Count*100", 5],
    ["1 - 2 - 3", -4],
    ["2 + 3 * 4", 14],
    ["(2 + 3) * 4", 20],
    ["8 / 2 / 2", 2],
    ["-Count + 1.5", -198.5],
    ["--2", 2],
    ["2 * -3", -6],
    ["4xxError.Average", 0.1],
    ["Count.PerMinute", 200],
    ["BytesSent.PerSecond * 8", 8_000],
    ["Latency", 20],
    ["Latency.Maximum - Latency.Minimum", 20],
    ["Latency.SampleCount", 3],
    ["Latency.Sum", 60],
    ["CacheHitCount / (CacheHitCount + CacheMissCount)", 150 / 190],
    ["Count / 0", null],
    ["Count / (ThrottleCount - 3)", null],
    ["IntegrationLatency", null],
    ["IntegrationLatency + Count", null],
    ["IntegrationLatency.Sum", 0],
  ])("AWS-78 %s is %s", (expression, expected) => {
    const found = value(expression, record);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toBeCloseTo(expected, 9);
  });

  it("AWS-78 reads a metric of a point once, however often an expression has it", () => {
    const counted = recordOf([1], [1_000]);
    let reads = 0;
    const quantile = counted.client.quantile.bind(counted.client);
    counted.client.quantile = (share) => {
      reads += 1;
      return quantile(share);
    };
    expect(value("(Latency.p99 + Latency.p99) / Latency.p99 + Latency.p90", counted)).toBeCloseTo(12, 0);
    expect(reads).toBe(2);
  });

  it("AWS-78 knows percentiles of latencies", () => {
    expect(Math.abs((value("Latency.p50", record) ?? 0) - 20)).toBeLessThan(0.2);
    expect(Math.abs((value("Latency.p99.9", record) ?? 0) - 30)).toBeLessThan(0.3);
  });

  it.each([
    "",
    " ",
    "Nothing",
    "Count.",
    "Count.p99",
    "Latency.PerSecond",
    "constructor",
    "Count Count",
    "Count +",
    "* 2",
    "(Count",
    "Count)",
    "()",
    "1 % 2",
    "1e5",
    "Count;Count",
    `${"(".repeat(200)}1${")".repeat(200)}`,
    `${"-".repeat(400)}1`,
    "1+".repeat(300),
    "9".repeat(400),
  ])("AWS-78 refuses %j", (expression) => {
    expect(compileMetricMath(expression).ok).toBe(false);
  });

  it("AWS-78 computes what JavaScript does, whatever is written", () => {
    const numbers = fc.integer({ min: 0, max: 99 }).map(String);
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 5 },
        numbers,
        fc
          .tuple(tie("expression"), fc.constantFrom("+", "-", "*", "/"), tie("expression"))
          .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      ),
    }));
    fc.assert(
      fc.property(expression, (text) => {
        if (text.length > 500) return;
        const wanted: unknown = new Function(`return ${text}`)();
        const isKnown = typeof wanted === "number" && Number.isFinite(wanted);
        const found = value(text, record);
        // A part that divides by 0 makes the whole missing, where JavaScript may come back from infinity.
        if (found !== null) expect(found).toBeCloseTo(isKnown ? wanted : Number.NaN, 6);
      }),
    );
  });

  it("AWS-78 never fails for what is no expression", () => {
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => void compileMetricMath(text)));
  });
});

describe("a kept record", () => {
  it("AWS-78 is the same when it was written and read", () => {
    const counts = fc.array(fc.integer({ min: 0, max: 2 ** 50 }), { minLength: 12, maxLength: 12 });
    const latencies = fc.array(fc.integer({ min: 1, max: 1e8 }), { maxLength: 50 });
    fc.assert(
      fc.property(counts, latencies, fc.integer({ min: 0, max: 3e8 }), (someCounts, some, spanMs) => {
        const record = recordOf(someCounts, some, spanMs);
        const read = MetricRecord.decode(record.encode());
        expect(read?.spanMs).toBe(spanMs);
        expect(read?.encode()).toEqual(record.encode());
        expect(read?.client.quantile(0.9)).toBe(record.client.quantile(0.9));
        expect(read?.count("originReceivedBytes")).toBe(someCounts[11]);
      }),
    );
  });

  it("AWS-78 is none, and no failure, of bytes that are not one", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void MetricRecord.decode(bytes)));
    const whole = recordOf([1, 2, 3], [5, 9]).encode();
    for (let length = 0; length < whole.length; length++) {
      expect(MetricRecord.decode(whole.subarray(0, length))).toBeUndefined();
    }
    expect(MetricRecord.decode(Uint8Array.from([...whole, 0]))).toBeUndefined();
  });

  it("AWS-78 takes some hundred bytes of a busy host", () => {
    const latencies = Array.from({ length: 5_000 }, (_, index) => 50 + ((index * 7_919) % 20_000));
    const bytes = recordOf([5_000, 20, 3, 4_000, 900, 0, 1, 5e9, 1e6, 900, 4e5, 1e9], latencies).encode();
    expect(bytes.length).toBeLessThan(1_000);
  });
});

describe("points of a picture", () => {
  const question = { fromMs: 0, toMs: 10 * MINUTE, periodSeconds: 60 };
  const at = (minute: number, requests: number, spanMs = MINUTE, offsetMs = 0): KeptRecord => ({
    endedAtMs: minute * MINUTE + offsetMs,
    record: recordOf([requests], [], spanMs),
  });
  const requests = (points: ReturnType<typeof pointsOf>) =>
    points.map((point) => (point === undefined ? null : point.record.count("requests")));

  it("AWS-78 are zeros where the host had nothing, and missing where the server counted nothing", () => {
    const allFine = [at(1, 5), at(2, 9), at(4, 1)];
    expect(requests(pointsOf(question, { coarse: [], fine: [at(2, 4)], allCoarse: [], allFine }))).toEqual([
      0,
      4,
      null,
      0,
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it("AWS-78 have each minute once, though it ends some milliseconds before or after that of the clock", () => {
    const fine = [-900, 700, -3, 4, -500, 900, 0, -1, 1].map((offset, index) =>
      at(index + 1, index + 1, MINUTE, offset),
    );
    const points = pointsOf(question, { coarse: [], fine, allCoarse: [], allFine: fine });
    expect(requests(points)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, null]);
  });

  it("AWS-78 are made of five minutes where there are some, and of minutes for what these leave out", () => {
    const minutes = Array.from({ length: 14 }, (_, index) => at(index + 1, 1));
    // The process was killed in the second five minutes: nothing was written of them but single minutes.
    const coarse = [at(5, 5, 5 * MINUTE)];
    const history = { coarse, fine: minutes, allCoarse: coarse, allFine: minutes };
    const points = pointsOf({ fromMs: 0, toMs: 15 * MINUTE, periodSeconds: 300 }, history);
    expect(requests(points)).toEqual([5, 5, 4]);
    expect(points.map((point) => point?.seconds)).toEqual([300, 300, 240]);
  });

  it("AWS-78 have rates by the time that was counted", () => {
    const half = [at(1, 60, MINUTE / 2)];
    const points = pointsOf(question, { coarse: [], fine: half, allCoarse: [], allFine: half });
    const outcome = compileMetricMath("Count.PerSecond");
    expect(outcome.ok ? seriesOf(valuesOf(points, outcome.value)).values[0] : undefined).toBe(2);
  });

  it("AWS-78 of nothing have no figures", () => {
    const outcome = compileMetricMath("Count");
    const points = pointsOf(question, { coarse: [], fine: [], allCoarse: [], allFine: [] });
    expect(outcome.ok ? seriesOf(valuesOf(points, outcome.value)) : undefined).toMatchObject({
      max: null,
      avg: null,
      sum: null,
    });
  });
});

describe("the figures of the last minute", () => {
  it("AWS-78 are those of hosts that had some, loopback and HTTPS in them", () => {
    const test = statisticsOf(subject("a.test"), subject("quiet.test"));
    test.count("a.test", VHOST_SLOT.clientRequests, 7);
    test.block.latencies.add("client", test.block.vhost("a.test"), 1_000);
    for (let second = 0; second < 61; second++) test.endSecond();
    const { seconds, hosts } = test.statistics.minuteFigures();
    const found = [...hosts].map((host) => [host.name, MetricRecord.of(host).count("requests"), host.client?.count]);
    expect(seconds).toBe(60);
    expect(found).toEqual([["a.test", 7, 1]]);
  });
});
