import { newCounters, type OriginCounters, type OriginPool, type OriginTransaction } from "@basalt/origin";
import {
  CounterBlock,
  ORIGIN_SERVER_SLOT,
  originFailureSlot,
  originOutcomeSlot,
  originResponseClassSlot,
  VHOST_SLOT,
} from "@basalt/telemetry";
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
  nominate: () => undefined,
  openPrivateSession: () => ({ hasEnded: false, end: () => {} }),
  connect: () => () => {},
  close: () => Promise.resolve(),
});

/** Of 10 ms in all. */
const TRANSACTION: OriginTransaction = {
  vhost: "a",
  server: "2001:db8::1",
  serverIp: "2001:db8::1",
  serverPort: 8080,
  domain: "2001:db8::1",
  purpose: "cache",
  method: "GET",
  target: "/",
  host: "a",
  requestField: () => undefined,
  responseField: () => undefined,
  status: 200,
  requestHeadBytes: 100,
  requestBodyBytes: 0,
  responseHeadBytes: 100,
  responseBodyBytes: 10,
  startedAtMs: 0,
  dnsMs: 5,
  connectMs: 1,
  sendMs: 2,
  firstByteMs: 3,
  completeMs: 4,
  isReused: false,
  connectionNumber: 1,
  transactionNumber: 1,
  localIp: "2001:db8::2",
  ended: "complete",
  sessionId: 1n,
  cause: undefined,
};

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

  it.each([
    ["a 200", { status: 200 }, "ok"],
    ["a 404", { status: 404 }, "error"],
    ["a 429", { status: 429 }, "throttle"],
    ["a 503", { status: 503 }, "fault"],
    ["no connection", { status: 0, ended: "ORIGIN_CONNECT_FAILED" }, "fault"],
    ["a 200 that broke off", { status: 200, ended: "ORIGIN_CLOSED" }, "fault"],
    ["a 200 that a client left", { status: 200, ended: "aborted" }, "ok"],
    ["a client that left before the answer", { status: 0, ended: "aborted" }, undefined],
    ["a probe", { status: 200, purpose: "probe" }, undefined],
  ] as const)("AWS-100 counts %s on its origin for the service map", (_, changes, outcome) => {
    const block = new CounterBlock();
    new OriginCounting(block).noteTransaction({ ...TRANSACTION, ...changes });
    const { origins, originValues } = block.report();
    expect(origins).toEqual(outcome === undefined ? [] : ["a\u0000[2001:db8::1]:8080"]);
    if (outcome === undefined) return;
    expect(originValues[originOutcomeSlot(outcome)]).toBe(1);
    expect(originValues[ORIGIN_SERVER_SLOT.time]).toBe(1_000);
    expect(originValues[ORIGIN_SERVER_SLOT.traced]).toBe(0);
  });
});
