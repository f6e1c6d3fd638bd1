import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const PATH = "/monitoring/metricstatistics";

describe(PATH, () => {
  it("AWS-70 AWS-71 answers with the statistics of each metric, of five minutes unless told otherwise", async () => {
    const { status, text } = await scene.ask(PATH);
    expect(status).toBe(200);
    const { method, result } = JSON.parse(text);
    expect([method, result.time, result.period, result.seconds]).toEqual([
      "metricstatistics",
      "2026-09-03T14:30:00.000Z",
      300,
      120,
    ]);
    expect(result.total).toHaveLength(9);
    expect(result.total[1]).toEqual({
      Metric: "4xxError",
      Unit: "Count",
      SampleCount: 4,
      Sum: 1,
      Average: 0.25,
      Minimum: 0,
      Maximum: 1,
    });
    expect(result.hosts[0]).toMatchObject({ name: "site1.com", metrics: result.total });
    expect(result.total[7]).toMatchObject({ Metric: "Latency", Unit: "Milliseconds", p50: 1.5, "p99.9": 2 });
    expect(scene.control.asked).toEqual(["metricStatistics 300 undefined"]);
  });

  it("AWS-70 answers in XML too", async () => {
    const { headers, text } = await scene.ask(`${PATH}.xml`);
    expect(headers["content-type"]).toBe("text/xml; charset=utf-8");
    expect(text).toContain("<Metric>4xxError</Metric>");
    expect(text).toContain("<p99.9>2</p99.9>");
  });

  it.each(["1", "60", "300", "3600"])("AWS-72 takes a period of %s seconds", async (period) => {
    expect((await scene.ask(`${PATH}?vhost=site1.com&period=${period}`)).status).toBe(200);
    expect(scene.control.asked).toEqual([`metricStatistics ${period} site1.com`]);
  });

  it.each(["0", "2", "59", "90", "3660", "-60", "x", ""])("AWS-72 refuses a period of %j", async (period) => {
    expect((await scene.ask(`${PATH}?period=${period}`)).status).toBe(400);
    expect(scene.control.asked).toEqual([]);
  });

  it("AWS-73 answers 404 for an unknown host", async () => {
    const { status, text } = await scene.ask(`${PATH}?vhost=nobody.com`);
    expect(status).toBe(404);
    expect(JSON.parse(text)).toMatchObject({ method: "metricstatistics", status: "Fail" });
  });
});
