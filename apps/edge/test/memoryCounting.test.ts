import { SPACES_PER_VHOST } from "@basalt/cache";
import { CounterBlock, VHOST_SLOT } from "@basalt/telemetry";
import { expect, it } from "vitest";
import { MemoryCounting, type SpaceUse } from "../src/memoryCounting.ts";

const NOTHING: SpaceUse = { bytes: 0, evictedEntries: 0, evictedBytes: 0 };

it("counts what hosts have in memory, and goes on where it was for one that was removed and comes back", () => {
  const counters = new CounterBlock();
  const counting = new MemoryCounting(counters);
  const spaces = new Map<number, SpaceUse>([[0, { bytes: 500, evictedEntries: 3, evictedBytes: 70 }]]);
  const useOf = (space: number): SpaceUse => spaces.get(space) ?? NOTHING;
  const shown = (name: string): readonly number[] => {
    const offset = counters.vhost(name);
    const { memoryBytes, swappedObjects, swappedBytes } = VHOST_SLOT;
    return [memoryBytes, swappedObjects, swappedBytes].map((slot) => counters.get(offset + slot));
  };
  counting.count("a", 0, useOf);
  counting.count("a", 0, useOf);
  expect(shown("a")).toEqual([500, 3, 70]);
  counting.count("a", 5, useOf);
  expect(shown("a")).toEqual([0, 3, 70]);
  spaces.set(5 * SPACES_PER_VHOST + 1, { bytes: 40, evictedEntries: 1, evictedBytes: 5 });
  counting.count("a", 5, useOf);
  expect(shown("a")).toEqual([40, 4, 75]);
});
