import { CACHE_RESULTS, HIT_RESULTS } from "@basalt/types";
import type { MetricTable, Sums } from "./metricTable.ts";

/** What a virtual host has counted since the instance started. */
export interface HostCounts {
  readonly requests: number;
  readonly hits: number;
  /** Requests that were answered with or without the cache: what hits are a share of. */
  readonly judged: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly errors: number;
  readonly clientErrors: number;
  readonly notModified: number;
  readonly aborted: number;
  readonly latencySeconds: number;
  readonly latencyCount: number;
  readonly originRequests: number;
  readonly originBytes: number;
  readonly originFailures: number;
  readonly originSeconds: number;
  readonly originCount: number;
}

export interface ProcessCounts {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly lagSeconds: number;
}

/** One scrape, reduced to what the live views show. */
export interface LiveSample {
  /** On a clock that only goes forward. */
  readonly atMs: number;
  readonly hosts: ReadonlyMap<string, HostCounts>;
  readonly processes: ReadonlyMap<string, ProcessCounts>;
  readonly clientConnections: number;
  readonly originConnections: number;
  readonly excludedAddresses: number;
}

const isHit = (labels: ReadonlyMap<string, string>): boolean => {
  const result = CACHE_RESULTS.find((word) => word === labels.get("result"));
  return result !== undefined && HIT_RESULTS.has(result);
};

const isJudged = (labels: ReadonlyMap<string, string>): boolean => labels.get("result") !== "TCP_NONE";

const added = (...all: readonly Sums[]): Sums => {
  const total = new Map<string, number>();
  for (const sums of all) for (const [name, value] of sums) total.set(name, (total.get(name) ?? 0) + value);
  return total;
};

export const readSample = (table: MetricTable, atMs: number): LiveSample => {
  const by = (name: string): Sums => table.by("vhost", `basalt_${name}`);
  const ofClass = (name: string, wanted: string): Sums =>
    table.by("vhost", `basalt_${name}`, (labels) => labels.get("class") === wanted);
  const requests = by("client_requests_total");
  const sources: Readonly<Record<keyof HostCounts, Sums>> = {
    requests,
    hits: table.by("vhost", "basalt_cache_results_total", isHit),
    judged: table.by("vhost", "basalt_cache_results_total", isJudged),
    inBytes: by("client_request_bytes_total"),
    outBytes: added(by("client_response_head_bytes_total"), by("client_response_body_bytes_total")),
    errors: ofClass("client_responses_total", "5xx"),
    clientErrors: ofClass("client_responses_total", "4xx"),
    notModified: by("client_not_modified_total"),
    aborted: by("client_aborted_total"),
    latencySeconds: by("client_response_seconds_sum"),
    latencyCount: by("client_response_seconds_count"),
    originRequests: by("origin_requests_total"),
    originBytes: by("origin_response_bytes_total"),
    originFailures: by("origin_failures_total"),
    originSeconds: by("origin_first_byte_seconds_sum"),
    originCount: by("origin_first_byte_seconds_count"),
  };
  const hosts = new Map<string, HostCounts>();
  for (const host of requests.keys()) {
    const of = (name: keyof HostCounts): number => sources[name].get(host) ?? 0;
    hosts.set(host, {
      requests: of("requests"),
      hits: of("hits"),
      judged: of("judged"),
      inBytes: of("inBytes"),
      outBytes: of("outBytes"),
      errors: of("errors"),
      clientErrors: of("clientErrors"),
      notModified: of("notModified"),
      aborted: of("aborted"),
      latencySeconds: of("latencySeconds"),
      latencyCount: of("latencyCount"),
      originRequests: of("originRequests"),
      originBytes: of("originBytes"),
      originFailures: of("originFailures"),
      originSeconds: of("originSeconds"),
      originCount: of("originCount"),
    });
  }
  const resident = table.by("process", "basalt_process_resident_memory_bytes");
  const cpu = table.by("process", "basalt_process_cpu_seconds_total");
  const lag = table.by("process", "basalt_process_event_loop_lag_seconds");
  const processes = new Map<string, ProcessCounts>();
  for (const [name, residentBytes] of resident) {
    processes.set(name, { residentBytes, cpuSeconds: cpu.get(name) ?? 0, lagSeconds: lag.get(name) ?? 0 });
  }
  return {
    atMs,
    hosts,
    processes,
    clientConnections: table.sum("basalt_client_connections_open"),
    originConnections: table.sum("basalt_origin_connections_open"),
    excludedAddresses: table.sum("basalt_origin_addresses_excluded"),
  };
};
