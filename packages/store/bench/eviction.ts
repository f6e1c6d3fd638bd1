/**
 * Why the memory tier is S3-FIFO: hit ratios on synthetic traces, objects of one size. `node bench/eviction.ts`.
 * A trace asks for 100,000 objects by a Zipf law; with a scan, 15,000 of every 50,000 requests ask for objects never
 * seen again. Hits count after the first fifth.
 */
import { createMemoryTier, TIER_ENTRY_OVERHEAD_BYTES } from "../src/memoryTier/memoryTier.ts";

const OBJECTS = 100_000;
const REQUESTS = 1_000_000;
const SCAN_EVERY = 50_000;
const SCAN_LENGTH = 15_000;

/** Answers whether the object was held, and holds it from now on. */
type Policy = (object: number) => boolean;

const createLru = (size: number): Policy => {
  const held = new Set<number>();
  return (object) => {
    const isHit = held.delete(object);
    held.add(object);
    const [oldest] = held;
    if (held.size > size && oldest !== undefined) held.delete(oldest);
    return isHit;
  };
};

/** SIEVE on an array: the hand skips empty places, which are squeezed out when half of them are. */
const createSieve = (size: number): Policy => {
  const visited = new Map<number, boolean>();
  let order: (number | undefined)[] = [];
  let hand = 0;
  return (object) => {
    if (visited.has(object)) {
      visited.set(object, true);
      return true;
    }
    while (visited.size >= size) {
      if (hand >= order.length) hand = 0;
      const candidate = order[hand];
      if (candidate !== undefined) {
        if (visited.get(candidate) === true) visited.set(candidate, false);
        else {
          visited.delete(candidate);
          order[hand] = undefined;
        }
      }
      hand += 1;
    }
    if (order.length > size * 2) {
      hand = order.slice(0, hand).filter((place) => place !== undefined).length;
      order = order.filter((place) => place !== undefined);
    }
    order.push(object);
    visited.set(object, false);
    return false;
  };
};

const createTier = (size: number): Policy => {
  const objectBytes = 1000;
  const tier = createMemoryTier<{ readonly memoryBytes: number }>(size * objectBytes);
  const entry = { memoryBytes: objectBytes - TIER_ENTRY_OVERHEAD_BYTES };
  return (object) => {
    const url = String(object);
    if (tier.find(0, url) !== undefined) return true;
    tier.insert(0, url, entry);
    return false;
  };
};

const createRandom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const createZipf = (exponent: number, random: () => number): (() => number) => {
  const cumulative = new Float64Array(OBJECTS);
  let total = 0;
  for (let rank = 0; rank < OBJECTS; rank += 1) {
    total += (rank + 1) ** -exponent;
    cumulative[rank] = total;
  }
  return () => {
    const wanted = random() * total;
    let low = 0;
    let high = OBJECTS - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
};

const createTrace = (exponent: number, hasScan: boolean): Int32Array => {
  const next = createZipf(exponent, createRandom(7));
  let scanned = OBJECTS;
  return Int32Array.from({ length: REQUESTS }, (_, index) => {
    if (!hasScan || index % SCAN_EVERY >= SCAN_LENGTH) return next();
    scanned += 1;
    return scanned;
  });
};

const hitPercentage = (trace: Int32Array, policy: Policy): string => {
  let hits = 0;
  let counted = 0;
  for (const [index, object] of trace.entries()) {
    const isHit = policy(object);
    if (index < REQUESTS / 5 || object >= OBJECTS) continue;
    counted += 1;
    if (isHit) hits += 1;
  }
  return ((hits / counted) * 100).toFixed(1);
};

process.stdout.write("| trace | LRU | SIEVE | this tier |\n|---|---|---|---|\n");
for (const exponent of [0.7, 0.9, 1.1]) {
  for (const size of [1000, 10_000]) {
    for (const hasScan of [false, true]) {
      const trace = createTrace(exponent, hasScan);
      const figures = [createLru, createSieve, createTier].map((create) => hitPercentage(trace, create(size)));
      const name = `Zipf ${exponent}, memory ${(size / OBJECTS) * 100} %${hasScan ? ", scans" : ""}`;
      process.stdout.write(`| ${name} | ${figures.join(" | ")} |\n`);
    }
  }
}
