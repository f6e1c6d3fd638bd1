import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JobTerms } from "../src/contract.ts";
import { FairQueue } from "../src/fairQueue.ts";

interface Job {
  readonly name: string;
  readonly terms: JobTerms;
}

const job = (name: string, vhost: string, change: Partial<JobTerms> = {}): Job => ({
  name,
  terms: { vhost, weight: 100, maxRunning: 0, priority: "asked", heldBytes: 0, ...change },
});

/** Runs everything on one thread; each job takes what `tookMs` says. */
const runAll = (queue: FairQueue<Job>, tookMs: (job: Job) => number): string[] => {
  const order: string[] = [];
  for (;;) {
    const next = queue.take(true);
    if (next === undefined) return order;
    order.push(next.name);
    queue.ended(next, tookMs(next));
  }
};

describe("order", () => {
  it("is that of arrival within a virtual host", () => {
    const queue = new FairQueue<Job>();
    for (const name of ["1", "2", "3"]) queue.add(job(name, "a"));
    expect(runAll(queue, () => 5)).toEqual(["1", "2", "3"]);
  });

  it("lets a host with one job pass a host with many", () => {
    const queue = new FairQueue<Job>();
    for (let nth = 0; nth < 100; nth++) queue.add(job(`a${nth}`, "a"));
    for (let nth = 0; nth < 3; nth++) queue.ended(queue.take(true) ?? job("none", "a"), 50);
    queue.add(job("b", "b"));
    expect(runAll(queue, () => 50).indexOf("b")).toBeLessThanOrEqual(1);
  });

  it("shares time and not jobs: a host of long jobs starts fewer of them", () => {
    const queue = new FairQueue<Job>();
    for (let nth = 0; nth < 200; nth++) {
      queue.add(job("long", "a"));
      queue.add(job("short", "b"));
    }
    const order: string[] = [];
    let spentMs = 0;
    while (spentMs < 4_000) {
      const next = queue.take(true);
      if (next === undefined) throw new Error("no job left");
      const tookMs = next.name === "long" ? 100 : 10;
      queue.ended(next, tookMs);
      spentMs += tookMs;
      order.push(next.name);
    }
    const timeOfLong = order.filter((name) => name === "long").length * 100;
    expect(timeOfLong / spentMs).toBeGreaterThan(0.4);
    expect(timeOfLong / spentMs).toBeLessThan(0.6);
  });

  it("gives time by weight", () => {
    const queue = new FairQueue<Job>();
    for (let nth = 0; nth < 400; nth++) {
      queue.add(job("heavy", "a", { weight: 300 }));
      queue.add(job("light", "b"));
    }
    const first = Array.from({ length: 200 }, () => {
      const next = queue.take(true) ?? job("none", "a");
      queue.ended(next, 10);
      return next.name;
    });
    const heavy = first.filter((name) => name === "heavy").length;
    expect(heavy).toBeGreaterThan(140);
    expect(heavy).toBeLessThan(160);
  });

  it("lets nobody save up time while it has no jobs", () => {
    const queue = new FairQueue<Job>();
    queue.add(job("b", "b"));
    queue.ended(queue.take(true) ?? job("none", "b"), 10);
    for (let nth = 0; nth < 100; nth++) queue.add(job("a", "a"));
    for (let nth = 0; nth < 50; nth++) queue.ended(queue.take(true) ?? job("none", "a"), 100);
    for (let nth = 0; nth < 50; nth++) queue.add(job("b", "b"));
    const next = Array.from({ length: 20 }, () => {
      const taken = queue.take(true) ?? job("none", "a");
      queue.ended(taken, 100);
      return taken.name;
    });
    expect(next.filter((name) => name === "a").length).toBeGreaterThanOrEqual(8);
  });

  it("starts jobs that nobody waits for when no other waits", () => {
    const queue = new FairQueue<Job>();
    queue.add(job("idle", "a", { priority: "idle" }));
    queue.add(job("asked", "b"));
    expect(queue.take(false)?.name).toBe("asked");
    expect(queue.take(false)).toBeUndefined();
    expect(queue.take(true)?.name).toBe("idle");
  });

  it("DIMS-18 starts no more jobs of a host at a time than it may have", () => {
    const queue = new FairQueue<Job>();
    for (const name of ["1", "2", "3"]) queue.add(job(name, "a", { maxRunning: 2 }));
    const first = queue.take(true);
    queue.take(true);
    expect(queue.take(true)).toBeUndefined();
    if (first !== undefined) queue.ended(first, 1);
    expect(queue.take(true)?.name).toBe("3");
  });
});

describe("room", () => {
  it("is made by what nobody waits for, then by the host that has most of the queue", () => {
    const queue = new FairQueue<Job>();
    for (const name of ["a1", "a2", "a3"]) queue.add(job(name, "a"));
    queue.add(job("b1", "b"));
    expect(queue.victimFor(job("a4", "a").terms)).toBeUndefined();
    expect(queue.victimFor(job("b2", "b").terms)?.name).toBe("a3");
    queue.add(job("idle", "c", { priority: "idle" }));
    expect(queue.victimFor(job("a4", "a").terms)?.name).toBe("idle");
    expect(queue.victimFor(job("more", "b", { priority: "idle" }).terms)).toBeUndefined();
  });

  it("gives up no job that waited before one of the same host for it", () => {
    const queue = new FairQueue<Job>();
    queue.add(job("a1", "a"));
    expect(queue.victimFor(job("b1", "b").terms)).toBeUndefined();
  });
});

it("starts every job once, whatever comes and goes, and keeps count", () => {
  const step = fc.oneof(
    fc.record({ add: fc.constantFrom("a", "b", "c"), weight: fc.integer({ min: 1, max: 300 }) }),
    fc.record({ remove: fc.nat(20) }),
    fc.record({ takeMs: fc.nat(500) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new FairQueue<Job>();
      const waiting = new Set<Job>();
      let nth = 0;
      for (const each of steps) {
        if ("add" in each) {
          const added = job(`${nth++}`, each.add, { weight: each.weight, heldBytes: 7 });
          queue.add(added);
          waiting.add(added);
        } else if ("remove" in each) {
          const removed = [...waiting][each.remove];
          if (removed !== undefined) expect(queue.remove(removed)).toBe(waiting.delete(removed));
        } else {
          const taken = queue.take(true);
          expect(taken === undefined).toBe(waiting.size === 0);
          if (taken === undefined) continue;
          expect(waiting.delete(taken)).toBe(true);
          queue.ended(taken, each.takeMs);
        }
        expect(queue.size).toBe(waiting.size);
        expect(queue.heldBytes).toBe(waiting.size * 7);
        expect(new Set(queue)).toEqual(waiting);
      }
    }),
  );
});

it("serves twenty thousand hosts with a job each", () => {
  const queue = new FairQueue<Job>();
  for (let round = 0; round < 20; round++) {
    for (let nth = 0; nth < 1_000; nth++) queue.add(job("x", `host ${round} ${nth}`));
    expect(runAll(queue, () => 10)).toHaveLength(1_000);
  }
});
