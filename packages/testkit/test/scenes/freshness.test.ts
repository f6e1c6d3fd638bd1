import { expect } from "vitest";
import { scenario } from "../../src/scenario/index.ts";

const LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";

scenario(
  "TTL-03, OPT-30, OPT-36: a 200 without its own lifetime is a miss once and a hit for 1800 s",
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1").reply(200, {}, "v2");
    await edge.get("/a").expect(200, "v1");
    await edge.get("/a").expect(200, "v1");
    await clock.advance(1_790);
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(1);
    await clock.advance(15);
    await edge.get("/a").expect(200, "v2");
    expect(origin.saw("/a")).toBe(2);
    await edge.counted({ TCP_MISS: 1, TCP_HIT: 2, TCP_REFRESH_MISS: 1, client_requests: 4, origin_requests: 2 });
  },
);

scenario(
  "TTL-02, TTL-04, A1 of spec 02: a 304 renews the object and its lifetime grows by a fifth",
  async ({ origin, edge, clock }) => {
    origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
    await edge.get("/a").expect(200, "v1", { "last-modified": LAST_MODIFIED });
    expect(origin.lastSeen("/a").field("if-modified-since")).toBeUndefined();
    await clock.advance(1_801);
    await edge.get("/a").expect(200, "v1");
    expect(origin.lastSeen("/a").field("if-modified-since")).toBe(LAST_MODIFIED);
    await expect.poll(() => edge.ttlLeft("/a")).toBeGreaterThan(2_150);
    expect(await edge.ttlLeft("/a")).toBeLessThanOrEqual(2_160);
    await clock.advance(2_140);
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(2);
    await clock.advance(25);
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(3);
    await expect.poll(() => edge.ttlLeft("/a")).toBeGreaterThan(2_580);
    await edge.counted({ TCP_MISS: 1, TCP_HIT: 1, TCP_REFRESH_HIT: 2 });
  },
);

scenario(
  "TTL-06, TTL-07, A2 of spec 02: no-cache is cached for 5 s and stays at 5 s",
  async ({ origin, edge, clock }) => {
    origin.on("/a").file("v1", { lastModified: LAST_MODIFIED, fields: { "Cache-Control": "no-cache" } });
    for (let renewal = 1; renewal <= 2; renewal++) {
      await edge.get("/a").expect(200, "v1");
      await clock.advance(3);
      await edge.get("/a").expect(200, "v1");
      expect(origin.saw("/a")).toBe(renewal);
      await clock.advance(3);
    }
    await edge.get("/a").expect(200, "v1");
    expect(origin.lastSeen("/a").field("if-modified-since")).toBe(LAST_MODIFIED);
  },
);

scenario(
  "TTL-08: MaxAge lets the client keep what the origin called no-cache",
  { xml: '<Options><TTL><NoCache MaxAge="10">5</NoCache></TTL></Options>' },
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, { "Cache-Control": "no-cache" }, "v1");
    await edge.get("/a").expect(200, "v1", { "cache-control": "max-age=10" });
  },
);

scenario("TTL-22: max-age of the origin is used as given and given again on 304", async ({ origin, edge, clock }) => {
  origin.on("/a").file("v1", { lastModified: LAST_MODIFIED, fields: { "Cache-Control": "max-age=100" } });
  await edge.get("/a").expect(200, "v1", { "cache-control": "max-age=100" });
  for (let renewals = 1; renewals <= 2; renewals++) {
    await clock.advance(95);
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(renewals);
    await clock.advance(10);
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(renewals + 1);
  }
});

scenario(
  "TTL-19, A3 of spec 02: ttl.txt gives matching URLs their own lifetime",
  { conditions: { "ttl.txt": "# pages\n/x/*, 10 min\n" } },
  async ({ origin, edge, clock }) => {
    origin.on("/x/1").reply(200, { "Cache-Control": "max-age=5" }, "custom");
    origin.on("/y").reply(200, { "Cache-Control": "max-age=5" }, "own");
    await edge.get("/x/1").expect(200);
    await edge.get("/y").expect(200);
    await clock.advance(590);
    await edge.get("/x/1").expect(200, "custom");
    await edge.get("/y").expect(200, "own");
    expect([origin.saw("/x/1"), origin.saw("/y")]).toEqual([1, 2]);
    await clock.advance(15);
    await edge.get("/x/1").expect(200);
    expect(origin.saw("/x/1")).toBe(2);
  },
);

scenario("TTL-09: a redirect is kept for 300 s with its Location", async ({ origin, edge, clock }) => {
  origin.on("/old").reply(301, { Location: "http://new.test/" });
  await edge.get("/old").expect(301, undefined, { location: "http://new.test/" });
  await clock.advance(290);
  await edge.get("/old").expect(301, undefined, { location: "http://new.test/" });
  expect(origin.saw("/old")).toBe(1);
  await clock.advance(15);
  await edge.get("/old").expect(301);
  expect(origin.saw("/old")).toBe(2);
});

scenario("TTL-10, OPT-34: a 404 is answered from the cache for 30 s", async ({ origin, edge, clock }) => {
  origin.on("/none").reply(404, {}, "not here");
  await edge.get("/none").expect(404, "not here");
  await clock.advance(25);
  await edge.get("/none").expect(404, "not here");
  expect(origin.saw("/none")).toBe(1);
  await clock.advance(10);
  await edge.get("/none").expect(404, "not here");
  expect(origin.saw("/none")).toBe(2);
  await edge.counted({ TCP_NEGATIVE_HIT: 1 });
});

scenario(
  "TTL-11, TTL-26: a 500 with nothing stored is kept for 30 s, then the origin is asked",
  async ({ origin, edge, clock }) => {
    origin.on("/e").reply(500, {}, "broken").reply(200, {}, "mended");
    await edge.get("/e").expect(500, "broken");
    await clock.advance(25);
    await edge.get("/e").expect(500, "broken");
    await clock.advance(10);
    await edge.get("/e").expect(200, "mended");
    expect(origin.saw("/e")).toBe(2);
  },
);

scenario(
  "TTL-24, A5 of spec 02: a 5xx at the renewal keeps the stored object and extends it",
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1").reply(503, {}, "busy");
    await edge.get("/a").expect(200, "v1");
    await clock.advance(1_801);
    await edge.get("/a").expect(200, "v1");
    await clock.advance(60);
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(2);
  },
);

scenario(
  "TTL-24, A5 of spec 02: with TTLExtensionBy5xx OFF the 5xx replaces the object for 30 s",
  { xml: "<Options><TTLExtensionBy5xx>OFF</TTLExtensionBy5xx></Options>" },
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1").reply(503, {}, "busy");
    await edge.get("/a").expect(200, "v1");
    await clock.advance(1_801);
    await edge.get("/a").expect(503, "busy");
    await clock.advance(20);
    await edge.get("/a").expect(503, "busy");
    expect(origin.saw("/a")).toBe(2);
    await clock.advance(15);
    await edge.get("/a").expect(503, "busy");
    expect(origin.saw("/a")).toBe(3);
  },
);

scenario("TTL-23: a 4xx at the renewal replaces the object", async ({ origin, edge, clock }) => {
  origin.on("/a").reply(200, {}, "v1").reply(404, {}, "gone");
  await edge.get("/a").expect(200, "v1");
  await clock.advance(1_801);
  await edge.get("/a").expect(404, "gone");
});

scenario(
  "TTL-12, TTL-18, OPT-39, A4 of spec 02: a failed connect is answered 500 for 3 s without another attempt",
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1");
    await origin.refuse();
    const failure = await edge.get("/a").expect(500, /\S/, { via: /./ });
    expect(failure.field("content-type")).toMatch(/html|plain/);
    await origin.listen();
    await edge.get("/a").expect(500);
    expect([origin.saw("/a"), origin.connections]).toEqual([0, 0]);
    await clock.advance(4);
    await edge.get("/a").expect(200, "v1");
    await edge.counted({ TCP_ERROR: 1, TCP_NEGATIVE_HIT: 1 });
  },
);

scenario(
  "TTL-12, OPT-33: with an object stored a failed connect extends it by 3 s",
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1").reply(200, {}, "v2");
    await edge.get("/a").expect(200, "v1");
    await clock.advance(1_801);
    await origin.refuse();
    await edge.get("/a").expect(200, "v1");
    await origin.listen();
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(1);
    await clock.advance(4);
    await edge.get("/a").expect(200, "v2");
    await edge.counted({ TCP_REF_FAIL_HIT: 1 });
  },
);

scenario("TTL-15: TTL 0 asks the origin each time and shows a change at once", async ({ origin, edge, clock }) => {
  origin.on("/a").reply(200, { "Cache-Control": "max-age=0" }, "v1").reply(200, { "Cache-Control": "max-age=0" }, "v2");
  await edge.get("/a").expect(200, "v1");
  await clock.advance(3);
  await edge.get("/a").expect(200, "v2");
  await clock.advance(3);
  await edge.get("/a").expect(200, "v2");
  expect(origin.saw("/a")).toBe(3);
});

scenario("TTL-29: with RefreshExpired ON clients wait for the renewal", async ({ origin, edge, clock }) => {
  origin.on("/a").reply(200, {}, "v1");
  await edge.get("/a").expect(200, "v1");
  await clock.advance(1_801);
  const gate = origin.on("/a").reply(200, {}, "v2").hold();
  const answers = [edge.get("/a"), edge.get("/a")];
  await gate.arrived();
  gate.release();
  for (const answer of answers) await answer.expect(200, "v2");
  expect(origin.saw("/a")).toBe(2);
});

scenario(
  "TTL-28, TTL-30, A7 of spec 02: with RefreshExpired OFF nobody waits, and the new content follows",
  { xml: "<Options><RefreshExpired>OFF</RefreshExpired></Options>" },
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    await clock.advance(1_801);
    const gate = origin.on("/a").reply(200, {}, "v2").hold();
    for (let client = 0; client < 3; client++) await edge.get("/a").expect(200, "v1");
    await gate.arrived();
    gate.release();
    await expect.poll(async () => (await edge.get("/a")).text).toBe("v2");
    expect(origin.saw("/a")).toBe(2);
  },
);

scenario("TTL-32: 100 clients after the expiry cause one renewal", async ({ origin, edge, clock, client }) => {
  origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
  await edge.get("/a").expect(200, "v1");
  await clock.advance(1_801);
  const gate = origin.on("/a").file("v1", { lastModified: LAST_MODIFIED }).hold();
  const clients = await Promise.all(Array.from({ length: 100 }, client));
  const answers = clients.map((opened) => opened.request({ path: "/a", host: edge.host }));
  await gate.arrived();
  gate.release();
  for (const answer of await Promise.all(answers)) expect([answer.status, answer.text]).toEqual([200, "v1"]);
  expect(origin.saw("/a")).toBe(2);
});

scenario(
  "TTL-37, A8 of spec 02: with NoCacheRequestExpire ON a reload by the user asks the origin once, conditionally",
  { xml: "<Options><NoCacheRequestExpire>ON</NoCacheRequestExpire></Options>" },
  async ({ origin, edge, clock }) => {
    origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
    await edge.get("/a").expect(200);
    await edge.stored("/a");
    for (const headers of [{ Pragma: "no-cache" }, { "Cache-Control": "no-cache" }, { "Cache-Control": "max-age=0" }]) {
      await edge.get("/a", { headers }).expect(200, "v1");
      await clock.advance(3);
      expect(origin.lastSeen("/a").field("if-modified-since")).toBe(LAST_MODIFIED);
    }
    expect(origin.saw("/a")).toBe(4);
  },
);

scenario("TTL-37: by default a client's no-cache is ignored", async ({ origin, edge }) => {
  origin.on("/a").reply(200, {}, "v1");
  await edge.get("/a").expect(200);
  await edge.get("/a", { headers: { Pragma: "no-cache", "Cache-Control": "no-cache" } }).expect(200, "v1");
  expect(origin.saw("/a")).toBe(1);
});
