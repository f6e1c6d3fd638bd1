import { monotonicMs } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IpTable } from "../src/ipTable.ts";
import { IPS_PER_DOMAIN } from "../src/limits.ts";

const at = (seconds: number) => monotonicMs(seconds * 1000);

const newTable = () => {
  const table = new IpTable<string>();
  const made: string[] = [];
  const renew = (ips: Record<string, number>, seconds: number, maxTtlSeconds = 0): boolean =>
    table.renew(
      Object.entries(ips).map(([ip, ttlSeconds]) => ({ ip, ttlSeconds })),
      maxTtlSeconds,
      at(seconds),
      (ip) => {
        made.push(ip);
        return `state of ${ip}`;
      },
    );
  const known = (seconds: number): Record<string, number> => {
    table.expire(at(seconds));
    return Object.fromEntries(table.entries.map(([ip]) => [ip, table.secondsLeft(ip, at(seconds))]));
  };
  return { table, made, renew, known };
};

describe("life of an IP", () => {
  it("ORG-22 uses each IP for its own TTL and not afterwards", () => {
    const { renew, known } = newTable();
    renew({ "10.0.0.1": 5, "10.0.0.2": 30 }, 0);
    expect(known(4)).toEqual({ "10.0.0.1": 1, "10.0.0.2": 26 });
    expect(known(5)).toEqual({ "10.0.0.2": 25 });
  });

  it("ORG-22 renews the TTL of an IP that is named again, and keeps what is known of it", () => {
    const { table, made, renew, known } = newTable();
    expect(renew({ "10.0.0.1": 10 }, 0)).toBe(true);
    const state = table.get("10.0.0.1");
    expect(renew({ "10.0.0.1": 10 }, 8)).toBe(false);
    expect(known(12)).toEqual({ "10.0.0.1": 6 });
    expect([table.get("10.0.0.1"), made]).toEqual([state, ["10.0.0.1"]]);
  });

  it("ORG-22 never becomes empty: the last IPs stay with 0, until an answer brings others", () => {
    const { renew, known } = newTable();
    renew({ "10.0.0.1": 5, "10.0.0.2": 10, "10.0.0.3": 10 }, 0);
    expect(known(1000)).toEqual({ "10.0.0.2": 0, "10.0.0.3": 0 });
    renew({ "10.0.0.4": 10 }, 1001);
    expect(known(1001)).toEqual({ "10.0.0.4": 10 });
  });

  it.each([
    { maxTtlSeconds: 60, left: 60 },
    { maxTtlSeconds: 0, left: 300 },
    { maxTtlSeconds: 600, left: 300 },
  ])("ORG-23 bounds a TTL of 300 by $maxTtlSeconds: $left", ({ maxTtlSeconds, left }) => {
    const { renew, known } = newTable();
    renew({ "10.0.0.1": 300 }, 0, maxTtlSeconds);
    expect(known(0)).toEqual({ "10.0.0.1": left });
  });

  it("ORG-22 uses an IP with a TTL of 0 for a second", () => {
    const { renew, known } = newTable();
    renew({ "10.0.0.1": 0, "10.0.0.2": 10 }, 0);
    expect(known(0.9)).toEqual({ "10.0.0.1": 1, "10.0.0.2": 10 });
    expect(known(1)).toEqual({ "10.0.0.2": 9 });
  });

  it("ORG-23 stays small with a name server that never names an IP twice", () => {
    const { table, renew } = newTable();
    for (let nth = 0; nth < 3000; nth++) renew({ [`10.0.${nth >> 8}.${nth & 255}`]: 86_400 - nth }, 0);
    expect(table.entries.length).toBe(IPS_PER_DOMAIN);
    expect(table.get("10.0.0.0")).toBeDefined();
  });
});

describe("any history of answers", () => {
  const step = fc.record({
    waitSeconds: fc.nat(40),
    ips: fc.dictionary(fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1"), fc.nat(100)),
  });

  it("ORG-22 ORG-23 holds what the rules say", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), fc.nat(60), (steps, maxTtlSeconds) => {
        const { table, renew } = newTable();
        const ends = new Map<string, number>();
        let now = 0;
        let hasAny = false;
        for (const { waitSeconds, ips } of steps) {
          now += waitSeconds;
          renew(ips, now, maxTtlSeconds);
          for (const [ip, ttl] of Object.entries(ips)) {
            const bounded = maxTtlSeconds === 0 ? ttl : Math.min(ttl, maxTtlSeconds);
            ends.set(ip, now + Math.max(1, bounded));
          }
          hasAny ||= ends.size > 0;
          table.expire(at(now));
          const known = new Set(table.entries.map(([ip]) => ip));
          expect(known.size > 0).toBe(hasAny);
          const alive = [...ends].filter(([, end]) => end > now).map(([ip]) => ip);
          if (alive.length > 0) expect([...known].sort()).toEqual(alive.sort());
          for (const ip of known) {
            const left = table.secondsLeft(ip, at(now));
            expect(left).toBe(Math.max(0, (ends.get(ip) ?? 0) - now));
            if (maxTtlSeconds > 0) expect(left).toBeLessThanOrEqual(maxTtlSeconds);
          }
        }
      }),
    );
  });
});
