import { setTimeout as pause } from "node:timers/promises";

export interface CapClock {
  now(): number;
  pause(ms: number): Promise<unknown>;
}

const WALL: CapClock = { now: () => performance.now(), pause: (ms) => pause(ms) };

/** The same chunks, as many bytes a second at most. */
export async function* capped<Chunk extends Uint8Array>(
  chunks: AsyncIterable<Chunk>,
  bytesPerSecond: number,
  clock: CapClock = WALL,
): AsyncGenerator<Chunk> {
  let freeMs = clock.now();
  for await (const chunk of chunks) {
    const waitMs = freeMs - clock.now();
    if (waitMs > 0) await clock.pause(waitMs);
    yield chunk;
    freeMs = Math.max(freeMs, clock.now() - MOST_LAG_MS) + (chunk.length * 1000) / bytesPerSecond;
  }
}

/** What a slow receiver has left unused is not made up for beyond this. */
const MOST_LAG_MS = 100;
