import { expect, it } from "vitest";
import { parseMetrics, sumMetric } from "../metrics.ts";

const TEXT = `# HELP basalt_cache_results_total Requests.
# TYPE basalt_cache_results_total counter
basalt_cache_results_total{vhost="a",result="TCP_HIT"} 7
basalt_cache_results_total{vhost="b \\"x\\", y",result="TCP_HIT"} 2
basalt_cache_results_total{vhost="a",result="TCP_MISS"} 1e2
basalt_build_info 1 1700000000000
`;

it("reads samples with their labels, whatever the labels hold", () => {
  const samples = parseMetrics(TEXT);
  expect(samples).toHaveLength(4);
  expect(samples[1]?.labels).toEqual({ vhost: 'b \\"x\\", y', result: "TCP_HIT" });
  expect(samples[3]).toEqual({ name: "basalt_build_info", labels: {}, value: 1 });
});

it("sums the samples of a name that the labels choose", () => {
  const samples = parseMetrics(TEXT);
  expect(sumMetric(samples, "basalt_cache_results_total")).toBe(109);
  expect(sumMetric(samples, "basalt_cache_results_total", ({ result }) => result === "TCP_HIT")).toBe(9);
  expect(sumMetric(samples, "absent")).toBe(0);
});
