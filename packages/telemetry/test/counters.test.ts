import { CACHE_RESULTS } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CounterAggregate,
  CounterBlock,
  cacheResultSlot,
  clientResponseClassSlot,
  PROCESS_COUNTERS,
  PROCESS_SLOT,
  PROCESS_SLOT_COUNT,
  RESPONSE_TIME_BOUNDS_SECONDS,
  RESPONSE_TIME_SUM_SLOT,
  responseTimeSlot,
  VHOST_COUNTERS,
  VHOST_SLOT,
  VHOST_SLOT_COUNT,
} from "../src/index.ts";

const REQUESTS = VHOST_SLOT.clientRequests;

const blockWith = (requests: Readonly<Record<string, number>>, openConnections = 0): CounterBlock => {
  const block = new CounterBlock();
  for (const [vhost, count] of Object.entries(requests)) block.add(block.vhost(vhost) + REQUESTS, count);
  block.set(PROCESS_SLOT.connectionsOpen, openConnections);
  return block;
};

const requestsOf = (aggregate: CounterAggregate, vhost: string): number | undefined =>
  aggregate.totals().vhosts.get(vhost)?.[REQUESTS];

describe("the counter table", () => {
  it.each([
    ["process", PROCESS_COUNTERS, PROCESS_SLOT_COUNT],
    ["virtual host", VHOST_COUNTERS, VHOST_SLOT_COUNT],
  ] as const)("places %s counters one behind the other, names once", (_, counters, size) => {
    let next = 0;
    for (const { slot, label, kind } of counters) {
      expect(slot).toBe(next);
      next += (label?.values.length ?? 1) + (kind === "histogram" ? 1 : 0);
    }
    expect(next).toBe(size);
    expect(new Set(counters.map(({ name, unit }) => `${name}_${unit}`)).size).toBe(counters.length);
  });

  it("has a slot for each cache result, in the order of the list", () => {
    expect(CACHE_RESULTS.map(cacheResultSlot)).toEqual(CACHE_RESULTS.map((_, index) => VHOST_SLOT.cacheResult + index));
  });

  it.each([
    [100, 0],
    [200, 1],
    [206, 1],
    [304, 2],
    [499, 3],
    [599, 4],
    [0, 0],
    [999, 4],
  ])("counts status %i in class slot %i", (status, index) => {
    expect(clientResponseClassSlot(status)).toBe(VHOST_SLOT.clientResponseClass + index);
  });

  it("puts a response time into the first bucket whose bound is not below it", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 20, noNaN: true }), (responseSeconds) => {
        const expected = RESPONSE_TIME_BOUNDS_SECONDS.findIndex((bound) => responseSeconds <= bound);
        const index = expected === -1 ? RESPONSE_TIME_BOUNDS_SECONDS.length : expected;
        expect(responseTimeSlot(responseSeconds)).toBe(VHOST_SLOT.responseSeconds + index);
      }),
    );
  });
});

describe("the counters of a process", () => {
  it("keep their figures while virtual hosts are added", () => {
    const block = new CounterBlock();
    const names = Array.from({ length: 100 }, (_, index) => `host-${index}.example`);
    for (const [index, name] of names.entries()) block.add(block.vhost(name) + REQUESTS, index);
    expect(block.snapshot().vhosts).toEqual(names);
    for (const [index, name] of names.entries()) expect(block.get(block.vhost(name) + REQUESTS)).toBe(index);
  });

  it("give snapshots that later counting does not change", () => {
    const block = blockWith({ a: 1 });
    const { values } = block.snapshot();
    block.add(block.vhost("a") + REQUESTS, 5);
    expect(values[PROCESS_SLOT_COUNT + REQUESTS]).toBe(1);
    expect(values).toHaveLength(PROCESS_SLOT_COUNT + VHOST_SLOT_COUNT);
  });

  it("sum response times beside the buckets", () => {
    const block = new CounterBlock();
    const offset = block.vhost("a");
    block.observeResponseTime(offset, 0.003);
    block.observeResponseTime(offset, 60);
    expect(block.get(offset + RESPONSE_TIME_SUM_SLOT)).toBeCloseTo(60.003);
    expect(block.get(offset + responseTimeSlot(60))).toBe(1);
  });
});

describe("the sum over processes", () => {
  it("does not fall when a worker restarts", () => {
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-0", 1, blockWith({ a: 100 }, 7).snapshot());
    aggregate.accept("worker-1", 1, blockWith({ a: 10 }, 2).snapshot());
    expect(requestsOf(aggregate, "a")).toBe(110);

    aggregate.accept("worker-0", 2, blockWith({ a: 1 }, 1).snapshot());
    expect(requestsOf(aggregate, "a")).toBe(111);
    expect(aggregate.totals().process[PROCESS_SLOT.connectionsOpen]).toBe(3);
  });

  it("drops the gauges of a source that has ended, and nothing else", () => {
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-0", 1, blockWith({ a: 4 }, 9).snapshot());
    aggregate.end("worker-0");
    aggregate.end("worker-0");
    expect(requestsOf(aggregate, "a")).toBe(4);
    expect(aggregate.totals().process[PROCESS_SLOT.connectionsOpen]).toBe(0);
  });

  it("ignores late figures of an ended or earlier incarnation and those of another layout", () => {
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-0", 1, blockWith({ a: 4 }).snapshot());
    aggregate.end("worker-0");
    aggregate.accept("worker-0", 1, blockWith({ a: 5 }).snapshot());
    expect(requestsOf(aggregate, "a")).toBe(4);
    aggregate.accept("worker-0", 2, blockWith({ a: 1 }).snapshot());
    aggregate.accept("worker-0", 1, blockWith({ a: 50 }).snapshot());
    aggregate.accept("worker-0", 3, { vhosts: ["a"], values: new Float64Array(3) });
    expect(requestsOf(aggregate, "a")).toBe(5);
  });

  it("publishes the virtual hosts of the configuration; one that comes back continues", () => {
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-0", 1, blockWith({ a: 4, b: 6 }).snapshot());
    aggregate.setVhosts(["b", "c"]);
    expect([...aggregate.totals().vhosts.keys()]).toEqual(["b", "c"]);
    expect(requestsOf(aggregate, "c")).toBe(0);
    aggregate.accept("worker-0", 2, blockWith({ b: 1 }).snapshot());
    aggregate.setVhosts(["a", "b"]);
    expect(requestsOf(aggregate, "a")).toBe(4);
    expect(requestsOf(aggregate, "b")).toBe(7);
  });

  it("is monotonic for any sequence of figures, restarts and ends", () => {
    const step = fc.record({
      source: fc.constantFrom("worker-0", "worker-1"),
      kind: fc.constantFrom("count", "count", "restart", "end"),
      amount: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const aggregate = new CounterAggregate();
        const lives = new Map<string, { incarnation: number; block: CounterBlock; ended: boolean }>();
        let expected = 0;
        for (const { source, kind, amount } of steps) {
          const life = lives.get(source) ?? { incarnation: 1, block: new CounterBlock(), ended: false };
          lives.set(source, life);
          if (kind === "restart" || (kind === "count" && life.ended)) {
            life.incarnation += 1;
            life.block = new CounterBlock();
            life.ended = false;
          }
          if (kind === "end") {
            aggregate.end(source);
            life.ended = true;
            continue;
          }
          life.block.add(life.block.vhost("a") + REQUESTS, amount);
          expected += amount;
          aggregate.accept(source, life.incarnation, life.block.snapshot());
          expect(requestsOf(aggregate, "a")).toBe(expected);
        }
      }),
    );
  });
});
