import type { ImageTask } from "../../packages/policy/src/index.ts";
import { createTransformPool, type TransformPool } from "../../packages/transform/src/index.ts";
import type { DimsRow } from "./dimsRows.ts";

const SETTINGS: ImageTask["settings"] = {
  firstFrameOnly: false,
  maxSidePixels: 65_535,
  maxPixels: 100_000_000,
  maxFrames: 1_000,
  autoOrient: false,
  convertsToSrgb: false,
  stripsLocation: false,
  keepsSmaller: false,
  targetSimilarity: 0.98,
};

const TERMS = { vhost: "www.bench.test", weight: 1, maxRunning: 0, priority: "asked", heldBytes: 0 } as const;

/** As it is installed: threads of the sources would each begin with compiling them. */
const COMPILED_THREAD = new URL("../../packages/transform/dist/thread.js", import.meta.url);

const openPool = (threads: number): TransformPool =>
  createTransformPool(
    {
      threads,
      queueLimit: 1_000_000,
      queueLimitBytes: 2 ** 40,
      deadlineMs: 120_000,
      idleThreadMs: 600_000,
      onStuckThread: () => {
        throw new Error("a thread does not end");
      },
    },
    COMPILED_THREAD,
  );

const convertIn = async (pool: TransformPool, row: DimsRow): Promise<void> => {
  const operation: ImageTask = { kind: "image", commands: row.commands, settings: SETTINGS };
  const outcome = await pool.run(TERMS, async () => ({
    kind: "whole",
    operation,
    source: Uint8Array.from(row.source),
  }));
  if (outcome.kind === "refused") throw new Error(`${row.id}: ${outcome.detail}`);
};

export interface DimsRate {
  readonly perSecond: number;
  /** Processor time of the whole process for one conversion. */
  readonly cpuMs: number;
}

/** One of the ways to make a row's conversions, warm when it is returned. */
export interface DimsContender {
  measure(seconds: number): Promise<DimsRate>;
  close(): Promise<void>;
}

/** Until code that runs once for each conversion is compiled. */
const WARM_SECONDS = 2;

/** With that many under way at any time. */
const measureRate = async (run: () => Promise<unknown>, atOnce: number, seconds: number): Promise<DimsRate> => {
  await Promise.all(Array.from({ length: atOnce }, run));
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  let runs = 0;
  const work = async (): Promise<void> => {
    while (performance.now() - startedMs < seconds * 1000) {
      await run();
      runs += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const { user, system } = process.cpuUsage(startedCpu);
  return { perSecond: (runs * 1000) / (performance.now() - startedMs), cpuMs: (user + system) / 1000 / runs };
};

/** As many jobs wait as run, so that no thread is idle for the way there and back. */
export const contendByPool = async (row: DimsRow, threads: number): Promise<DimsContender> => {
  const pool = openPool(threads);
  const measure = (seconds: number) => measureRate(() => convertIn(pool, row), 2 * threads, seconds);
  try {
    await measure(WARM_SECONDS);
  } catch (error) {
    await pool.close();
    throw error;
  }
  return { measure, close: () => pool.close() };
};

export const contendDirectly = async (run: () => Promise<unknown>, threads: number): Promise<DimsContender> => {
  const measure = (seconds: number) => measureRate(run, threads, seconds);
  await measure(WARM_SECONDS);
  return { measure, close: async () => {} };
};

/** Conversions that come at even intervals at 80 % of what the pool can do, whether it keeps up or not. */
export const measurePoolLatency = async (row: DimsRow, threads: number, seconds: number): Promise<string> => {
  const pool = openPool(threads);
  try {
    await measureRate(() => convertIn(pool, row), 2 * threads, WARM_SECONDS);
    const rate = 0.8 * (await measureRate(() => convertIn(pool, row), 2 * threads, seconds / 3)).perSecond;
    const alone = await timeOf(() => convertIn(pool, row));
    const waits: Promise<number>[] = [];
    const startedMs = performance.now();
    while (waits.length < rate * seconds) {
      const dueMs = startedMs + (waits.length * 1000) / rate;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
      waits.push(timeOf(() => convertIn(pool, row)));
    }
    const sorted = (await Promise.all(waits)).toSorted((first, second) => first - second);
    const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
    return `${row.title} at ${rate.toFixed(1)}/s: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; alone ${alone.toFixed(1)} ms`;
  } finally {
    await pool.close();
  }
};

const timeOf = async (run: () => Promise<void>): Promise<number> => {
  const startedMs = performance.now();
  await run();
  return performance.now() - startedMs;
};
