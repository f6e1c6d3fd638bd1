import { type ChildProcess, fork } from "node:child_process";
import { WORKER_ENTRY } from "./entries.ts";

/** A worker's heap holds little beside the memory tier's index: what V8 would keep in reserve belongs to the tier. */
const V8_OPTIONS = ["--heap-growing-percent=25", "--max-semi-space-size=4"];

/**
 * For glibc's allocator: buffers from 256 KB on are given back to the system when they are free, instead of leaving
 * holes, and few threads have a heap of their own. What the environment says already wins.
 */
const ALLOCATOR_OPTIONS = {
  MALLOC_MMAP_THRESHOLD_: "262144",
  MALLOC_TRIM_THRESHOLD_: "8388608",
  MALLOC_ARENA_MAX: "2",
};

let first: ChildProcess | undefined;

const spawnWorker = (): ChildProcess =>
  fork(WORKER_ENTRY, [], {
    serialization: "advanced",
    execArgv: [...V8_OPTIONS],
    env: { ...ALLOCATOR_OPTIONS, ...process.env },
  });

/** Begins the process of the first worker before anything is known of what it will serve; it ends with this one. */
export const forkFirstWorker = (): void => {
  first = spawnWorker();
  first.on("error", () => {});
};

/** What a process tells before somebody listens is kept for him. One that has ended meanwhile is no use. */
export const forkWorker = (): ChildProcess => {
  const early = first;
  first = undefined;
  const isAlive = early?.pid !== undefined && early.exitCode === null && early.signalCode === null;
  return early !== undefined && isAlive ? early : spawnWorker();
};
