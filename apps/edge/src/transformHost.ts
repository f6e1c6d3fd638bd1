import { setTimeout as pause } from "node:timers/promises";
import { Channel, portToParent } from "@basalt/ipc";
import { type BodyStore, type DiskSetting, openBodyStore } from "@basalt/store";
import { createTransformPool, type TransformPool } from "@basalt/transform";
import { EdgeError, formatProblem } from "@basalt/types";
import { MediaIndexes } from "./mediaIndexes.ts";
import { type MediaMemory, mediaMemoriesFor, openMediaMemory } from "./mediaMemory.ts";
import { ownFigures } from "./processFigures.ts";
import type { TransformOwner, TransformService, TransformSettings, TransformTask } from "./protocol.ts";
import { judgeMemory } from "./transformMemory.ts";
import { derive } from "./transformWork.ts";

/**
 * Composition root of the transform host: reads a stored source, has a thread work on it, stores the result. It alone
 * meets hostile input with native code; if it dies, the jobs in flight are all that is lost.
 */

const OPEN_FILES = 256;
/** What jobs that wait may hold of bodies that no disk has. */
const HELD_BYTES = 64 * 1024 ** 2;
/** What is remembered of media files. */
const MEDIA_INDEX_BYTES = 96 * 1024 ** 2;
const IDLE_THREAD_MS = 20_000;
const SYNC_MS = 1_000;
const MEMORY_MS = 250;
const RETIRE_POLL_MS = 20;

interface Parts {
  readonly bodies: BodyStore;
  readonly pool: TransformPool;
  readonly mediaIndexes: MediaIndexes;
  readonly mediaMemory: MediaMemory;
  readonly initialBytes: number;
}

let parts: Parts | undefined;
let settings: TransformSettings | undefined;
let isUnfit = false;
let idleSinceMs = performance.now();
let spentMs = new Map<string, number>();
/** Of the jobs that are here, by their numbers. */
const abandonments = new Map<number, AbortController>();

const channel = new Channel<TransformService, TransformOwner>(
  portToParent(),
  {
    configure: ({ settings: given, store }) => {
      settings = given;
      parts ??= assemble(given, store.disks);
      return null;
    },
    derive: (task) => run(task),
    figures: () => {
      const { residentBytes, cpuSeconds } = ownFigures();
      const spent = spentMs;
      spentMs = new Map();
      return { ...(parts?.pool.figures ?? NOTHING), spentMs: spent, residentBytes, cpuSeconds };
    },
  },
  {
    store: ({ disks }) => parts?.bodies.setDisks(disks),
    settings: (given) => {
      settings = given;
      parts?.pool.setLimits(given);
    },
    abandon: ({ number }) => abandonments.get(number)?.abort(),
    retire: () => void retire(),
  },
);

const NOTHING = { waiting: 0, running: 0, done: 0, failed: 0, refused: 0, cancelled: 0, overloaded: 0 };

const assemble = (
  { threads, queueLimit, deadlineMs, memoryBytes }: TransformSettings,
  disks: readonly DiskSetting[],
): Parts => ({
  bodies: openBodyStore({
    disks,
    allocateSegment: (disk) => channel.call("nextSegment", { disk }),
    allocateFile: (disk) => channel.call("nextFile", { disk }),
    onProblem: (problem) => channel.tell("log", { level: "warning", text: formatProblem(problem) }),
    onDiskFailure: (disk) => channel.tell("diskFailed", { disk }),
    onDiskFull: (disk) => channel.tell("diskFull", { disk }),
    maxOpenFiles: OPEN_FILES,
  }),
  pool: createTransformPool({
    threads,
    queueLimit,
    queueLimitBytes: HELD_BYTES,
    deadlineMs,
    idleThreadMs: IDLE_THREAD_MS,
    onStuckThread: () => tellUnfit("a thread does not end", false),
  }),
  mediaIndexes: new MediaIndexes(MEDIA_INDEX_BYTES),
  mediaMemory: openMediaMemory(mediaMemoriesFor(threads, memoryBytes)),
  initialBytes: process.memoryUsage.rss(),
});

const run = async (task: TransformTask) => {
  if (parts === undefined) throw new EdgeError("SHUTTING_DOWN", { detail: "transform host is not configured" });
  const { number, request } = task;
  const abandonment = new AbortController();
  abandonments.set(number, abandonment);
  try {
    return await derive(parts, task, {
      signal: abandonment.signal,
      onStart: () => channel.tell("started", { number }),
      onOverrun: () => channel.tell("overran", { number }),
      onRan: (tookMs) => spentMs.set(request.vhost, (spentMs.get(request.vhost) ?? 0) + tookMs),
    });
  } finally {
    abandonments.delete(number);
    if (abandonments.size === 0) idleSinceMs = performance.now();
  }
};

const watchMemory = (): void => {
  if (parts === undefined || settings === undefined || isUnfit) return;
  const { running } = parts.pool.figures;
  const residentBytes = process.memoryUsage.rss();
  const verdict = judgeMemory({
    residentBytes,
    limitBytes: settings.memoryBytes,
    initialBytes: parts.initialBytes,
    jobsRunning: running,
    idleMs: abandonments.size === 0 ? performance.now() - idleSinceMs : 0,
  });
  parts.pool.setStarting(verdict === "start");
  if (verdict === "start" || verdict === "hold") return;
  tellUnfit(`${Math.round(residentBytes / 1024 ** 2)} MB of memory`, verdict === "replaceNow");
};

const tellUnfit = (reason: string, isUrgent: boolean): void => {
  if (isUnfit && !isUrgent) return;
  isUnfit = true;
  channel.tell("unfit", { reason, isUrgent });
};

const retire = async (): Promise<void> => {
  isUnfit = true;
  await parts?.pool.retire();
  while (abandonments.size > 0) await pause(RETIRE_POLL_MS);
  await parts?.bodies.sync().catch(() => undefined);
  channel.tell("retired", null);
};

setInterval(() => void parts?.bodies.sync().catch(() => undefined), SYNC_MS);
setInterval(watchMemory, MEMORY_MS);
channel.onClose(() => process.kill(process.pid, "SIGKILL"));
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
channel.tell("ready", null);
