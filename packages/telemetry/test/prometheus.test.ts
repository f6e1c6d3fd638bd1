import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import {
  CounterAggregate,
  CounterBlock,
  cacheResultSlot,
  classIndexOf,
  clientResponseClassSlot,
  type DiskFigures,
  PROCESS_SLOT,
  rejectionSlot,
  timeBucketOf,
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
  for (const hundredths of [15, 30_000, 9_900_000]) {
    block.add(www + VHOST_SLOT.clientFirstByteSeconds + timeBucketOf(hundredths), 1);
    block.add(www + VHOST_SLOT.clientFirstByteTime + 1, hundredths);
  }
  block.add(block.vhost(HOSTILE) + VHOST_SLOT.clientNotModified, 1);
  block.set(PROCESS_SLOT.connectionsOpen, 5);
  block.add(rejectionSlot("REQUEST_MALFORMED"), 4);
  block.set(PROCESS_SLOT.storeDamaged, 2);
  block.set(PROCESS_SLOT.contentMemoryUsedBytes, 700);
  block.set(PROCESS_SLOT.contentMemoryLimitBytes, 1000);
  const aggregate = new CounterAggregate();
  aggregate.accept("worker-0", block.report());
  const primary = new CounterBlock();
  primary.set(PROCESS_SLOT.storedObjects, 12);
  primary.set(PROCESS_SLOT.storedBodyBytes, 12_000);
  primary.add(PROCESS_SLOT.evictedObjects, 3);
  primary.add(PROCESS_SLOT.evictedBytes, 3_000);
  primary.add(PROCESS_SLOT.recoveredObjects, 1);
  primary.set(PROCESS_SLOT.emergencyMode, 1);
  primary.set(PROCESS_SLOT.storeDamaged, 1);
  aggregate.accept("primary", primary.report());
  return aggregate;
};

const FIGURES = [
  { process: "primary", residentBytes: 50_000_000, cpuSeconds: 1.5, eventLoopLagSeconds: 0.001 },
  { process: "worker-0", residentBytes: 70_000_000, cpuSeconds: 2.5 },
];

const DISKS: readonly DiskFigures[] = [
  { path: "/cache1", state: "Normal", usedBytes: 5_000, quotaBytes: null, availableBytes: 90_000 },
  { path: '/c"2\\\n', state: "Unmounted", usedBytes: 0, quotaBytes: 1_000_000, availableBytes: 80_000 },
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

  it("CFG-41 OPT-61 shows what is stored, what was lost, and whether emergency mode is in force", async () => {
    const lines = (await createMetrics(sample(), () => []).text()).split("\n");
    for (const line of [
      "basalt_stored_objects 12",
      "basalt_stored_body_bytes 12000",
      "basalt_store_evicted_objects_total 3",
      "basalt_store_evicted_bytes_total 3000",
      "basalt_store_readmitted_objects_total 0",
      "basalt_store_recovered_objects_total 1",
      "basalt_store_damaged_total 3",
      "basalt_store_missing_total 0",
      "basalt_store_disk_failures_total 0",
      "basalt_emergency_mode 1",
      "basalt_content_memory_limit_bytes 1000",
      "basalt_content_memory_used_bytes 700",
    ]) {
      expect(lines).toContain(line);
    }
  });

  it("OPT-77 CFG-40 shows state and bytes of each disk, a quota only where there is one", async () => {
    const metrics = createMetrics(
      sample(),
      () => [],
      () => DISKS,
    );
    const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("basalt_disk_"));
    expect(lines).toEqual([
      'basalt_disk_state{disk="/cache1",state="Normal"} 1',
      'basalt_disk_state{disk="/cache1",state="Invalid"} 0',
      'basalt_disk_state{disk="/cache1",state="Unmounted"} 0',
      'basalt_disk_state{disk="/c\\"2\\\\\\n",state="Normal"} 0',
      'basalt_disk_state{disk="/c\\"2\\\\\\n",state="Invalid"} 0',
      'basalt_disk_state{disk="/c\\"2\\\\\\n",state="Unmounted"} 1',
      'basalt_disk_used_bytes{disk="/cache1"} 5000',
      'basalt_disk_used_bytes{disk="/c\\"2\\\\\\n"} 0',
      'basalt_disk_quota_bytes{disk="/c\\"2\\\\\\n"} 1000000',
      'basalt_disk_available_bytes{disk="/cache1"} 90000',
      'basalt_disk_available_bytes{disk="/c\\"2\\\\\\n"} 80000',
    ]);
  });

  it("shows the response times as a cumulative histogram with sum and count", async () => {
    const lines = (await createMetrics(sample(), () => []).text()).split("\n");
    for (const line of [
      'basalt_client_response_seconds_bucket{vhost="www.example.com",le="0.0001"} 0',
      'basalt_client_response_seconds_bucket{vhost="www.example.com",le="0.0002"} 1',
      'basalt_client_response_seconds_bucket{vhost="www.example.com",le="0.5"} 2',
      'basalt_client_response_seconds_bucket{vhost="www.example.com",le="10"} 2',
      'basalt_client_response_seconds_bucket{vhost="www.example.com",le="+Inf"} 3',
      'basalt_client_response_seconds_sum{vhost="www.example.com"} 99.30015',
      'basalt_client_response_seconds_count{vhost="www.example.com"} 3',
      'basalt_client_completion_seconds_count{vhost="www.example.com"} 0',
      'basalt_origin_first_byte_seconds_count{vhost="www.example.com"} 0',
    ]) {
      expect(lines).toContain(line);
    }
  });

  it("escapes label values", async () => {
    const text = await createMetrics(sample(), () => []).text();
    expect(text).toContain('basalt_client_requests_total{vhost="we\\"ird\\\\host\\nname"} 0');
  });

  const samplesOf = async (aggregate: CounterAggregate): Promise<() => Promise<readonly string[]>> => {
    const metrics = createMetrics(aggregate, () => []);
    return async () =>
      (await metrics.text()).split("\n").filter((line) => line.startsWith("basalt_client_requests_total{"));
  };

  it("AWS-73 gives the first 1,000 hosts with traffic series of their own, and sums the others", async () => {
    const block = new CounterBlock();
    for (let index = 0; index < 2500; index += 1) block.add(block.vhost(`h${index}`) + VHOST_SLOT.clientRequests, 1);
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-0", block.report());
    const read = await samplesOf(aggregate);
    expect(await read()).toHaveLength(1000);
    expect(await read()).toContain('basalt_client_requests_total{vhost="_other"} 1501');
  });

  it("shows no hosts without traffic where there are many; one that has begun stays, so that no sum falls", async () => {
    const block = new CounterBlock();
    const names = Array.from({ length: 1500 }, (_, index) => `h${index}`);
    block.add(block.vhost("h1200") + VHOST_SLOT.clientRequests, 5);
    const aggregate = new CounterAggregate();
    aggregate.setVhosts(names);
    aggregate.accept("worker-0", block.report());
    const read = await samplesOf(aggregate);
    const quiet = 'basalt_client_requests_total{vhost="_other"} 0';
    expect(await read()).toEqual(['basalt_client_requests_total{vhost="h1200"} 5', quiet]);
    block.add(block.vhost("h7") + VHOST_SLOT.clientRequests, 2);
    aggregate.accept("worker-0", block.report());
    expect(await read()).toEqual([
      'basalt_client_requests_total{vhost="h7"} 2',
      'basalt_client_requests_total{vhost="h1200"} 5',
      quiet,
    ]);
  });

  it("AWS-91 has a host without detailed metrics among the others, and lets no sum fall when that changes", async () => {
    const block = new CounterBlock();
    const aggregate = new CounterAggregate();
    let isDetailed = true;
    const metrics = createMetrics(
      aggregate,
      () => [],
      undefined,
      undefined,
      undefined,
      (vhost) => vhost !== "b" || isDetailed,
    );
    const read = async (requests: number): Promise<readonly string[]> => {
      for (const vhost of ["a", "b"]) block.add(block.vhost(vhost) + VHOST_SLOT.clientRequests, requests);
      aggregate.accept("worker-0", block.report());
      const lines = (await metrics.text()).split("\n");
      return lines.filter((line) => line.startsWith("basalt_client_requests_total{")).map((line) => line.slice(29));
    };
    expect(await read(5)).toEqual(['vhost="a"} 5', 'vhost="b"} 5']);
    isDetailed = false;
    expect(await read(2)).toEqual(['vhost="a"} 7', 'vhost="_other"} 2']);
    isDetailed = true;
    expect(await read(1)).toEqual(['vhost="a"} 8', 'vhost="b"} 8', 'vhost="_other"} 2']);
    isDetailed = false;
    expect(await read(4)).toEqual(['vhost="a"} 12', 'vhost="_other"} 6']);
  });

  it("AWS-73 lets no sum fall when hosts come and go, whether or not there is room for all of them", async () => {
    const block = new CounterBlock();
    const aggregate = new CounterAggregate();
    const read = await samplesOf(aggregate);
    const valueIn = (lines: readonly string[], vhost: string): number | undefined => {
      const line = lines.find((each) => each.includes(`vhost="${vhost}"`));
      return line === undefined ? undefined : Number(line.split(" ").at(-1));
    };
    const hosts = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `h${from + index}`);
    const steps = [
      [0, 1500],
      [300, 1600],
      [0, 1500],
      [0, 900],
      [1200, 1600],
      [0, 1600],
      [1000, 2200],
      [0, 1300],
    ] as const;
    let others = 0;
    const own = new Map<string, number>();
    for (const [from, to] of steps) {
      aggregate.setVhosts(hosts(from, to));
      for (const name of hosts(from, to)) block.add(block.vhost(name) + VHOST_SLOT.clientRequests, 1);
      aggregate.accept("worker-0", block.report());
      const lines = await read();
      expect(lines.length).toBeLessThanOrEqual(1001);
      const sum = valueIn(lines, "_other") ?? 0;
      expect(sum).toBeGreaterThanOrEqual(others);
      expect(sum - others).toBeLessThanOrEqual(to - from);
      others = sum;
      for (const name of hosts(from, to)) {
        const value = valueIn(lines, name);
        if (value === undefined) continue;
        expect(value).toBeGreaterThanOrEqual(own.get(name) ?? 0);
        own.set(name, value);
      }
    }
    expect(others).toBeGreaterThan(0);
  });

  it("AWS-18 AWS-20 AWS-76 counts clients that left and answers 429, and says 0 where there were none", async () => {
    const block = new CounterBlock();
    const www = block.vhost("www.example.com");
    block.add(www + VHOST_SLOT.clientAborted, 2);
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-0", block.report());
    const lines = (await createMetrics(aggregate, () => []).text()).split("\n");
    expect(lines).toContain('basalt_client_aborted_total{vhost="www.example.com"} 2');
    expect(lines).toContain('basalt_client_throttled_total{vhost="www.example.com"} 0');
  });

  it("AWS-61 to AWS-68 has a series for requests, errors, hits, misses, both latencies, 429 and clients that left", async () => {
    const block = new CounterBlock();
    const www = block.vhost("www.example.com");
    const add = (slot: number, amount: number): void => block.add(www + slot, amount);
    add(VHOST_SLOT.clientRequests, 10);
    add(clientResponseClassSlot(404), 2);
    add(clientResponseClassSlot(502), 1);
    add(cacheResultSlot("TCP_HIT"), 6);
    add(cacheResultSlot("TCP_MISS"), 4);
    add(VHOST_SLOT.clientThrottled, 1);
    add(VHOST_SLOT.clientAborted, 3);
    // Of 10 ms in all.
    add(VHOST_SLOT.clientCompleteTime + classIndexOf(200), 1_000);
    add(VHOST_SLOT.originFirstByteTime + classIndexOf(200), 400);
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-0", block.report());
    const lines = (await createMetrics(aggregate, () => []).text()).split("\n");
    for (const [name, labels, value] of [
      ["client_requests_total", "", 10],
      ["client_responses_total", ',class="4xx"', 2],
      ["client_responses_total", ',class="5xx"', 1],
      ["cache_results_total", ',result="TCP_HIT"', 6],
      ["cache_results_total", ',result="TCP_MISS"', 4],
      ["client_completion_seconds_sum", "", 0.01],
      ["origin_first_byte_seconds_sum", "", 0.004],
      ["client_throttled_total", "", 1],
      ["client_aborted_total", "", 3],
    ] as const) {
      expect(lines).toContain(`basalt_${name}{vhost="www.example.com"${labels}} ${value}`);
    }
  });

  it.skipIf(promtoolIsMissing)("passes promtool check metrics (skipped where promtool is not installed)", async () => {
    const metrics = createMetrics(
      sample(),
      () => FIGURES,
      () => DISKS,
    );
    const text = await metrics.text();
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    expect(`${stdout}${stderr}`).toBe("");
    expect(status).toBe(0);
  });
});
