import { createServer } from "node:http";
import type { AlarmSettings } from "@basalt/config";
import type { MetricReport, MetricStatistics } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { Alarms, postJson } from "../src/alarms.ts";

const ERRORS: AlarmSettings = {
  name: "errors",
  vhost: "",
  metric: "5xxError",
  statistic: "Sum",
  periodMinutes: 1,
  periods: 1,
  comparison: "AtLeast",
  threshold: 10,
  missing: "missing",
  url: "http://alarms.example.com/",
};

const metricsOf = (statistics: Partial<MetricStatistics>): MetricReport => {
  const one: MetricStatistics = {
    ...{ Unit: "Count", SampleCount: 100, Sum: 0, Average: 0, Minimum: 0, Maximum: 0 },
    ...statistics,
  };
  const counts = { Count: one, "4xxError": one, "5xxError": one, CacheHitCount: one, CacheMissCount: one };
  const total = { ...counts, ThrottleCount: one, ClientAbortedCount: one, Latency: one, IntegrationLatency: one };
  return { endedAtMs: 1, seconds: 60, total, hosts: [], omitted: 0 };
};

const START_MS = Date.UTC(2026, 8, 3);

const openAlarms = (...settings: readonly AlarmSettings[]) => {
  const told: string[] = [];
  const calls: Readonly<Record<string, unknown>>[] = [];
  const asked: string[] = [];
  const alarms = new Alarms({
    log: { notice: (text) => told.push(`notice ${text}`), warning: (text) => told.push(`warning ${text}`) },
    post: (url, body) => {
      calls.push({ url, ...JSON.parse(body) });
      return Promise.resolve();
    },
    hostName: () => "edge1",
  });
  alarms.configure(settings, START_MS);
  let nowMs = START_MS;
  const minute = (statistics: Partial<MetricStatistics>): void => {
    nowMs += 60_000;
    const metricsOfMinutes = (minutes: number, vhost: string | undefined): MetricReport => {
      asked.push(`${minutes} ${vhost}`);
      return metricsOf(statistics);
    };
    alarms.minuteEnded({ metricsOfMinutes }, nowMs);
  };
  return { alarms, told, calls, asked, minute };
};

describe("alarms of the configuration", () => {
  it("AWS-75 AWS-A14: 5xxError Sum of at least 10 in a minute is told once, by log and call, and its end too", () => {
    const { alarms, told, calls, minute } = openAlarms(ERRORS);
    expect(alarms.report()).toMatchObject([{ Name: "errors", State: "INSUFFICIENT_DATA", Value: null }]);
    minute({ Sum: 9 });
    minute({ Sum: 10 });
    minute({ Sum: 12 });
    expect(alarms.report()).toMatchObject([{ State: "ALARM", Value: 12, Changed: "2026-09-03T00:02:00.000Z" }]);
    minute({ Sum: 0 });
    expect(told).toEqual([
      "notice alarm errors: OK, was INSUFFICIENT_DATA (all hosts 5xxError Sum 9, AtLeast 10)",
      "warning alarm errors: ALARM, was OK (all hosts 5xxError Sum 10, AtLeast 10)",
      "notice alarm errors: OK, was ALARM (all hosts 5xxError Sum 0, AtLeast 10)",
    ]);
    expect(calls.map(({ state }) => state)).toEqual(["OK", "ALARM", "OK"]);
    expect(calls[1]).toMatchObject({ url: ERRORS.url, alarm: "errors", before: "OK", host: "edge1", value: 10 });
  });

  it("AWS-75 AWS-76 has the sum 0 of a time without requests, and no average of it", () => {
    const { alarms, minute } = openAlarms(ERRORS, { ...ERRORS, name: "share", statistic: "Average", url: "" });
    minute({ SampleCount: 0 });
    expect(alarms.report().map(({ State, Value }) => [State, Value])).toEqual([
      ["OK", 0],
      ["INSUFFICIENT_DATA", null],
    ]);
  });

  it("AWS-72 AWS-75 looks at the end of each period, at one host where it names one", () => {
    const { asked, minute } = openAlarms({ ...ERRORS, periodMinutes: 5, vhost: "a.com" }, { ...ERRORS, name: "each" });
    for (let count = 0; count < 5; count++) minute({ Sum: 1 });
    expect(asked).toEqual(["1 undefined", "1 undefined", "1 undefined", "1 undefined", "5 a.com", "1 undefined"]);
  });

  it("AWS-75 keeps the state of an alarm that a reload leaves as it is, and begins anew with others", () => {
    const { alarms, minute } = openAlarms(ERRORS, { ...ERRORS, name: "other" });
    minute({ Sum: 10 });
    alarms.configure([{ ...ERRORS }, { ...ERRORS, name: "other", threshold: 3 }], START_MS);
    expect(alarms.report().map(({ State }) => State)).toEqual(["ALARM", "INSUFFICIENT_DATA"]);
  });

  it("AWS-75 calls by POST, and fails where the receiver does not take it", async () => {
    const got: string[] = [];
    const server = createServer((request, response) => {
      request.setEncoding("utf8").on("data", (text) => got.push(`${request.method} ${request.url} ${text}`));
      request.on("end", () => response.writeHead(request.url === "/taken" ? 204 : 302, { Location: "/taken" }).end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const base = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    try {
      await postJson(`${base}/taken`, "{}");
      await expect(postJson(`${base}/moved`, "{}")).rejects.toMatchObject({ detail: "status 302" });
      expect(got).toEqual(["POST /taken {}", "POST /moved {}"]);
    } finally {
      server.close();
    }
  });
});
