import type { HostCounts, LiveSample } from "./liveSample.ts";

/** Rates of one virtual host, or of all, between two samples. */
export interface HostRates {
  readonly host: string;
  readonly requestsPerSecond: number;
  /** 0 to 1; null while nothing was asked for. */
  readonly hitRatio: number | null;
  readonly inBytesPerSecond: number;
  readonly outBytesPerSecond: number;
  /** Answers 5xx. */
  readonly errorsPerSecond: number;
  /** Answers 4xx. */
  readonly clientErrorsPerSecond: number;
  readonly notModifiedPerSecond: number;
  readonly abortedPerSecond: number;
  /** Mean from the complete request head to the first byte of the answer; null without an answer. */
  readonly latencyMs: number | null;
  readonly originRequestsPerSecond: number;
  readonly originBytesPerSecond: number;
  readonly originFailuresPerSecond: number;
  /** Mean time to the origin's first byte; null without an answer of it. */
  readonly originLatencyMs: number | null;
}

export interface ProcessRates {
  readonly process: string;
  /** Of one core: 1 is a core in full use. */
  readonly cpu: number;
  readonly residentBytes: number;
  readonly lagMs: number;
}

export interface LiveFigures {
  readonly total: HostRates;
  readonly hosts: readonly HostRates[];
  readonly processes: readonly ProcessRates[];
  readonly clientConnections: number;
  readonly originConnections: number;
  readonly excludedAddresses: number;
}

const NOTHING: HostCounts = {
  requests: 0,
  hits: 0,
  judged: 0,
  inBytes: 0,
  outBytes: 0,
  errors: 0,
  clientErrors: 0,
  notModified: 0,
  aborted: 0,
  latencySeconds: 0,
  latencyCount: 0,
  originRequests: 0,
  originBytes: 0,
  originFailures: 0,
  originSeconds: 0,
  originCount: 0,
};

/** A counter that fell belongs to an instance that was started anew: it counts from 0. */
const grown = (before: number, after: number): number => (after >= before ? after - before : after);

const combine = (
  first: HostCounts,
  second: HostCounts,
  how: (first: number, second: number) => number,
): HostCounts => ({
  requests: how(first.requests, second.requests),
  hits: how(first.hits, second.hits),
  judged: how(first.judged, second.judged),
  inBytes: how(first.inBytes, second.inBytes),
  outBytes: how(first.outBytes, second.outBytes),
  errors: how(first.errors, second.errors),
  clientErrors: how(first.clientErrors, second.clientErrors),
  notModified: how(first.notModified, second.notModified),
  aborted: how(first.aborted, second.aborted),
  latencySeconds: how(first.latencySeconds, second.latencySeconds),
  latencyCount: how(first.latencyCount, second.latencyCount),
  originRequests: how(first.originRequests, second.originRequests),
  originBytes: how(first.originBytes, second.originBytes),
  originFailures: how(first.originFailures, second.originFailures),
  originSeconds: how(first.originSeconds, second.originSeconds),
  originCount: how(first.originCount, second.originCount),
});

const meanMs = (sumSeconds: number, count: number): number | null => (count === 0 ? null : (sumSeconds / count) * 1000);

const ratesOf = (host: string, counts: HostCounts, seconds: number): HostRates => ({
  host,
  requestsPerSecond: counts.requests / seconds,
  hitRatio: counts.judged === 0 ? null : counts.hits / counts.judged,
  inBytesPerSecond: counts.inBytes / seconds,
  outBytesPerSecond: counts.outBytes / seconds,
  errorsPerSecond: counts.errors / seconds,
  clientErrorsPerSecond: counts.clientErrors / seconds,
  notModifiedPerSecond: counts.notModified / seconds,
  abortedPerSecond: counts.aborted / seconds,
  latencyMs: meanMs(counts.latencySeconds, counts.latencyCount),
  originRequestsPerSecond: counts.originRequests / seconds,
  originBytesPerSecond: counts.originBytes / seconds,
  originFailuresPerSecond: counts.originFailures / seconds,
  originLatencyMs: meanMs(counts.originSeconds, counts.originCount),
});

/** What happened between two samples; a host that is new counts from 0. */
export const compareSamples = (before: LiveSample, after: LiveSample): LiveFigures => {
  const seconds = Math.max(0.001, (after.atMs - before.atMs) / 1000);
  let total = NOTHING;
  const hosts: HostRates[] = [];
  for (const [host, counts] of after.hosts) {
    const difference = combine(before.hosts.get(host) ?? NOTHING, counts, grown);
    total = combine(total, difference, (first, second) => first + second);
    hosts.push(ratesOf(host, difference, seconds));
  }
  return {
    total: ratesOf("total", total, seconds),
    hosts,
    processes: [...after.processes].map(([process, { cpuSeconds, residentBytes, lagSeconds }]) => ({
      process,
      cpu: grown(before.processes.get(process)?.cpuSeconds ?? cpuSeconds, cpuSeconds) / seconds,
      residentBytes,
      lagMs: lagSeconds * 1000,
    })),
    clientConnections: after.clientConnections,
    originConnections: after.originConnections,
    excludedAddresses: after.excludedAddresses,
  };
};

/** Hosts by the mean time that their origins took, slowest first; those without an answer are left out. */
export const slowestOrigins = ({ hosts }: LiveFigures, limit: number): readonly HostRates[] =>
  hosts
    .filter(({ originLatencyMs }) => originLatencyMs !== null)
    .toSorted((left, right) => (right.originLatencyMs ?? 0) - (left.originLatencyMs ?? 0))
    .slice(0, limit);
