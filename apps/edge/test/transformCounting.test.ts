import { CounterBlock, PROCESS_SLOT, VHOST_SLOT } from "@basalt/telemetry";
import { expect, it } from "vitest";
import type { TransformFigures } from "../src/protocol.ts";
import { TransformCounting } from "../src/transformCounting.ts";

const figures = (change: Partial<TransformFigures>): TransformFigures => ({
  waiting: 0,
  running: 0,
  done: 0,
  failed: 0,
  refused: 0,
  cancelled: 0,
  overloaded: 0,
  spentMs: new Map(),
  residentBytes: 0,
  cpuSeconds: 0,
  ...change,
});

it("counts the jobs of all processes that have been the transform host, and the time by virtual host", () => {
  const counters = new CounterBlock();
  const counting = new TransformCounting(counters);
  const calm = { restarts: 0, replacements: 0, overloaded: 0 };
  counting.take(figures({ waiting: 7, running: 2, done: 10, spentMs: new Map([["a", 20]]) }), { pid: 1, ...calm });
  counting.take(figures({ done: 15, failed: 1, overloaded: 2, spentMs: new Map([["a", 5]]) }), { pid: 1, ...calm });
  counting.take(undefined, { pid: 1, restarts: 1, replacements: 0, overloaded: 3 });
  counting.take(figures({ done: 3 }), { pid: 2, restarts: 1, replacements: 1, overloaded: 3 });
  const { transforms } = PROCESS_SLOT;
  const counted = Object.fromEntries(Object.entries(transforms).map(([name, slot]) => [name, counters.get(slot)]));
  expect(counted).toEqual({
    waiting: 0,
    running: 0,
    done: 18,
    failed: 1,
    refused: 0,
    cancelled: 0,
    overloaded: 5,
    crashes: 1,
    replacements: 1,
  });
  expect(counters.get(counters.vhost("a") + VHOST_SLOT.transformSeconds)).toBeCloseTo(0.025);
});

it("counts nothing twice when a host that gives way answers behind its successor", () => {
  const counters = new CounterBlock();
  const counting = new TransformCounting(counters);
  const calm = { restarts: 0, replacements: 0, overloaded: 0 };
  counting.take(figures({ done: 10 }), { pid: 1, ...calm });
  counting.take(figures({ done: 2 }), { pid: 2, ...calm });
  counting.take(figures({ done: 11 }), { pid: 1, ...calm });
  counting.take(figures({ done: 3 }), { pid: 2, ...calm });
  expect(counters.get(PROCESS_SLOT.transforms.done)).toBe(14);
});
