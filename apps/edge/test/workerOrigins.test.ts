import { type EdgeConfig, parseConfig } from "@basalt/config";
import type { OriginOutcome, OriginView } from "@basalt/origin";
import { CounterBlock } from "@basalt/telemetry";
import { AdjustableClock } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type HostPools, WorkerOrigins } from "../src/workerOrigins.ts";

const configOf = (generation: number, ...vhosts: readonly string[]) => {
  const sources = new Map([
    ["server.xml", "<Server/>"],
    ["vhosts.xml", `<Vhosts>${vhosts.join("")}</Vhosts>`],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error("the configuration is wrong");
  return outcome.config;
};

const host = (name: string, address: string): string =>
  `<Vhost Name="${name}"><Origin><Address>${address}</Address></Origin></Vhost>`;

const viewOf = (vhost: string, version: number, ...ips: readonly string[]): OriginView => ({
  vhost,
  version,
  epoch: 0,
  inService: ips.map((ip, addressIndex) => ({ id: ip, addressIndex, ip, port: 80 })),
  isResolving: false,
  suspected: [],
  transactions: version,
});

let origins: WorkerOrigins;
const outcomes: OriginOutcome[][] = [];
const transactions: ReadonlyMap<string, number>[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  outcomes.length = 0;
  transactions.length = 0;
  origins = new WorkerOrigins({
    clock: new AdjustableClock(),
    counters: new CounterBlock(),
    onTransaction: () => {},
    log: { notice: () => {}, warning: () => {} },
    tellOutcomes: (told) => outcomes.push([...told]),
    tellTransactions: (byVhost) => transactions.push(byVhost),
  });
});
afterEach(() => {
  vi.useRealTimers();
});

const request = { method: "GET", target: "/", fields: [], body: { kind: "none" }, mode: "cache" } as const;
const handler = { onHead: () => {}, onData: () => true, onComplete: () => {}, onError: () => {} };

/** In one go. */
const configure = (config: EdgeConfig, views: readonly OriginView[]): HostPools => {
  const steps = origins.prepare(config, views);
  for (;;) {
    const step = steps.next();
    if (step.done !== true) continue;
    step.value.enter();
    return step.value.pools;
  }
};

describe("the origin pools of a worker", () => {
  it("are kept over a reload that leaves their host alone, and made anew when its origin changes", () => {
    const hosts = (pools: HostPools) => ["a", "b"].map((name) => pools.get(name));
    const [firstA, firstB] = hosts(configure(configOf(1, host("a", "1.1.1.1"), host("b", "1.1.1.2")), []));
    const [secondA, secondB] = hosts(configure(configOf(2, host("a", "1.1.1.1"), host("b", "1.1.1.3")), []));
    expect(secondA).toBe(firstA);
    expect(secondB).not.toBe(firstB);
    expect(hosts(configure(configOf(3, host("b", "1.1.1.3")), []))).toEqual([undefined, secondB]);
  });

  it("REG-86 REG-87 hand on what still comes to them to those of the next configuration, and fail it without any", async () => {
    const outcomeOf = (pool: ReturnType<HostPools["get"]>): Promise<string> =>
      new Promise((resolve) => {
        const onError = ({ code }: { readonly code: string }): void => resolve(code);
        pool?.send(request, { ...handler, onError });
      });
    const old = configure(configOf(1, host("a", "1.1.1.1")), [viewOf("a", 1, "1.1.1.1")]).get("a");
    configure(configOf(2, host("a", "1.1.1.2")), [viewOf("a", 2)]);
    configure(configOf(3, host("a", "1.1.1.3")), [viewOf("a", 3)]);
    expect(await outcomeOf(old)).toBe("ORIGIN_UNAVAILABLE");
    configure(configOf(4), []);
    expect(await outcomeOf(old)).toBe("SHUTTING_DOWN");
  });

  it("ORG-28 follow the views of their configuration, and of no other", () => {
    const pools = configure(configOf(4, host("a", "1.1.1.1")), [viewOf("a", 7, "1.1.1.1")]);
    expect(pools.get("a")?.transactions).toBe(7);
    origins.applyView({ generation: 5, view: viewOf("a", 9, "1.1.1.1") });
    origins.applyView({ generation: 3, view: viewOf("a", 10, "1.1.1.1") });
    expect(pools.get("a")?.transactions).toBe(7);
    origins.applyView({ generation: 4, view: viewOf("a", 8, "1.1.1.1") });
    origins.applyView({ generation: 4, view: viewOf("unknown", 8) });
    expect(pools.get("a")?.transactions).toBe(8);
    const next = configure(configOf(5, host("a", "1.1.1.1")), []);
    expect([next.get("a") === pools.get("a"), next.get("a")?.transactions]).toEqual([true, 9]);
  });

  it("are made with what has become known of their servers before their first request", () => {
    const pools = configure(configOf(1, host("a", "1.1.1.1"), host("b", "1.1.1.2")), [viewOf("a", 1, "1.1.1.1")]);
    origins.applyView({ generation: 1, view: viewOf("b", 2, "1.1.1.2") });
    expect([pools.get("a")?.transactions, pools.get("b")?.transactions]).toEqual([1, 2]);
  });

  it("ORG-12 fail at once when the view names no server", async () => {
    const pools = configure(configOf(1, host("a", "1.1.1.1")), [viewOf("a", 1)]);
    const codes: string[] = [];
    pools.get("a")?.send(request, { ...handler, onError: ({ code }) => codes.push(code) });
    await vi.advanceTimersByTimeAsync(0);
    expect(codes).toEqual(["ORIGIN_UNAVAILABLE"]);
  });

  it("ORG-28 tell transactions in progress at most every 100 ms, and only when they have changed", () => {
    const pools = configure(configOf(1, host("a", "127.0.0.1:1"), host("b", "127.0.0.1:1")), []);
    const running = [pools.get("a"), pools.get("a")].map((pool) => pool?.send(request, handler));
    expect(transactions).toEqual([]);
    vi.advanceTimersByTime(100);
    vi.advanceTimersByTime(500);
    expect(transactions).toEqual([new Map([["a", 2]])]);
    for (const exchange of running) exchange?.abort();
    vi.advanceTimersByTime(100);
    expect(transactions).toEqual([new Map([["a", 2]]), new Map()]);
  });
});
