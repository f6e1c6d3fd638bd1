import { describe, expect, it } from "vitest";
import { clientResponseClassSlot, OTHER_ORIGINS, type ServiceOutcome, VHOST_SLOT } from "../../src/index.ts";
import { statisticsOf, subject, type TestStatistics } from "./support.ts";

/** So many answers of 3 ms each. */
const answer = (test: TestStatistics, vhost: string, status: number, count: number): void => {
  const slot = clientResponseClassSlot(status);
  test.count(vhost, VHOST_SLOT.clientRequests, count);
  test.count(vhost, slot, count);
  test.count(vhost, VHOST_SLOT.clientCompleteTime + slot - VHOST_SLOT.clientResponseClass, count * 300);
  if (status === 429) test.count(vhost, VHOST_SLOT.clientThrottled, count);
};

const exchange = (test: TestStatistics, vhost: string, origin: string, outcome: ServiceOutcome, ms = 10): void =>
  test.block.origins.add({ vhost, origin }, { outcome, hundredths: ms * 100, isTraced: outcome === "ok" });

describe("the service map", () => {
  it("AWS-100 shows per node shares of results, mean latency and traces per minute", () => {
    const test = statisticsOf(subject("a.com"));
    answer(test, "a.com", 200, 5);
    answer(test, "a.com", 304, 1);
    answer(test, "a.com", 404, 2);
    answer(test, "a.com", 429, 1);
    answer(test, "a.com", 503, 1);
    test.count("a.com", VHOST_SLOT.clientTraced, 2);
    exchange(test, "a.com", "10.0.0.1:80", "ok", 10);
    exchange(test, "a.com", "10.0.0.1:80", "fault", 30);
    for (let second = 0; second < 30; second++) test.endSecond();
    const ofClients = {
      requests: 10,
      success: 0.6,
      error: 0.2,
      throttle: 0.1,
      fault: 0.1,
      latencyMs: 3,
      requestsPerMinute: 20,
      tracesPerMinute: 4,
    };
    const ofOrigin = {
      requests: 2,
      success: 0.5,
      error: 0,
      throttle: 0,
      fault: 0.5,
      latencyMs: 20,
      requestsPerMinute: 4,
      tracesPerMinute: 2,
    };
    expect(test.statistics.serviceMap(5)).toEqual({
      endedAtMs: test.wallMs,
      seconds: 30,
      omitted: 0,
      nodes: [
        { id: 0, name: "client", type: "client", ...ofClients },
        { id: 1, name: "a.com", type: "vhost", ...ofClients },
        { id: 2, name: "10.0.0.1:80", type: "origin", ...ofOrigin },
      ],
      edges: [
        { from: 0, to: 1, ...ofClients },
        { from: 1, to: 2, ...ofOrigin },
      ],
    });
  });

  it("AWS-100 joins hosts with one origin in one node, with an edge from each", () => {
    const test = statisticsOf(subject("a.com"), subject("b.com"), subject("idle.com"));
    answer(test, "a.com", 200, 1);
    answer(test, "b.com", 200, 3);
    exchange(test, "a.com", "o.com:80", "ok");
    exchange(test, "b.com", "o.com:80", "throttle");
    test.endSecond();
    const { nodes, edges } = test.statistics.serviceMap(1);
    expect(nodes.map(({ name, requests }) => [name, requests])).toEqual([
      ["client", 4],
      ["a.com", 1],
      ["b.com", 3],
      ["o.com:80", 2],
    ]);
    expect(edges.map(({ from, to, throttle }) => [from, to, throttle])).toEqual([
      [0, 1, 0],
      [1, 3, 0],
      [0, 2, 0],
      [2, 3, 1],
    ]);
  });

  it("AWS-100 goes back so many minutes, the one that runs among them", () => {
    const test = statisticsOf(subject("a.com"));
    exchange(test, "a.com", "old:80", "ok");
    for (let second = 0; second < 60; second++) test.endSecond();
    exchange(test, "a.com", "new:80", "ok");
    test.endSecond();
    const names = (minutes: number) => test.statistics.serviceMap(minutes).nodes.map(({ name }) => name);
    expect(names(1)).toEqual(["client", "a.com", "new:80"]);
    expect(names(2)).toEqual(["client", "a.com", "old:80", "new:80"]);
    expect(test.statistics.serviceMap(2).seconds).toBe(61);
  });

  it("AWS-100 shows a host that was asked for without traffic, and nothing before the first second", () => {
    const test = statisticsOf(subject("a.com"), subject("b.com"));
    expect(test.statistics.serviceMap(5)).toMatchObject({ endedAtMs: 0, seconds: 0, nodes: [{ name: "client" }] });
    const { nodes } = test.statistics.serviceMap(5, "b.com");
    expect(nodes.map(({ name, requests, latencyMs }) => [name, requests, latencyMs])).toEqual([
      ["client", 0, 0],
      ["b.com", 0, 0],
    ]);
  });

  it("AWS-100 counts loopback and HTTPS traffic whatever the statistics leave out", () => {
    const test = statisticsOf(subject("a.com"));
    for (const key of ["a.com\u0000local", "a.com\u0000tls", "a.com\u0000local\u0000tls"]) {
      test.block.add(test.block.block(key) + VHOST_SLOT.clientRequests, 1);
    }
    test.endSecond();
    expect(test.statistics.serviceMap(1).nodes[1]?.requests).toBe(3);
  });

  it("AWS-100 stays bounded however many origins and hosts there are", () => {
    const names = Array.from({ length: 600 }, (_, index) => `host${index}.com`);
    const test = statisticsOf(...names.map((name) => subject(name)));
    for (const [index, name] of names.entries()) answer(test, name, 200, index + 1);
    for (let index = 0; index < 3_000; index++) exchange(test, "host599.com", `10.0.${index}:80`, "ok");
    test.endSecond();
    const map = test.statistics.serviceMap(1);
    expect(map.omitted).toBe(100);
    expect(map.nodes.filter(({ type }) => type === "vhost").map(({ name }) => name)).not.toContain("host99.com");
    expect(map.nodes.find(({ name }) => name === OTHER_ORIGINS)?.requests).toBe(1_000);
  });
});
