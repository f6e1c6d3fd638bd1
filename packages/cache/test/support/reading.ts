import type { BodySource, Obtained, PartOrigin } from "../../src/index.ts";
import type { TestWorker } from "./host.ts";

/** Reads a body as a delivery does: what is in memory from there, the rest by `read`, waiting while it grows. */
export const readSource = async (source: BodySource, pieceBytes = 100_000): Promise<Buffer> => {
  source.retain();
  const pieces: Buffer[] = [];
  let position = 0;
  let wake: () => void = () => {};
  const unwatch = source.watch(
    () => wake(),
    () => position,
  );
  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (position < source.availableBytes) {
        const inMemory = source.peek(position);
        const piece = inMemory === undefined ? Buffer.alloc(pieceBytes) : Buffer.from(inMemory);
        const count = inMemory === undefined ? await source.read(piece, pieceBytes, position) : piece.length;
        if (count < 1) {
          if (position < source.availableBytes) {
            throw new Error(`nothing to read at ${position} of ${source.availableBytes}`);
          }
          continue;
        }
        pieces.push(piece.subarray(0, count));
        position += count;
        continue;
      }
      if (source.state === "failed") throw source.error ?? new Error("failed without a reason");
      if (source.state === "complete" || position === source.totalBytes) return Buffer.concat(pieces);
      await woken;
    }
  } finally {
    unwatch();
    source.release();
  }
};

/** The body a client would get. */
export const bodyOf = async (worker: TestWorker, obtained: Obtained): Promise<Buffer> => {
  switch (obtained.kind) {
    case "failed":
      throw obtained.error;
    case "elsewhere":
      throw new Error(`the object is kept under ${obtained.selection}`);
    case "body":
      return await readSource(obtained.source);
    case "object": {
      const { object } = obtained;
      if (object.body !== undefined) return object.body;
      const body = await worker.cache.stored.openBody(worker.vhost, 0, object);
      if (body === undefined) throw new Error("the body is gone");
      return await readSource(body.view(0, body.totalBytes, partOriginOf(worker, object.url)));
    }
  }
};

/** How a request of this worker gets blocks that are absent. */
export const partOriginOf = (worker: TestWorker, target: string, partBytes = 0): PartOrigin => ({
  pool: worker.origin,
  partBytes,
  ifRange: worker.vhost.settings.originOptions.ifRange,
  request: () => ({ method: "GET", target, fields: [], body: { kind: "none" }, mode: "cache" }),
});

/** Bytes that tell their position. */
export const patternBytes = (length: number, seed = 1): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let position = 0; position + 4 <= length; position += 4)
    bytes.writeUInt32LE((position * 31 + seed) >>> 0, position);
  return bytes;
};
