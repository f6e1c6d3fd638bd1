import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { fetchAll, patternBody, type RawClient, type TestEdge, tallyOutcomes } from "../../src/index.ts";
import { scenario } from "../../src/scenario/index.ts";

/** Requests on fresh connections until every worker has answered some; the figures of workers are a second old. */
const reachEveryWorker = async (edge: TestEdge, host: string, path: string): Promise<void> => {
  for (const limit = Date.now() + 60_000; Date.now() < limit; await pause(50)) {
    expect(tallyOutcomes(await fetchAll(edge.port, 40, { path, host }))).toEqual({ "200": 40 });
    const { workers } = await edge.status();
    if (workers.every((worker) => worker.requests > 0)) return;
  }
  throw new Error("one worker answered everything");
};

scenario("all workers share one object", async ({ origin, edge }) => {
  origin.on("/a").reply(200, {}, "v1");
  await edge.get("/a").expect(200, "v1");
  await reachEveryWorker(edge.cluster, edge.host, "/a");
  expect(origin.saw("/a")).toBe(1);
});

scenario("PRG-13: a purge reaches every worker before it is answered", async ({ origin, edge }) => {
  let version = 1;
  origin.on("/a").reply(() => ({ status: 200, body: `v${version}` }));
  await reachEveryWorker(edge.cluster, edge.host, "/a");
  for (; version <= 5; version++) {
    const texts = await Promise.all(Array.from({ length: 20 }, async () => (await edge.get("/a")).text));
    expect([...new Set(texts)]).toEqual([`v${version}`]);
    await edge.stored("/a");
    expect(await edge.purge("/a")).toBe(1);
  }
});

scenario("a killed worker costs only its own connections and is replaced", async ({ origin, edge, client }) => {
  origin.on("/a").reply(200, {}, "v1");
  await edge.get("/a").expect(200);
  await edge.stored("/a");
  const open: RawClient[] = await Promise.all(Array.from({ length: 20 }, client));
  for (const session of open) await session.request({ path: "/a", host: edge.host });
  await edge.cluster.kill(0);
  const answers = await Promise.allSettled(open.map((session) => session.request({ path: "/a", host: edge.host })));
  for (const answer of answers) if (answer.status === "fulfilled") expect(answer.value.text).toBe("v1");
  expect(tallyOutcomes(await fetchAll(edge.port, 40, { path: "/a", host: edge.host }))).toEqual({ "200": 40 });
  expect(origin.saw("/a")).toBe(1);
});

scenario("a worker killed within a fill: others take over and every answer is whole", async ({ origin, edge }) => {
  const body = patternBody(2_000_000, 41);
  const gate = origin.on("/big").reply(200, {}, body).hold(500_000);
  const fetching = fetchAll(edge.port, 10, { path: "/big", host: edge.host });
  await gate.arrived();
  await edge.cluster.kill(0);
  gate.release();
  const sha256 = body.digest();
  for (const outcome of await fetching) if (outcome.kind === "answer") expect(outcome.sha256).toBe(sha256);
  const later = await fetchAll(edge.port, 10, { path: "/big", host: edge.host });
  for (const outcome of later) expect(outcome).toMatchObject({ status: 200, sha256 });
  expect(origin.saw("/big")).toBeLessThanOrEqual(2);
});

scenario("a rolling restart loses no request and no object", async ({ origin, edge }) => {
  origin.on("/a").reply(200, {}, "v1");
  await edge.get("/a").expect(200);
  await edge.stored("/a");
  let goOn = true;
  const failures: string[] = [];
  const load = Array.from({ length: 3 }, async () => {
    while (goOn) {
      const [outcome] = await fetchAll(edge.port, 1, { path: "/a", host: edge.host });
      if (outcome?.kind !== "answer" || outcome.status !== 200) failures.push(JSON.stringify(outcome));
    }
  });
  await edge.cluster.restart();
  goOn = false;
  await Promise.all(load);
  expect(failures).toEqual([]);
  expect(origin.saw("/a")).toBe(1);
});

scenario("a connection in the middle of a response survives the rolling restart", async ({ origin, edge, client }) => {
  const body = patternBody(400_000, 42);
  const gate = origin.on("/a").reply(200, {}, body).hold(100_000);
  const session = await client();
  const answer = session.request({ path: "/a", host: edge.host });
  await gate.arrived();
  const restarting = edge.cluster.restart();
  gate.release();
  expect((await answer).sha256).toBe(body.digest());
  await restarting;
});

scenario("metrics agree with what the clients and the origin count", async ({ origin, edge }) => {
  origin.on("/a").file("0123456789", { lastModified: "Tue, 01 Jan 2019 00:00:00 GMT" });
  origin.on("/api").reply(200, {}, "ok");
  for (let round = 0; round < 5; round++) await edge.get("/a").expect(200);
  await edge.get("/a", { headers: { "If-None-Match": "*" } }).expect(304);
  await edge.get("/a", { headers: { Range: "bytes=0-3" } }).expect(206);
  await edge.get("/none").expect(404);
  await edge.get("/api", { method: "POST", body: "12345" }).expect(200, "ok");
  await edge.counted({
    client_requests: 9,
    "client_responses{class=2xx}": 7,
    "client_responses{class=3xx}": 1,
    "client_responses{class=4xx}": 1,
    TCP_CLIENT_REFRESH_MISS: 1,
    client_not_modified: 1,
    client_ranges: 1,
    client_bypassed: 1,
    origin_requests: origin.saw(),
    client_response_body_bytes: 5 * 10 + 4 + "the test origin knows no such page".length + 2,
  });
  const metrics = await edge.cluster.metrics();
  const results = metrics.sum("basalt_cache_results_total", { vhost: edge.host });
  expect(results).toBe(metrics.sum("basalt_client_requests_total", { vhost: edge.host }));
});

scenario(
  "after a restart of everything objects are hits and the origin sees nothing",
  { ownEdge: {} },
  async ({ origin, edge }) => {
    const large = patternBody(3_000_000, 43);
    origin.on("/small").reply(200, { "Content-Type": "text/plain" }, "kept");
    origin.on("/large").reply(200, {}, large);
    for (const path of ["/small", "/large"]) await edge.get(path).expect(200);
    await edge.cluster.restartEverything();
    await edge.get("/small").expect(200, "kept", { "content-type": "text/plain" });
    expect((await edge.get("/large")).sha256).toBe(large.digest());
    expect(origin.saw()).toBe(2);
    expect(await edge.purge("/small")).toBe(1);
    await edge.cluster.restartEverything();
    await edge.get("/small").expect(200, "kept");
    expect(origin.saw("/small")).toBe(2);
  },
);

scenario(
  "after SIGKILL of everything what was stored is whole or absent",
  { ownEdge: {} },
  async ({ origin, edge }) => {
    const body = patternBody(200_000, 44);
    origin.on(() => true).reply(200, {}, body);
    const request = (index: number) => ({ path: `/${index}`, host: edge.host });
    const sha256 = body.digest();
    await fetchAll(edge.port, 30, request);
    await expect.poll(async () => (await edge.cluster.status()).objects).toBe(30);
    await edge.cluster.crash();
    await edge.cluster.start();
    for (const outcome of await fetchAll(edge.port, 30, request))
      expect(outcome).toMatchObject({ status: 200, sha256 });
    // the index is written in batches: what was stored in the last moments may be asked for again
    expect(origin.saw()).toBeLessThan(45);
  },
);

scenario(
  "CFG-08: without disks the edge runs in memory-only mode and shares objects all the same",
  { ownEdge: { disks: "memory" } },
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, patternBody(500_000, 45));
    await edge.get("/a").expect(200);
    await reachEveryWorker(edge.cluster, edge.host, "/a");
    expect(origin.saw("/a")).toBe(1);
  },
);

scenario(
  "start in the background, stop and start again work as an operator does it",
  { ownEdge: { start: "detached" } },
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    await edge.cluster.restartEverything();
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(1);
  },
);
