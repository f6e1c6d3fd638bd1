import { expect } from "vitest";
import { type SceneEdge, scenario } from "../../src/scenario/index.ts";

const fetchAndStore = async (edge: SceneEdge, ...paths: readonly string[]): Promise<void> => {
  for (const path of paths) {
    await edge.get(path).expect(200);
    await edge.stored(path);
  }
};

const LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";

scenario(
  "PRG-13, PRG-15, PRG-17, PRG-18, A1 of spec 03: a purged object is fetched again without a condition",
  async ({ origin, edge }) => {
    origin.on("/a.jpg").file("x".repeat(1_000), { lastModified: LAST_MODIFIED });
    await fetchAndStore(edge, "/a.jpg");
    const purge = () => edge.cluster.apiJson(`/command/purge?url=${edge.host}/a.jpg`);
    expect(await purge()).toMatchObject({
      httpStatus: 200,
      method: "purge",
      status: "OK",
      result: { Count: 1, Size: 1_000, Time: expect.any(Number) },
    });
    expect(await purge()).toMatchObject({ httpStatus: 200, result: { Count: 0 } });
    await fetchAndStore(edge, "/a.jpg");
    expect(origin.saw("/a.jpg")).toBe(2);
    expect(origin.lastSeen("/a.jpg").field("if-modified-since")).toBeUndefined();
  },
);

scenario(
  "PRG-19, TTL-17, A2 of spec 03: an expired object is confirmed by 304 and starts again at 1800 s",
  async ({ origin, edge, clock }) => {
    origin.on("/a.jpg").file("v1", { lastModified: LAST_MODIFIED });
    await fetchAndStore(edge, "/a.jpg");
    await clock.advance(1_801);
    await edge.get("/a.jpg").expect(200, "v1");
    expect(await edge.purge("/a.jpg", "expire")).toBe(1);
    await edge.get("/a.jpg").expect(200, "v1");
    expect(origin.saw("/a.jpg")).toBe(3);
    expect(origin.lastSeen("/a.jpg").field("if-modified-since")).toBe(LAST_MODIFIED);
    await expect.poll(() => edge.ttlLeft("/a.jpg")).toBeGreaterThan(1_790);
    expect(await edge.ttlLeft("/a.jpg")).toBeLessThanOrEqual(1_800);
  },
);

scenario(
  "REG-54, PRG-05, PRG-06, A3 of spec 03: a directory URL is one object, a pattern is all below",
  async ({ origin, edge }) => {
    origin.on(() => true).reply(200, {}, "x");
    await fetchAndStore(edge, "/img/", "/img/a.jpg", "/img/b/c.jpg", "/other");
    expect(await edge.purge("/img/")).toBe(1);
    expect(await edge.purge("/img/*")).toBe(2);
    await fetchAndStore(edge, "/img/", "/img/a.jpg", "/img/b/c.jpg", "/other");
    expect(["/img/", "/img/a.jpg", "/img/b/c.jpg", "/other"].map((path) => origin.saw(path))).toEqual([2, 2, 2, 1]);
    expect(await edge.purge("/*")).toBe(4);
  },
);

scenario(
  "PRG-03, PRG-18, A4 of spec 03, A11: nothing found is 200, an unknown host 502, no target 400",
  async ({ edge }) => {
    expect(await edge.purge("/none")).toBe(0);
    expect((await edge.cluster.api("/command/purge?url=nohost.example/a")).status).toBe(502);
    expect((await edge.cluster.api("/command/purge")).status).toBe(400);
  },
);

scenario(
  "REG-71, PRG-03, A4 of spec 03: ResCodeNoCtrlTarget names the status of nothing found",
  { xml: "<Options><ResCodeNoCtrlTarget>404</ResCodeNoCtrlTarget></Options>" },
  async ({ edge }) => {
    for (const verb of ["purge", "expire", "hardpurge", "expireafter"]) {
      for (const target of ["/none", "/none/*", "/none?x=1"]) {
        const { status } = await edge.cluster.api(`/command/${verb}?url=${edge.host}${target}`);
        expect([verb, target, status]).toEqual([verb, target, 404]);
      }
    }
    await edge.get("/none", { method: "PURGE" }).expect(404);
  },
);

scenario(
  "PRG-07, PRG-08, PRG-28: several targets in one call, with a scheme, also by POST",
  async ({ origin, edge }) => {
    origin.on(() => true).reply(200, {}, "x");
    await fetchAndStore(edge, "/a", "/b", "/c/1");
    const body = `url=http://${edge.host}/a|/b|/c/*`;
    const answer = await edge.cluster.apiJson("/command/purge", { method: "POST", body });
    expect(answer).toMatchObject({ httpStatus: 200, result: { Count: 3 } });
  },
);

scenario(
  "PRG-09, PRG-11, KEY-07, A9 of spec 03: a target hits every variant of its URL, but no other query string",
  async ({ origin, edge }) => {
    origin.on(() => true).reply(200, {}, "x");
    await fetchAndStore(edge, "/l", "/l?x=1", "/l?x=2");
    await edge.get("/l", { headers: { "Accept-Encoding": "gzip" } }).expect(200);
    await edge.stored("/l", 2);
    expect(await edge.purge("/l")).toBe(2);
    expect(await edge.purge("/l?x=1")).toBe(1);
    expect(await edge.purge("/l*")).toBe(1);
  },
);

scenario("PRG-26, PRG-27: PURGE on the service port does what the API does", async ({ origin, edge }) => {
  origin.on("/sample.dat").reply(200, {}, "v1").reply(200, {}, "v2");
  await fetchAndStore(edge, "/sample.dat");
  const purged = await edge.get("/sample.dat", { method: "PURGE" }).expect(200);
  expect(JSON.parse(purged.text)).toMatchObject({ method: "purge", status: "OK", result: { Count: 1 } });
  await edge.get("/sample.dat").expect(200, "v2");
});

scenario("PRG-26: PURGE on the manager port takes the host from the Host field", async ({ origin, edge }) => {
  origin.on("/sample.dat").reply(200, {}, "v1");
  await fetchAndStore(edge, "/sample.dat");
  const answer = await edge.cluster.apiJson("/sample.dat", { method: "PURGE", host: edge.host });
  expect(answer.result).toMatchObject({ Count: 1 });
});

scenario(
  "PRG-14, A7 of spec 03: a purged object comes back when the origin is down",
  async ({ origin, edge, clock }) => {
    origin.on("/a.jpg").reply(200, {}, "old").reply(200, {}, "new");
    await fetchAndStore(edge, "/a.jpg");
    expect(await edge.purge("/a.jpg")).toBe(1);
    await origin.refuse();
    await edge.get("/a.jpg").expect(200, "old");
    await origin.listen();
    await edge.get("/a.jpg").expect(200, "old");
    expect(origin.saw("/a.jpg")).toBe(1);
    await clock.advance(4);
    await edge.get("/a.jpg").expect(200, "new");
  },
);

scenario("PRG-23: a hard purge cannot be restored", async ({ origin, edge }) => {
  origin.on("/a.jpg").reply(200, {}, "old");
  await fetchAndStore(edge, "/a.jpg");
  expect(await edge.purge("/a.jpg", "hardpurge")).toBe(1);
  await origin.refuse();
  await edge.get("/a.jpg").expect(500);
});

scenario(
  "PRG-20, PRG-22, PRG-24, A8 of spec 03: expireafter moves the end of the lifetime",
  async ({ origin, edge }) => {
    origin.on("/a.jpg").reply(200, {}, "v1");
    await fetchAndStore(edge, "/a.jpg");
    const target = `url=${edge.host}/a.jpg`;
    expect((await edge.cluster.api(`/command/expireafter?sec=0&${target}`)).status).toBe(400);
    expect(await edge.ttlLeft("/a.jpg")).toBeGreaterThan(1_700);
    expect((await edge.cluster.apiJson(`/command/expireafter?sec=60&${target}`)).result).toMatchObject({ Count: 1 });
    const short = await edge.ttlLeft("/a.jpg");
    expect([short > 50, short <= 60]).toEqual([true, true]);
    await edge.cluster.api(`/command/expireafter?${target}`);
    expect(await edge.ttlLeft("/a.jpg")).toBeGreaterThan(86_000);
  },
);

scenario(
  "PRG-01, A5 of spec 03: Purge2Expire ALL turns a purge into an expiry",
  { xml: "<Options><Purge2Expire>ALL</Purge2Expire></Options>" },
  async ({ origin, edge }) => {
    origin.on("/a.jpg").file("v1", { lastModified: LAST_MODIFIED });
    await fetchAndStore(edge, "/a.jpg");
    expect(await edge.purge("/a.jpg")).toBe(1);
    await edge.get("/a.jpg").expect(200, "v1");
    expect(origin.lastSeen("/a.jpg").field("if-modified-since")).toBe(LAST_MODIFIED);
  },
);

scenario(
  "PRG-02, PRG-04, A6 of spec 03: RootPurgeExpire guards the whole host",
  { xml: "<Options><RootPurgeExpire>EXPIRE</RootPurgeExpire></Options>" },
  async ({ origin, edge }) => {
    origin.on(() => true).reply(200, {}, "x");
    await fetchAndStore(edge, "/", "/a");
    expect(await edge.purge("/*")).toBe(0);
    expect(await edge.purge("/*", "expire")).toBe(2);
    expect(await edge.purge("/")).toBe(1);
  },
);

scenario("PRG-13: a purge right behind the first answer is not outrun by its storing", async ({ origin, edge }) => {
  let version = 1;
  origin.on("/a").reply(() => ({ status: 200, body: `v${version}` }));
  for (; version <= 10; version++) {
    await edge.get("/a").expect(200, `v${version}`);
    await edge.purge("/a");
  }
});

scenario(
  "REG-25, TTL-34: a purge during the first download leaves its client with an answer",
  async ({ origin, edge }) => {
    const gate = origin.on("/a").reply(200, {}, "v1").hold();
    const answer = edge.get("/a");
    await gate.arrived();
    await edge.cluster.api(`/command/purge?url=${edge.host}/a`);
    gate.release();
    await answer.expect(200, "v1");
    origin.on("/a").reply(200, {}, "v2");
    await edge.purge("/a");
    await edge.get("/a").expect(200, "v2");
  },
);

scenario(
  "STAT-93, STAT-94: fileinfo lists every variant, and nothing for what is not cached",
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, { "Content-Type": "text/plain" }, "0123456789");
    const unknown = await edge.cluster.apiJson(`/monitoring/fileinfo?url=${edge.host}/a`);
    expect([unknown.httpStatus, unknown.status, unknown.result]).toEqual([200, "NOT_CACHED", []]);
    await edge.get("/a").expect(200);
    await edge.get("/a", { headers: { "Accept-Encoding": "gzip" } }).expect(200);
    await edge.stored("/a", 2);
    const records = await edge.fileInfo("/a");
    expect(records.map((record) => record["Accept-Encoding"]).sort()).toEqual(["N", "Y"]);
    expect(records[0]).toMatchObject({ URI: "/a", Size: 10, ResponseCode: 200, ContentType: "text/plain" });
  },
);
