import type { Edge } from "../lib/edge.ts";
import { type ProcessMemory, readMemory } from "../lib/procfs.ts";

export interface RolePids {
  readonly primary: number;
  readonly workers: readonly number[];
  readonly transform: number;
}

/** Memory of an instance at one moment. */
export interface MemorySample {
  readonly seconds: number;
  readonly primaryRss: number;
  readonly workerRss: readonly number[];
  readonly transformRss: number;
  readonly totalRss: number;
  /** Heaps and buffers of all processes: no mapped files, no page counted twice. */
  readonly totalAnonymous: number;
}

export interface MemorySampler {
  readonly samples: readonly MemorySample[];
  stop(): void;
}

export async function readRolePids(edge: Edge): Promise<RolePids> {
  const { primaryPid, workers, transform } = await edge.status();
  return { primary: primaryPid, workers: workers.map(({ pid }) => pid), transform: transform.pid };
}

const GONE: ProcessMemory = { rssBytes: 0, pssBytes: 0, anonymousBytes: 0 };

/** A process that has just ended counts nothing. */
function readMemoryOrNothing(pid: number): ProcessMemory {
  try {
    return readMemory(pid);
  } catch {
    return GONE;
  }
}

export function sampleMemory(pids: RolePids, seconds: number): MemorySample {
  const primary = readMemoryOrNothing(pids.primary);
  const transform = readMemoryOrNothing(pids.transform);
  const workers = pids.workers.map(readMemoryOrNothing);
  const all = [primary, transform, ...workers];
  return {
    seconds,
    primaryRss: primary.rssBytes,
    workerRss: workers.map(({ rssBytes }) => rssBytes),
    transformRss: transform.rssBytes,
    totalRss: all.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    totalAnonymous: all.reduce((sum, { anonymousBytes }) => sum + anonymousBytes, 0),
  };
}

/** Looks once a second until it is stopped. */
export function startMemorySampler(pids: RolePids): MemorySampler {
  const started = performance.now();
  const samples: MemorySample[] = [];
  const look = () => samples.push(sampleMemory(pids, (performance.now() - started) / 1000));
  look();
  const timer = setInterval(look, 1000);
  return { samples, stop: () => clearInterval(timer) };
}

/** The sample with the most memory in all; the first of an empty row would be none. */
export function largestSample(samples: readonly MemorySample[]): MemorySample | undefined {
  let largest: MemorySample | undefined;
  for (const sample of samples) if (largest === undefined || sample.totalRss > largest.totalRss) largest = sample;
  return largest;
}
