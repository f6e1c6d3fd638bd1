import type { DeriveReply, DeriveRequest } from "@basalt/cache";
import { decodeHead, encodeHead } from "@basalt/cache/stored-head";
import type { EdgeConfig } from "@basalt/config";
import { Channel, portToParent } from "@basalt/ipc";
import { type BodyStore, type DiskSetting, openBodyStore } from "@basalt/store";
import { createTransformPool, type TransformPool } from "@basalt/transform";
import { EdgeError, formatProblem } from "@basalt/types";
import { ownFigures } from "./processFigures.ts";
import type { TransformOwner, TransformService } from "./protocol.ts";

/**
 * Composition root of the transform host: reads a stored source, has a thread work on it, stores the result. It alone
 * meets hostile input with native code; if it dies, the jobs in flight are all that is lost.
 */

const OPEN_FILES = 256;
/** Jobs that may wait per thread; beyond it the caller serves the source. */
const QUEUE_PER_THREAD = 256;
const DEADLINE_MS = 30_000;

let parts: { readonly bodies: BodyStore; readonly pool: TransformPool } | undefined;

const channel = new Channel<TransformService, TransformOwner>(
  portToParent(),
  {
    configure: ({ config, store }) => {
      parts ??= assemble(config, store.disks);
      return null;
    },
    derive: (request) => derive(request),
    figures: () => {
      const { residentBytes, cpuSeconds } = ownFigures();
      const idle = { waiting: 0, running: 0, done: 0, failed: 0 };
      return { ...(parts?.pool.figures ?? idle), residentBytes, cpuSeconds };
    },
  },
  { store: ({ disks }) => parts?.bodies.setDisks(disks) },
);

const SYNC_MS = 1_000;

const assemble = (config: EdgeConfig, disks: readonly DiskSetting[]) => ({
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
    threads: config.server.cache.transformThreads,
    queueLimit: config.server.cache.transformThreads * QUEUE_PER_THREAD,
    deadlineMs: DEADLINE_MS,
  }),
});

const derive = async ({ source, operation, head, image }: DeriveRequest): Promise<DeriveReply> => {
  if (parts === undefined) throw new EdgeError("SHUTTING_DOWN", { detail: "transform host is not configured" });
  const body = await readWhole(parts.bodies, source);
  const outcome = await parts.pool.run({ kind: operation.kind, source: body, level: operation.level });
  if (outcome.kind === "unchanged") return { kind: "unchanged", reason: outcome.reason };
  const template = decodeHead(head);
  if (template === undefined) throw new EdgeError("INTERNAL", { detail: "unreadable head of a derived object" });
  const result = Buffer.from(outcome.body.buffer, outcome.body.byteOffset, outcome.body.byteLength);
  const encoded = encodeHead({ ...template, bodyBytes: result.length });
  const location = await parts.bodies.append(image, encoded, result);
  return { kind: "stored", location, head: encoded };
};

const readWhole = async (bodies: BodyStore, location: DeriveRequest["source"]): Promise<Uint8Array<ArrayBuffer>> => {
  const reader = await bodies.openBody(location);
  if (reader === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "source of a transform is gone" });
  try {
    const memory = new Uint8Array(location.bodyBytes);
    const target = Buffer.from(memory.buffer);
    let filled = 0;
    while (filled < target.length) {
      const count = await reader.read(target, filled, target.length - filled, filled);
      if (count < 1) throw new EdgeError("STORE_UNAVAILABLE", { detail: "source of a transform is cut off" });
      filled += count;
    }
    return memory;
  } finally {
    reader.release();
  }
};

setInterval(() => void parts?.bodies.sync().catch(() => undefined), SYNC_MS);
channel.onClose(() => process.exit(0));
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
channel.tell("ready", null);
