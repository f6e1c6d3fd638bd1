import type { BodySource, CachedObject } from "@basalt/cache";
import type { Exchange } from "../exchange.ts";

/** Waits until the body has ended; the object that it has become, if it has become one. The caller retains the source. */
export const arrivedObject = async (exchange: Exchange, source: BodySource): Promise<CachedObject | undefined> => {
  const { sourceHead, name, variant, vhost } = exchange;
  const { cache } = exchange.connection.server.parts;
  await whenSettled(source);
  // The object is made in the turn in which its body ends.
  await new Promise((resolve) => setImmediate(resolve));
  // What memory holds may still be the object that the body was to take the place of.
  const object = vhost === undefined ? undefined : cache.find(vhost.cache, variant, name);
  return object?.bodyVersion === sourceHead?.bodyVersion ? object : undefined;
};

/** Resolves when the body has ended, or goes on only for those who read it. */
const whenSettled = (source: BodySource): Promise<void> =>
  new Promise((resolve) => {
    const isSettled = (): boolean => source.state !== "growing" || source.isUnstored === true;
    if (isSettled()) {
      resolve();
      return;
    }
    const unwatch = source.watch(() => {
      if (!isSettled()) return;
      unwatch();
      resolve();
    });
  });

/** Reads a body into memory as it arrives, up to `limitBytes`. The caller retains the source. */
export const arrivedBytes = async (
  source: BodySource,
  limitBytes: number,
): Promise<{ readonly kind: "whole"; readonly body: Buffer } | { readonly kind: "tooLarge" | "failed" }> => {
  const chunks: Buffer[] = [];
  let position = 0;
  let wake = (): void => {};
  const unwatch = source.watch(
    () => wake(),
    () => position,
  );
  try {
    for (;;) {
      if (position > limitBytes || source.totalBytes > limitBytes) return { kind: "tooLarge" };
      if (source.state === "failed") return { kind: "failed" };
      if (position < source.availableBytes) {
        const chunk = await nextChunk(source, position);
        chunks.push(chunk);
        position += chunk.length;
        continue;
      }
      if (source.state === "complete") return { kind: "whole", body: Buffer.concat(chunks) };
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    unwatch();
  }
};

const CHUNK_BYTES = 256 * 1024;

const nextChunk = async (source: BodySource, position: number): Promise<Buffer> => {
  const held = source.peek(position);
  if (held !== undefined) return Buffer.from(held);
  const target = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, source.availableBytes - position));
  const count = await source.read(target, target.length, position);
  return target.subarray(0, count);
};
