import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { scenario, useEdge } from "../src/scenario/index.ts";

useEdge({ program: [process.execPath, fileURLToPath(new URL("standIn/main.ts", import.meta.url))], workers: 1 });

const hosts = new Set<string>();
const edges = new Set<string>();

describe("scenes of one file", () => {
  scenario("have an origin and a host of their own", async ({ origin, edge, clock, client }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    expect(origin.lastSeen("/a").field("host")).toBe(edge.host);
    const before = Date.parse((await edge.get("/a")).field("date") ?? "");
    await clock.advance(100);
    expect(Date.parse((await edge.get("/a")).field("date") ?? "") - before).toBeGreaterThanOrEqual(100_000);
    expect((await (await client()).request({ path: "/a", host: edge.host })).text).toBe("v1");
    hosts.add(edge.host);
    edges.add(edge.cluster.home);
  });
});

describe("in another group", () => {
  scenario("share the edge", ({ edge }) => {
    hosts.add(edge.host);
    edges.add(edge.cluster.home);
    expect([hosts.size, edges.size]).toEqual([2, 1]);
    return Promise.resolve();
  });

  scenario("may have an edge of their own", { ownEdge: { workers: 2 }, host: "own.test" }, async ({ origin, edge }) => {
    origin.on("/own").reply(200, {}, "own");
    await edge.get("/own").expect(200, "own");
    expect([edge.host, edges.has(edge.cluster.home), (await edge.cluster.workers()).length]).toEqual([
      "own.test",
      false,
      2,
    ]);
  });
});
