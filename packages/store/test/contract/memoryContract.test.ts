import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryTier, type MemoryTier, TIER_ENTRY_OVERHEAD_BYTES } from "../../src/memoryTier/memoryTier.ts";
import { patternBytes } from "../support/samples.ts";

interface Entry {
  readonly memoryBytes: number;
  readonly body: Buffer;
}

const LIMIT_BYTES = 1_000_000;
const LARGEST_BYTES = LIMIT_BYTES - TIER_ENTRY_OVERHEAD_BYTES;

const entryOf = (bytes: number, seed = bytes): Entry => ({ memoryBytes: bytes, body: patternBytes(bytes, seed) });
const openTier = (): MemoryTier<Entry> => createMemoryTier<Entry>(LIMIT_BYTES);

/** Anything that can come in as a URL. */
const HOSTILE_URLS = [
  "",
  "/",
  "__proto__",
  "constructor",
  "toString",
  "/\u0000",
  "/\ud800",
  "/../../etc/passwd",
  "/a".repeat(50_000),
  "/%2e%2e",
  "0",
  "-1",
];

describe("the memory tier as a store", () => {
  it.each([0, 1, 4096, LARGEST_BYTES - 1, LARGEST_BYTES])("OPT-04 finds %i bytes exactly as stored", (bytes) => {
    const tier = openTier();
    expect(tier.insert(0, "/a", entryOf(bytes))).toBe(true);
    expect(tier.find(0, "/a")?.body.equals(patternBytes(bytes, bytes))).toBe(true);
    expect(tier.bytes).toBeLessThanOrEqual(LIMIT_BYTES);
  });

  it("OPT-04 refuses what is larger than itself, and forgets what it replaced", () => {
    const tier = openTier();
    tier.insert(0, "/a", entryOf(10));
    expect(tier.insert(0, "/a", entryOf(LARGEST_BYTES + 1))).toBe(false);
    expect([tier.find(0, "/a"), tier.count, tier.bytes]).toEqual([undefined, 0, 0]);
  });

  it("keeps absent what was never stored, removed or of another space", () => {
    const tier = openTier();
    tier.insert(4, "/a", entryOf(10));
    expect([tier.find(0, "/a"), tier.find(5, "/a"), tier.find(4, "/b"), tier.find(1e6, "/a")]).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
    tier.remove(4, "/a");
    expect([tier.find(4, "/a"), tier.remove(4, "/a")]).toEqual([undefined, undefined]);
  });

  it("takes hostile URLs for names and nothing else", () => {
    const tier = openTier();
    for (const url of HOSTILE_URLS) expect(tier.find(0, url), url).toBeUndefined();
    for (const [seed, url] of HOSTILE_URLS.entries()) tier.insert(0, url, entryOf(100, seed));
    for (const [seed, url] of HOSTILE_URLS.entries()) {
      expect(tier.find(0, url)?.body.equals(patternBytes(100, seed)), url).toBe(true);
    }
    expect(tier.count).toBe(HOSTILE_URLS.length);
    for (const url of HOSTILE_URLS) expect(tier.remove(0, url)).toBeDefined();
    expect([tier.count, tier.bytes]).toEqual([0, 0]);
  });

  it("OPT-04 gives the last state stored or nothing, and stays below its limit, whatever happens", () => {
    const step = fc.record({
      act: fc.constantFrom("insert", "insert", "insert", "find", "remove", "removeSpace", "setLimit"),
      space: fc.nat(2),
      url: fc.constantFrom("/a", "/b", "/c", "__proto__", ""),
      bytes: fc.integer({ min: 0, max: 500 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const tier = createMemoryTier<Entry>(2000);
        const expected = new Map<string, Entry>();
        for (const { act, space, url, bytes } of steps) {
          const name = `${space} ${url}`;
          const entry = { memoryBytes: bytes, body: Buffer.alloc(0) };
          if (act === "insert") {
            if (tier.insert(space, url, entry)) expected.set(name, entry);
            else expected.delete(name);
          } else if (act === "remove") {
            tier.remove(space, url);
            expected.delete(name);
          } else if (act === "removeSpace") {
            tier.removeSpace(space);
            for (const other of [...expected.keys()]) if (other.startsWith(`${space} `)) expected.delete(other);
          } else if (act === "setLimit") tier.setLimit(400 + bytes * 4);
          const found = tier.find(space, url);
          expect(found === undefined || found === expected.get(name)).toBe(true);
          expect(tier.bytes).toBeLessThanOrEqual(tier.limitBytes);
        }
        let count = 0;
        let bytes = 0;
        tier.forEach((entry, url, space) => {
          expect(expected.get(`${space} ${url}`)).toBe(entry);
          count += 1;
          bytes += entry.memoryBytes + TIER_ENTRY_OVERHEAD_BYTES;
        });
        expect([tier.count, tier.bytes]).toEqual([count, bytes]);
      }),
    );
  });
});
