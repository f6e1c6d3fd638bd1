import type { BodySource, CachedObject, StoredHead } from "@basalt/cache";
import type { Exchange } from "../exchange.ts";
import { obtainRequest } from "./obtain.ts";
import type { WantedObject } from "./wantedObject.ts";

/** What a body is of, where that is not what the exchange names. */
interface Arriving {
  readonly wanted: WantedObject;
  readonly head: StoredHead;
}

/**
 * Waits until the body has ended, or is longer than `limitBytes`; the object that it has become, if it has become one. The
 * caller retains the source.
 */
export const arrivedObject = async (
  exchange: Exchange,
  source: BodySource,
  limitBytes = Number.POSITIVE_INFINITY,
  { wanted = exchange, head = exchange.sourceHead }: Partial<Arriving> = {},
): Promise<CachedObject | undefined> => {
  const { name, variant } = wanted;
  const { vhost, ticket } = exchange;
  const { cache } = exchange.connection.server.parts;
  await whenSettled(source, limitBytes);
  // The object is made in the turn in which its body ends.
  await new Promise((resolve) => setImmediate(resolve));
  if (vhost === undefined) return undefined;
  const isStored = source.state === "complete" && source.isUnstored !== true;
  if (isStored) await cache.whenGrown(vhost.cache, variant, name, source);
  // What memory holds may still be the object that the body was to take the place of.
  const object = cache.find(vhost.cache, variant, name);
  if (object !== undefined && object.bodyVersion === head?.bodyVersion) return object;
  if (!isStored || !exchange.isCurrent(ticket)) return undefined;
  // Another worker has fetched it: it is stored, and not in this one's memory yet.
  const obtained = await cache.obtain(obtainRequest(exchange, vhost, undefined, wanted));
  return obtained.kind === "object" && obtained.passed === undefined ? obtained.object : undefined;
};

/** Resolves when the body has ended, is too long, or goes on only for those who read it. */
const whenSettled = (source: BodySource, limitBytes: number): Promise<void> =>
  new Promise((resolve) => {
    const isSettled = (): boolean =>
      source.state !== "growing" || source.isUnstored === true || source.availableBytes > limitBytes;
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

/** Memory of one worker for bodies that no disk has, and of which something is to be made. */
export class GatheredMemory {
  #bytes = 0;
  readonly #limitBytes: number;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What one request has of it. */
  share(): { readonly take: (bytes: number) => boolean; readonly giveBack: () => void } {
    let taken = 0;
    return {
      take: (bytes) => {
        if (this.#bytes > 0 && this.#bytes + bytes > this.#limitBytes) return false;
        this.#bytes += bytes;
        taken += bytes;
        return true;
      },
      giveBack: () => {
        this.#bytes -= taken;
        taken = 0;
      },
    };
  }
}

export interface Gathering {
  readonly limitBytes: number;
  /** False: there is no memory for so much more. */
  readonly take: (bytes: number) => boolean;
  /** Aborted when nobody wants it any more. */
  readonly left: AbortSignal;
}

/** Reads a body into memory as it arrives. The caller retains the source. */
export const arrivedBytes = async (
  source: BodySource,
  { limitBytes, take, left }: Gathering,
): Promise<
  { readonly kind: "whole"; readonly body: Buffer } | { readonly kind: "tooLarge" | "tooMany" | "failed" }
> => {
  const chunks: Buffer[] = [];
  let position = 0;
  let wake = (): void => {};
  const unwatch = source.watch(
    () => wake(),
    () => position,
  );
  const onLeft = (): void => wake();
  left.addEventListener("abort", onLeft);
  try {
    for (;;) {
      if (left.aborted) return { kind: "failed" };
      if (Math.max(source.availableBytes, source.totalBytes) > limitBytes) return { kind: "tooLarge" };
      if (source.state === "failed") return { kind: "failed" };
      if (position < source.availableBytes) {
        const chunk = await nextChunk(source, position);
        if (!take(chunk.length)) return { kind: "tooMany" };
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
    left.removeEventListener("abort", onLeft);
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
