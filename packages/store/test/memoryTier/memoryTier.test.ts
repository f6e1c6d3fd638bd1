import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryTier, TIER_ENTRY_OVERHEAD_BYTES } from "../../src/memoryTier/memoryTier.ts";

interface Entry {
  readonly memoryBytes: number;
  readonly name: string;
}

const OBJECT_BYTES = 1000 - TIER_ENTRY_OVERHEAD_BYTES;
const entryOf = (name: string, memoryBytes = OBJECT_BYTES): Entry => ({ name, memoryBytes });

describe("the memory tier", () => {
  it("finds by space and URL, and replaces", () => {
    const tier = createMemoryTier<Entry>(100_000);
    tier.insert(0, "/a", entryOf("a in 0"));
    tier.insert(3, "/a", entryOf("a in 3"));
    expect([tier.find(0, "/a")?.name, tier.find(3, "/a")?.name]).toEqual(["a in 0", "a in 3"]);
    expect([tier.find(1, "/a"), tier.find(9, "/a"), tier.find(0, "/b")]).toEqual([undefined, undefined, undefined]);
    tier.insert(0, "/a", entryOf("new", 10));
    expect(tier.find(0, "/a")?.name).toBe("new");
    expect([tier.count, tier.bytes]).toEqual([2, 1000 + 10 + TIER_ENTRY_OVERHEAD_BYTES]);
  });

  it("shows an entry without keeping it for longer", () => {
    const tier = createMemoryTier<Entry>(10_000);
    tier.insert(0, "/looked-at", entryOf("looked at"));
    tier.insert(0, "/asked-for", entryOf("asked for"));
    for (let round = 0; round < 5; round += 1) expect(tier.peek(0, "/looked-at")?.name).toBe("looked at");
    tier.find(0, "/asked-for");
    for (let number = 0; number < 20; number += 1) tier.insert(0, `/${number}`, entryOf(String(number)));
    expect([tier.peek(0, "/looked-at"), tier.peek(0, "/asked-for")?.name]).toEqual([undefined, "asked for"]);
    expect(tier.peek(7, "/a")).toBeUndefined();
  });

  it("shows the entries of some spaces without a look at others", () => {
    const tier = createMemoryTier<Entry>(100_000);
    for (let space = 0; space < 8; space++) tier.insert(space, "/a", entryOf(String(space)));
    const seen: string[] = [];
    tier.forEach((entry) => void seen.push(entry.name), 4, 7);
    tier.forEach((entry) => void seen.push(entry.name), 7, 20);
    expect(seen).toEqual(["4", "5", "6", "7"]);
  });

  it("removes one entry, a whole space, and those a visit picks", () => {
    const tier = createMemoryTier<Entry>(100_000);
    for (let number = 0; number < 20; number += 1) tier.insert(number % 2, `/${number}`, entryOf(String(number)));
    expect(tier.remove(0, "/2")?.name).toBe("2");
    expect(tier.remove(0, "/2")).toBeUndefined();
    expect([tier.removeSpace(1), tier.removeSpace(1), tier.removeSpace(7)]).toEqual([10, 0, 0]);
    tier.forEach((entry, url, space) => {
      if (Number(entry.name) > 10) tier.remove(space, url);
    });
    expect([tier.count, tier.bytes]).toEqual([5, 5000]);
  });

  it("OPT-04 keeps what is asked for while a scan ten times its size passes through", () => {
    const tier = createMemoryTier<Entry>(100_000);
    const popular = Array.from({ length: 60 }, (_, number) => `/popular/${number}`);
    for (const url of popular) {
      tier.insert(0, url, entryOf(url));
      tier.find(0, url);
    }
    for (let number = 0; number < 1000; number += 1) tier.insert(0, `/scan/${number}`, entryOf("scanned"));
    expect(popular.filter((url) => tier.find(0, url) !== undefined)).toHaveLength(60);
    expect(tier.bytes).toBeLessThanOrEqual(100_000);
  });

  it("OPT-04 gives up what is no longer asked for", () => {
    const tier = createMemoryTier<Entry>(50_000);
    for (let number = 0; number < 50; number += 1) {
      tier.insert(0, `/old/${number}`, entryOf("old"));
      tier.find(0, `/old/${number}`);
    }
    for (let round = 0; round < 10; round += 1) {
      for (let number = 0; number < 40; number += 1) {
        if (tier.find(0, `/new/${number}`) === undefined) tier.insert(0, `/new/${number}`, entryOf("new"));
      }
    }
    let isNew = 0;
    tier.forEach((entry) => {
      if (entry.name === "new") isNew += 1;
    });
    expect(isNew).toBeGreaterThanOrEqual(38);
  });

  it("takes nothing larger than itself, and shrinks at once when told to", () => {
    const tier = createMemoryTier<Entry>(10_000);
    expect(tier.insert(0, "/a", entryOf("a"))).toBe(true);
    expect(tier.insert(0, "/a", entryOf("too large", 10_000))).toBe(false);
    expect([tier.find(0, "/a"), tier.count, tier.bytes]).toEqual([undefined, 0, 0]);
    for (let number = 0; number < 10; number += 1) tier.insert(0, `/${number}`, entryOf("x"));
    tier.setLimit(3000);
    expect([tier.count, tier.bytes, tier.limitBytes]).toEqual([3, 3000, 3000]);
    tier.setLimit(0);
    expect(tier.count).toBe(0);
  });

  it("holds exactly what a plain map would, less what it evicted, after any calls", () => {
    const call = fc.record({
      kind: fc.constantFrom("insert", "insert", "find", "remove", "removeSpace", "setLimit"),
      space: fc.nat(2),
      url: fc.nat(8).map((number) => `/${number}`),
      memoryBytes: fc.nat(3000),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 80 }), (calls) => {
        const tier = createMemoryTier<Entry>(8000);
        const model = new Map<string, Entry>();
        for (const { kind, space, url, memoryBytes } of calls) {
          const name = `${space}${url}`;
          if (kind === "insert") {
            const entry = entryOf(name, memoryBytes);
            model.delete(name);
            if (tier.insert(space, url, entry)) model.set(name, entry);
          } else if (kind === "find") {
            const found = tier.find(space, url);
            if (found !== undefined) expect(model.get(name)).toBe(found);
          } else if (kind === "remove") {
            tier.remove(space, url);
            model.delete(name);
          } else if (kind === "removeSpace") {
            tier.removeSpace(space);
            for (const key of model.keys()) if (key.startsWith(`${space}/`)) model.delete(key);
          } else tier.setLimit(4000 + memoryBytes);
          let bytes = 0;
          let count = 0;
          tier.forEach((entry, entryUrl, entrySpace) => {
            expect(model.get(`${entrySpace}${entryUrl}`)).toBe(entry);
            bytes += entry.memoryBytes + TIER_ENTRY_OVERHEAD_BYTES;
            count += 1;
          });
          expect([tier.bytes, tier.count]).toEqual([bytes, count]);
          const spaces = Array.from({ length: 16 }, (_, number) => tier.useOf(number).bytes);
          expect(spaces.reduce((sum, one) => sum + one, 0)).toBe(bytes);
          expect(tier.bytes).toBeLessThanOrEqual(tier.limitBytes);
        }
      }),
    );
  });
});
