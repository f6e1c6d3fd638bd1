import { CACHE_RESULTS } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  blockKey,
  CounterAggregate,
  CounterBlock,
  cacheResultSlot,
  clientResponseClassSlot,
  PROCESS_COUNTERS,
  PROCESS_SLOT,
  PROCESS_SLOT_COUNT,
  TIME_BOUNDS_SECONDS,
  timeBucketOf,
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
    for (const { slot, label, width } of counters) {
      expect(slot).toBe(next);
      expect(width).toBe(label?.values.length ?? 1);
      next += width;
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

  it("puts a time into the first bucket whose bound is not below it", () => {
    fc.assert(
      fc.property(fc.nat(2_000_000), (hundredths) => {
        const expected = TIME_BOUNDS_SECONDS.findIndex((bound) => hundredths <= Math.round(bound * 100_000));
        expect(timeBucketOf(hundredths)).toBe(expected === -1 ? TIME_BOUNDS_SECONDS.length : expected);
      }),
    );
  });
});

describe("the counters of a process", () => {
  it("REG-66 count on exactly beyond 2^32", () => {
    const block = blockWith({ a: 2 ** 31 - 1 });
    for (let step = 0; step < 3; step++) block.add(block.vhost("a") + REQUESTS, 2 ** 31);
    expect(block.get(block.vhost("a") + REQUESTS)).toBe(2 ** 33 - 1);
    expect(block.report().values).toEqual(Float64Array.of(2 ** 33 - 1));
  });

  it("keep their figures while virtual hosts are added", () => {
    const block = new CounterBlock();
    const names = Array.from({ length: 100 }, (_, index) => `host-${index}.example`);
    for (const [index, name] of names.entries()) block.add(block.vhost(name) + REQUESTS, index + 1);
    expect(block.report().blocks).toEqual(names);
    for (const [index, name] of names.entries()) expect(block.get(block.vhost(name) + REQUESTS)).toBe(index + 1);
  });

  it("report what has changed since the last report, and gauges as they are", () => {
    const block = blockWith({ a: 2, idle: 0 }, 7);
    expect(block.report()).toMatchObject({ blocks: ["", "a"], values: Float64Array.of(7, 2) });
    block.add(block.vhost("a") + REQUESTS, 3);
    block.set(PROCESS_SLOT.connectionsOpen, 5);
    expect(block.report()).toMatchObject({ blocks: ["", "a"], values: Float64Array.of(5, 3) });
    expect(block.report()).toMatchObject({ blocks: [], values: new Float64Array(0) });
    block.forgetReportedGauges();
    expect(block.report()).toMatchObject({ blocks: [""], values: Float64Array.of(5) });
  });

  it("grow beyond the first room for changes", () => {
    const block = new CounterBlock();
    for (let index = 0; index < 1000; index += 1) block.add(block.vhost(`h${index}`) + REQUESTS, 1);
    expect(block.report().values).toEqual(new Float64Array(1000).fill(1));
  });
});

describe("the sum over processes", () => {
  it("does not fall when a worker is replaced", () => {
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-1", blockWith({ a: 100 }, 7).report());
    aggregate.accept("worker-2", blockWith({ a: 10 }, 2).report());
    expect(requestsOf(aggregate, "a")).toBe(110);
    aggregate.end("worker-1");
    aggregate.accept("worker-3", blockWith({ a: 1 }, 1).report());
    expect(requestsOf(aggregate, "a")).toBe(111);
    expect(aggregate.totals().process[PROCESS_SLOT.connectionsOpen]).toBe(3);
  });

  it("drops the gauges of a source that has ended, and nothing else", () => {
    const aggregate = new CounterAggregate();
    const block = blockWith({ a: 4 }, 9);
    aggregate.accept("worker-0", block.report());
    aggregate.end("worker-0");
    aggregate.end("worker-0");
    expect(requestsOf(aggregate, "a")).toBe(4);
    block.add(block.vhost("a") + REQUESTS, 2);
    block.set(PROCESS_SLOT.connectionsOpen, 3);
    aggregate.accept("worker-0", block.report());
    expect(requestsOf(aggregate, "a")).toBe(6);
    expect(aggregate.totals().process[PROCESS_SLOT.connectionsOpen]).toBe(0);
  });

  it("ignores reports of another layout", () => {
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-0", { ...blockWith({ a: 4 }, 9).report(), layout: 1 });
    expect(requestsOf(aggregate, "a")).toBeUndefined();
  });

  it("STAT-14 holds loopback traffic apart, and has it in the totals; bypassed ports are not counted twice", () => {
    const aggregate = new CounterAggregate();
    const block = blockWith({ a: 4 });
    block.add(block.block(blockKey({ vhost: "a", isLocal: true, port: undefined })) + REQUESTS, 3);
    block.add(block.block(blockKey({ vhost: "a", isLocal: false, port: 8080 })) + REQUESTS, 100);
    aggregate.accept("worker-0", block.report());
    expect(requestsOf(aggregate, "a")).toBe(7);
    expect(aggregate.vhostNames).toEqual(["a"]);
  });

  it("publishes the virtual hosts of the configuration; one that comes back continues", () => {
    const aggregate = new CounterAggregate();
    aggregate.accept("worker-0", blockWith({ a: 4, b: 6 }).report());
    aggregate.setVhosts(["b", "c"]);
    expect([...aggregate.totals().vhosts.keys()]).toEqual(["b", "c"]);
    expect(requestsOf(aggregate, "c")).toBe(0);
    aggregate.accept("worker-1", blockWith({ b: 1 }).report());
    aggregate.setVhosts(["a", "b"]);
    expect(requestsOf(aggregate, "a")).toBe(4);
    expect(requestsOf(aggregate, "b")).toBe(7);
  });

  it("REG-356 is monotonic for any sequence of figures, restarts and ends", () => {
    const step = fc.record({
      source: fc.constantFrom("worker-0", "worker-1"),
      kind: fc.constantFrom("count", "count", "restart", "end"),
      amount: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const aggregate = new CounterAggregate();
        const lives = new Map<string, { source: string; block: CounterBlock }>();
        let expected = 0;
        let made = 0;
        for (const { source, kind, amount } of steps) {
          const life = lives.get(source) ?? { source: `${source}-${made++}`, block: new CounterBlock() };
          lives.set(source, life);
          if (kind !== "count") {
            aggregate.end(life.source);
            lives.delete(source);
            continue;
          }
          life.block.add(life.block.vhost("a") + REQUESTS, amount);
          expected += amount;
          aggregate.accept(life.source, life.block.report());
          expect(requestsOf(aggregate, "a") ?? 0).toBe(expected);
        }
      }),
    );
  });
});
