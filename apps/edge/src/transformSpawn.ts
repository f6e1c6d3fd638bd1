import { type ChildProcess, fork } from "node:child_process";
import { setPriority } from "node:os";
import { Channel, type EventHandlers, portToChild } from "@basalt/ipc";
import { EdgeError } from "@basalt/types";
import { TRANSFORM_ENTRY } from "./entries.ts";
import type { TransformOwner, TransformService } from "./protocol.ts";
import type { TransformProcessParts } from "./transformProcess.ts";

/** Transforms give way to delivery when both want the processor. */
const NICENESS = 10;

/** libvips calls and reads of sources share this pool: calls that hang must leave room for reads. */
const SPARE_POOL_THREADS = 4;

/**
 * glibc keeps up to eight arenas per core, and raises its thresholds when large memory is freed: after pictures it would
 * give little back to the system (decision 0025).
 */
const mallocSettings = (threads: number) => ({
  MALLOC_ARENA_MAX: String(Math.max(2, threads)),
  MALLOC_MMAP_THRESHOLD_: String(1024 ** 2),
  MALLOC_TRIM_THRESHOLD_: String(128 * 1024),
});

export interface Spawned {
  /** Its name among those that write to the disks. */
  readonly writer: string;
  readonly child: ChildProcess;
  readonly channel: Channel<TransformOwner, TransformService>;
  /** Resolves when the process has loaded its code; rejects when it ended before. */
  readonly ready: Promise<void>;
}

export type SpawnParts = Pick<
  TransformProcessParts,
  "config" | "nextSegment" | "nextFile" | "onDiskFailed" | "onDiskFull" | "log" | "entry"
>;

type JobEvents = Pick<EventHandlers<TransformOwner>, "started" | "overran" | "unfit" | "retired">;

/** Starts a transform host process; `events`: what it tells about its jobs and itself. */
export const spawnTransformHost = (parts: SpawnParts, writer: string, events: JobEvents): Spawned => {
  const { transformThreads } = parts.config().server.cache;
  const child = fork(parts.entry?.module ?? TRANSFORM_ENTRY, [], {
    serialization: "advanced",
    ...(parts.entry === undefined ? {} : { execArgv: [...parts.entry.execArgv] }),
    env: {
      ...process.env,
      ...mallocSettings(transformThreads),
      UV_THREADPOOL_SIZE: String(transformThreads + SPARE_POOL_THREADS),
    },
  });
  if (child.pid !== undefined) lowerPriority(child.pid);
  const loaded = Promise.withResolvers<void>();
  const channel = new Channel<TransformOwner, TransformService>(
    portToChild(child),
    {
      nextSegment: ({ disk }) => parts.nextSegment(writer, disk),
      nextFile: ({ disk }) => parts.nextFile(disk),
    },
    {
      ...events,
      ready: () => loaded.resolve(),
      diskFailed: ({ disk }) => parts.onDiskFailed(disk),
      diskFull: ({ disk }) => parts.onDiskFull(disk),
      log: ({ level, text }) => parts.log(level, text),
    },
  );
  // A process that could not be made ends like one that died.
  child.on("error", (cause) => {
    parts.log("error", `transform host: ${cause.message}`);
    channel.close();
  });
  const ended = new Promise<never>((_, reject) => {
    channel.onClose(() => reject(new EdgeError("SHUTTING_DOWN", { detail: "transform host ended" })));
  });
  const ready = Promise.race([loaded.promise, ended]);
  ready.catch(() => {});
  return { writer, child, channel, ready };
};

const lowerPriority = (pid: number): void => {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // A host that forbids it only loses the preference.
  }
};
