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

const openPool = (threads: number): TransformPool =>
  createTransformPool({
    threads,
    queueLimit: 1_000_000,
    queueLimitBytes: 2 ** 40,
    deadlineMs: 120_000,
    idleThreadMs: 60_000,
    onStuckThread: () => {
      throw new Error("a thread does not end");
    },
  });

const convertIn = async (pool: TransformPool, row: DimsRow): Promise<void> => {
  const operation: ImageTask = { kind: "image", commands: row.commands, settings: SETTINGS };
  const outcome = await pool.run(TERMS, async () => ({
    kind: "whole",
    operation,
    source: Uint8Array.from(row.source),
  }));
  if (outcome.kind === "refused") throw new Error(`${row.id}: ${outcome.detail}`);
};

/** Runs per second with that many under way at any time. */
const measureRate = async (run: () => Promise<unknown>, atOnce: number, seconds: number): Promise<number> => {
  await Promise.all(Array.from({ length: atOnce }, run));
  const startedMs = performance.now();
  let runs = 0;
  const work = async (): Promise<void> => {
    while (performance.now() - startedMs < seconds * 1000) {
      await run();
      runs += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return (runs * 1000) / (performance.now() - startedMs);
};

/** As many jobs wait as run, so that no thread is idle for the way there and back. */
export const measurePool = async (row: DimsRow, threads: number, seconds: number): Promise<number> => {
  const pool = openPool(threads);
  try {
    await Promise.all(Array.from({ length: threads }, () => convertIn(pool, row)));
    return await measureRate(() => convertIn(pool, row), 2 * threads, seconds);
  } finally {
    await pool.close();
  }
};

export const measureDirect = (run: () => Promise<unknown>, threads: number, seconds: number): Promise<number> =>
  measureRate(run, threads, seconds);

/** Conversions that come at even intervals at 80 % of what the pool can do, whether it keeps up or not. */
export const measurePoolLatency = async (row: DimsRow, threads: number, seconds: number): Promise<string> => {
  const rate = 0.8 * (await measurePool(row, threads, seconds / 3));
  const pool = openPool(threads);
  try {
    await convertIn(pool, row);
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
