import { gzipSync } from "node:zlib";
import type { TransformJob, TransformOutcome } from "../contract.ts";

/**
 * Compresses a whole object. Equal sources give equal bytes: zlib writes no time and no name into the header, so the
 * variant's entity tag survives a restart.
 */
export const compressGzip = (job: Extract<TransformJob, { kind: "gzip" }>): TransformOutcome => {
  const before = process.threadCpuUsage();
  const compressed = gzipSync(job.source, { level: job.level });
  const spent = process.threadCpuUsage(before);
  if (compressed.byteLength >= job.source.byteLength) {
    return { kind: "unchanged", reason: `gzip: ${compressed.byteLength} of ${job.source.byteLength} bytes` };
  }
  return { kind: "done", body: ownBytes(compressed), cpuMs: (spent.user + spent.system) / 1000 };
};

/** Bytes that alone fill their memory, as a transfer needs them; small results sit in a slab shared by the thread. */
const ownBytes = (view: Buffer<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  view.byteLength === view.buffer.byteLength ? new Uint8Array(view.buffer) : Uint8Array.from(view);
