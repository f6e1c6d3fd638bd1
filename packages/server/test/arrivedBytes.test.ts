import type { BodySource } from "@basalt/cache";
import { describe, expect, it } from "vitest";
import { arrivedBytes, GatheredMemory } from "../src/phases/arrivedObject.ts";

const whole = (body: Buffer): BodySource => ({
  totalBytes: body.length,
  availableBytes: body.length,
  state: "complete",
  error: undefined,
  peek: (position) => body.subarray(position, position + 4),
  read: () => Promise.resolve(0),
  watch: () => () => {},
  retain: () => {},
  release: () => {},
});

describe("bodies that are gathered in memory", () => {
  it("DRM-04: all requests of a worker share one bound, and give back what they had", async () => {
    const memory = new GatheredMemory(12);
    const gather = async () => {
      const { take, giveBack } = memory.share();
      const { signal } = new AbortController();
      const { kind } = await arrivedBytes(whole(Buffer.alloc(8, "x")), { limitBytes: 100, take, left: signal });
      return { kind, giveBack };
    };
    const first = await gather();
    const second = await gather();
    expect([first.kind, second.kind, memory.bytes]).toEqual(["whole", "tooMany", 12]);
    second.giveBack();
    first.giveBack();
    const third = await gather();
    expect([third.kind, memory.bytes]).toEqual(["whole", 8]);
    third.giveBack();
    expect(memory.bytes).toBe(0);
  });

  it("one that is larger than the bound is taken where nothing else is", () => {
    expect(new GatheredMemory(1).share().take(8)).toBe(true);
  });
});
