import { describe, expect, it } from "vitest";
import { Metrics, readCounter } from "../src/index.ts";

const TEXT = `# HELP basalt_cache_results_total Requests by the way they were answered.
# TYPE basalt_cache_results_total counter
basalt_cache_results_total{vhost="a.test",result="TCP_HIT"} 3
basalt_cache_results_total{vhost="b.test",result="TCP_HIT"} 4
basalt_cache_results_total{vhost="a.test",result="TCP_MISS"} 1
basalt_client_responses_total{vhost="a.test",class="2xx"} 5
odd{text="a \\"quoted\\", \\\\ and\\nnew line"} +Inf
plain 1.5e3
`;

describe("metrics", () => {
  const metrics = Metrics.parse(TEXT);

  it("are summed by name and labels", () => {
    expect(metrics.sum("basalt_cache_results_total", { result: "TCP_HIT" })).toBe(7);
    expect(metrics.sum("plain")).toBe(1_500);
    expect(metrics.sum("absent")).toBe(0);
    expect(metrics.samples.find((sample) => sample.name === "odd")?.labels.text).toBe('a "quoted", \\ and\nnew line');
  });

  it("have short names in tests", () => {
    expect(readCounter(metrics, "TCP_HIT", "a.test")).toBe(3);
    expect(readCounter(metrics, "TCP_HIT", undefined)).toBe(7);
    expect(readCounter(metrics, "client_responses{class=2xx}", "a.test")).toBe(5);
  });

  it("that are not of the format are an error", () => {
    expect(() => Metrics.parse("no value\n")).toThrow(/sample value/);
    expect(() => Metrics.parse('a{b="c} 1\n')).toThrow();
  });
});
