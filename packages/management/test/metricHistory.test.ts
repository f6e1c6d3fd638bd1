import { MetricRecord } from "@basalt/telemetry";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const PATH = "/monitoring/metricstatistics";
const NOW = Date.UTC(2026, 8, 3, 14, 30, 20);
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** A minute with so many requests, some of them errors. */
const point = (requests: number, errors: number) => ({
  record: new MetricRecord(60_000, [requests, 0, errors]),
  seconds: 60,
});

describe("a picture of the past", () => {
  it("AWS-78 has a line for each metric or expression, with its points, figures and label", async () => {
    scene.control.history = [point(10, 1), undefined, point(0, 0), point(30, 3)];
    const metrics = encodeURIComponent("Count, 5xxError / Count * 100");
    const { status, text } = await scene.ask(`${PATH}?range=1h&vhost=site1.com&metrics=${metrics}`);
    expect(status).toBe(200);
    const { result } = JSON.parse(text);
    expect([result.start, result.end, result.period, result.vhost]).toEqual([
      "2026-09-03T13:30:00.000Z",
      "2026-09-03T14:31:00.000Z",
      60,
      "site1.com",
    ]);
    expect(result.series).toEqual([
      {
        Metric: "Count",
        Label: "Count max 30 avg 13.333333 sum 40",
        Max: 30,
        Min: 0,
        Avg: 13.333333,
        Sum: 40,
        Last: 30,
        Points: [
          { Time: "2026-09-03T13:30:00.000Z", Value: 10 },
          { Time: "2026-09-03T13:31:00.000Z", Value: null },
          { Time: "2026-09-03T13:32:00.000Z", Value: 0 },
          { Time: "2026-09-03T13:33:00.000Z", Value: 30 },
        ],
      },
      expect.objectContaining({ Metric: "5xxError / Count * 100", Max: 10, Min: 10, Last: 10 }),
    ]);
    expect(result.series[1].Points.map(({ Value }: { Value: number | null }) => Value)).toEqual([10, null, null, 10]);
  });

  it("AWS-78 has labels of one's own, and answers in XML too", async () => {
    scene.control.history = [point(4, 0)];
    const label = encodeURIComponent("{label}: {last} of {sum}, {min}…{max} {other}");
    const { text } = await scene.ask(`${PATH}.xml?range=3h&label=${label}`);
    expect(text).toContain("<Label>Count: 4 of 4, 4…4 {other}</Label>");
    expect(text).toContain("<Value>4</Value>");
  });

  it.each([
    ["range=1h", 60, HOUR],
    ["range=3h", 60, 3 * HOUR],
    ["range=12h", 300, 12 * HOUR],
    ["range=1d", 300, 24 * HOUR],
    ["range=3d", 900, 72 * HOUR],
    ["range=1w", 1_800, 168 * HOUR],
    ["range=1w&period=3600", 3_600, 168 * HOUR],
    ["range=3h&period=600", 600, 3 * HOUR],
    [`start=${(NOW - 10 * MINUTE) / 1000}`, 60, 10 * MINUTE],
    ["start=2026-09-01T00:00:00Z&end=2026-09-01T12:00:00Z", 300, 12 * HOUR],
    ["start=2026-08-28&end=2026-09-03T00:00%2B02:00", 1_800, 142 * HOUR],
  ])("AWS-78 with %s the period is %i s", async (query, period, lengthMs) => {
    expect((await scene.ask(`${PATH}?${query}`)).status).toBe(200);
    const [, vhost, from = "", to = "", asked] = scene.control.asked[0]?.split(" ") ?? [];
    expect([vhost, asked]).toEqual(["undefined", String(period)]);
    expect([Number(from) % (period * 1000), Number(to) % (period * 1000)]).toEqual([0, 0]);
    const length = Number(to) - Number(from);
    expect(length).toBeGreaterThanOrEqual(lengthMs);
    expect(length).toBeLessThanOrEqual(lengthMs + 2 * period * 1000);
  });

  it.each([
    "range=2h",
    "range=",
    "range=1h&period=90",
    "range=1h&period=0",
    "range=1d&period=60",
    "range=1w&period=100000",
    "start=yesterday",
    "start=2026-13-01",
    "start=2026-09-03&end=2026-09-02",
    "start=2026-08-01&end=2026-09-01",
    "range=1h&metrics=Nothing",
    "range=1h&metrics=Count%2B",
    `range=1h&metrics=${"Count,".repeat(10)}Count`,
    `range=1h&label=${"x".repeat(201)}`,
  ])("AWS-78 refuses %s", async (query) => {
    expect((await scene.ask(`${PATH}?${query}`)).status).toBe(400);
    expect(scene.control.asked).toEqual([]);
  });

  it("AWS-78 answers 404 for an unknown host", async () => {
    expect((await scene.ask(`${PATH}?range=1h&vhost=nobody.com`)).status).toBe(404);
  });
});
