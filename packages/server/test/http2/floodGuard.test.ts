import { describe, expect, it } from "vitest";
import { FloodGuard } from "../../src/http2/floodGuard.ts";

const LIMITS = { maxPings: 3, maxSettings: 2, maxResets: 1, maxControlBytes: 1_000 };
const NOTHING = { receivedBytes: 0, sentBytes: 0 };

describe("what a client sends beside requests", () => {
  it("PING, SETTINGS and RST_STREAM frames are counted within a period", () => {
    const guard = new FloodGuard(LIMITS, NOTHING, 0);
    expect([1, 2, 3, 4].map(() => guard.countPing())).toEqual([true, true, true, false]);
    expect([1, 2, 3].map(() => guard.countSettings())).toEqual([true, true, false]);
    expect([1, 2].map(() => guard.countReset())).toEqual([true, false]);
    expect(guard.check(NOTHING, 10_000)).toBe(true);
    expect(guard.countReset()).toBe(true);
    expect(guard.countPing()).toBe(true);
    expect(guard.countSettings()).toBe(true);
  });

  it("bytes are explained by heads, by bodies and by what the client takes", () => {
    const guard = new FloodGuard(LIMITS, NOTHING, 0);
    expect(guard.check({ receivedBytes: 1_000, sentBytes: 0 }, 100)).toBe(true);
    expect(guard.check({ receivedBytes: 1_001, sentBytes: 0 }, 200)).toBe(false);
    guard.countHead(500);
    expect(guard.check({ receivedBytes: 1_500, sentBytes: 0 }, 300)).toBe(true);
    guard.countBody(50_000);
    expect(guard.check({ receivedBytes: 101_500, sentBytes: 0 }, 400)).toBe(true);
    expect(guard.check({ receivedBytes: 101_501, sentBytes: 0 }, 500)).toBe(false);
    expect(guard.check({ receivedBytes: 101_600, sentBytes: 6_400 }, 600)).toBe(true);
  });

  it("each period begins anew", () => {
    const guard = new FloodGuard(LIMITS, NOTHING, 0);
    expect(guard.check({ receivedBytes: 900, sentBytes: 0 }, 10_000)).toBe(true);
    expect(guard.check({ receivedBytes: 1_800, sentBytes: 0 }, 15_000)).toBe(true);
    expect(guard.check({ receivedBytes: 2_800, sentBytes: 0 }, 16_000)).toBe(false);
  });
});
