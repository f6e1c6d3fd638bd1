import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import {
  CounterAggregate,
  CounterBlock,
  cacheResultSlot,
  PROCESS_SLOT,
  rejectionSlot,
  VHOST_SLOT,
} from "../src/index.ts";
import { createMetrics } from "../src/prometheus.ts";

const HOSTILE = 'we"ird\\host\nname';

const sample = (): CounterAggregate => {
  const block = new CounterBlock();
  const www = block.vhost("www.example.com");
  block.add(www + VHOST_SLOT.clientRequests, 3);
  block.add(www + cacheResultSlot("TCP_HIT"), 2);
  block.add(www + VHOST_SLOT.clientRequestBytes, 1234);
  block.observeResponseTime(www, 0.00015);
  block.observeResponseTime(www, 0.3);
  block.observeResponseTime(www, 99);
  block.vhost(HOSTILE);
  block.set(PROCESS_SLOT.connectionsOpen, 5);
  block.add(rejectionSlot("REQUEST_MALFORMED"), 4);
  const aggregate = new CounterAggregate();
  aggregate.accept("worker-0", 1, block.snapshot());
  return aggregate;
};

const FIGURES = [
  { process: "primary", residentBytes: 50_000_000, cpuSeconds: 1.5, eventLoopLagSeconds: 0.001 },
  { process: "worker-0", residentBytes: 70_000_000, cpuSeconds: 2.5 },
];

const promtoolIsMissing = spawnSync("promtool", ["--version"]).error !== undefined;

describe("the Prometheus text", () => {
  it("shows counters, gauges and process figures in base units", async () => {
    const metrics = createMetrics(sample(), () => FIGURES);
    const lines = (await metrics.text()).split("\n");
    expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const line of [
      'basalt_client_requests_total{vhost="www.example.com"} 3',
      'basalt_cache_results_total{vhost="www.example.com",result="TCP_HIT"} 2',
      'basalt_cache_results_total{vhost="www.example.com",result="TCP_MISS"} 0',
      'basalt_client_request_bytes_total{vhost="www.example.com"} 1234',
      'basalt_client_requests_rejected_total{code="REQUEST_MALFORMED"} 4',
      "basalt_client_connections_open 5",
      'basalt_process_resident_memory_bytes{process="worker-0"} 70000000',
      'basalt_process_cpu_seconds_total{process="primary"} 1.5',
      'basalt_process_event_loop_lag_seconds{process="primary"} 0.001',
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.filter((line) => line.startsWith("basalt_build_info{version="))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("basalt_process_event_loop_lag_seconds{"))).toHaveLength(1);
  });

  it("shows the response times as a cumulative histogram with sum and count", async () => {
    const lines = (await createMetrics(sample(), () => []).text()).split("\n");
    for (const line of [
      'basalt_client_response_seconds_bucket{vhost="www.example.com",le="0.0001"} 0',
      'basalt_client_response_seconds_bucket{vhost="www.example.com",le="0.0002"} 1',
      'basalt_client_response_seconds_bucket{vhost="www.example.com",le="0.5"} 2',
      'basalt_client_response_seconds_bucket{vhost="www.example.com",le="10"} 2',
      'basalt_client_response_seconds_bucket{vhost="www.example.com",le="+Inf"} 3',
      'basalt_client_response_seconds_count{vhost="www.example.com"} 3',
    ]) {
      expect(lines).toContain(line);
    }
  });

  it("escapes label values", async () => {
    const text = await createMetrics(sample(), () => []).text();
    expect(text).toContain('basalt_client_requests_total{vhost="we\\"ird\\\\host\\nname"} 0');
  });

  it("sums virtual hosts beyond 2,000 into one series", async () => {
    const block = new CounterBlock();
    for (let index = 0; index < 2500; index += 1) block.add(block.vhost(`h${index}`) + VHOST_SLOT.clientRequests, 1);
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-0", 1, block.snapshot());
    const lines = (await createMetrics(aggregate, () => []).text()).split("\n");
    expect(lines.filter((line) => line.startsWith("basalt_client_requests_total{"))).toHaveLength(2000);
    expect(lines).toContain('basalt_client_requests_total{vhost="_other"} 501');
  });

  it.skipIf(promtoolIsMissing)("passes promtool check metrics (skipped where promtool is not installed)", async () => {
    const text = await createMetrics(sample(), () => FIGURES).text();
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    expect(`${stdout}${stderr}`).toBe("");
    expect(status).toBe(0);
  });
});
