import { newCounters, type OriginCounters, type OriginPool } from "@basalt/origin";
import { CounterBlock, originFailureSlot, originResponseClassSlot, VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { OriginCounting } from "../src/originCounting.ts";

const poolWith = (counters: OriginCounters, localCounters = newCounters()): OriginPool => ({
  counters,
  localCounters,
  beginInterval: () => {},
  active: 0,
  transactions: 0,
  send: () => ({ resume: () => {}, abort: () => {} }),
  upgrade: () => Promise.resolve(undefined),
  openPrivateSession: () => ({ hasEnded: false, end: () => {} }),
  connect: () => () => {},
  close: () => Promise.resolve(),
});

describe("what origin pools count", () => {
  it("is added to their virtual host as differences, from the first on", () => {
    const block = new CounterBlock();
    const collector = new OriginCounting(block);
    const counters = newCounters();
    counters.requests = 2;
    const pool = poolWith(counters);
    collector.watch("a", pool);
    collector.watch("a", pool);
    collector.collect();
    counters.requests = 5;
    counters.responseHeadBytes = 10;
    counters.responseBodyBytes = 90;
    counters.closedEarly = 1;
    counters.responses[2] = 4;
    collector.collect();
    collector.collect();
    const offset = block.vhost("a");
    expect(block.get(offset + VHOST_SLOT.originRequests)).toBe(5);
    expect(block.get(offset + VHOST_SLOT.originResponseBytes)).toBe(100);
    expect(block.get(offset + originFailureSlot("ORIGIN_CLOSED"))).toBe(1);
    expect(block.get(offset + originResponseClassSlot(200))).toBe(4);
  });

  it("is not lost when the pool is closed, and not counted twice", () => {
    const block = new CounterBlock();
    const collector = new OriginCounting(block);
    const counters = newCounters();
    const pool = poolWith(counters);
    collector.watch("a", pool);
    counters.refused = 3;
    collector.forget(pool);
    collector.collect();
    expect(block.get(block.vhost("a") + VHOST_SLOT.originRefused)).toBe(3);
  });

  it("goes on growing when a reload puts another pool in its place", () => {
    const block = new CounterBlock();
    const collector = new OriginCounting(block);
    const [old, next] = [newCounters(), newCounters()];
    collector.watch("a", poolWith(old));
    old.requests = 3;
    collector.watch("a", poolWith(next));
    next.requests = 4;
    collector.collect();
    expect(block.get(block.vhost("a") + VHOST_SLOT.originRequests)).toBe(7);
  });
});
