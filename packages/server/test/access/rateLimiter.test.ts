import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateLimiter } from "../../src/access/rateLimiter.ts";
import { clientKeyOf, RateLimits } from "../../src/access/rateLimits.ts";

describe("a rate limit", () => {
  it("admits a burst at once and then the rate", () => {
    const limiter = new RateLimiter({ count: 10, seconds: 1, burst: 3 });
    expect([0, 0, 0, 0].map((nowMs) => limiter.take("a", nowMs) === 0)).toEqual([true, true, true, false]);
    expect(limiter.take("a", 99)).toBeGreaterThan(0);
    expect(limiter.take("a", 100)).toBe(0);
    expect(limiter.take("b", 100)).toBe(0);
  });

  it("AWS-59 AWS-A13: of 300 at one instant a bucket of 200 that fills by 100 a second admits 200", () => {
    const limiter = new RateLimiter({ count: 100, seconds: 1, burst: 200 });
    const admitted = (atMs: number) =>
      Array.from({ length: 300 }, () => limiter.take("a", atMs)).filter((ms) => ms === 0);
    expect(admitted(0)).toHaveLength(200);
    expect(admitted(1_000)).toHaveLength(100);
  });

  it("says how long it is until the next is admitted", () => {
    const limiter = new RateLimiter({ count: 1, seconds: 60, burst: 1 });
    limiter.take("a", 1_000);
    expect(limiter.take("a", 11_000)).toBeCloseTo(50_000, 0);
    expect(limiter.take("a", 61_000)).toBe(0);
  });

  it("never admits more than burst and rate allow, and all that they allow", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.nat(300), { minLength: 1, maxLength: 200 }),
        (count, burst, pauses) => {
          const limiter = new RateLimiter({ count, seconds: 1, burst });
          let [nowMs, tokens, admitted] = [0, burst, 0];
          for (const pauseMs of pauses) {
            nowMs += pauseMs;
            tokens = Math.min(burst, tokens + (pauseMs * count) / 1000);
            const isAdmitted = limiter.take("a", nowMs) === 0;
            if (Math.abs(tokens - 1) > 0.001) expect(isAdmitted).toBe(tokens > 1);
            if (isAdmitted) {
              tokens -= 1;
              admitted++;
            }
          }
          expect(admitted).toBeLessThanOrEqual(burst + (nowMs * count) / 1000 + 0.001);
        },
      ),
    );
  });

  it("workers that tell each other every 100 ms keep the rate together", () => {
    const [workers, seconds, count, burst] = [4, 20, 50, 10];
    const limits = Array.from({ length: workers }, () => new RateLimits());
    const limiters = limits.map((each) => each.limiter("r", { count, seconds: 1, burst }));
    let admitted = 0;
    for (let nowMs = 0; nowMs < seconds * 1000; nowMs++) {
      const limiter = limiters[(nowMs * 7) % workers];
      if (limiter?.take("client", nowMs) === 0) admitted++;
      if (nowMs % 100 !== 99) continue;
      const reports = limits.map((each) => each.report());
      for (const [from, report] of reports.entries()) {
        for (const [to, each] of limits.entries()) if (to !== from) each.takeOff(report, nowMs);
      }
    }
    const allowed = burst + seconds * count;
    // At most what the others admit before they have heard of the first burst.
    expect(admitted).toBeLessThanOrEqual(allowed + (workers - 1) * burst);
    expect(admitted).toBeGreaterThanOrEqual(allowed * 0.97);
  });

  it("remembers no more keys than it has room for, and forgets what is full again first", () => {
    const limiter = new RateLimiter({ count: 1, seconds: 1, burst: 1 });
    for (let key = 0; key < 150_000; key++) limiter.take(`${key}`, key);
    expect(limiter.keyCount).toBeLessThanOrEqual(100_000);
    expect(limiter.take("149999", 149_999)).toBeGreaterThan(0);
  });

  it("reports in pieces, nothing twice and nothing never", () => {
    const limiter = new RateLimiter({ count: 1, seconds: 1, burst: 2 });
    for (let key = 0; key < 5_000; key++) limiter.take(`${key}`, 0);
    const seen = new Map<string, number>();
    for (let report = limiter.report(); report.length > 0; report = limiter.report()) {
      for (const [key, count] of report) seen.set(key, (seen.get(key) ?? 0) + count);
    }
    expect(seen.size).toBe(5_000);
    expect([...seen.values()].every((count) => count === 1)).toBe(true);
  });

  it.each([
    ["10.0.0.1", "10.0.0.1", true],
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.2", false],
  ])("%s and %s are the same client: %s", (one, other, isSame) => {
    expect(clientKeyOf(one) === clientKeyOf(other)).toBe(isSame);
  });
});
