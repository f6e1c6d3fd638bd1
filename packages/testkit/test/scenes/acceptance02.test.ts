import { expect } from "vitest";
import type { TestOrigin } from "../../src/index.ts";
import type { SceneEdge } from "../../src/scenario/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

/** The worked examples of the caching policy, as they stand there, through two workers. */
useEdge({ workers: 2 });

const LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";

/** Connections of their own, so that both workers get some. */
const ASKED_OFTEN = 6;

const expectOften = async (edge: SceneEdge, path: string, status: number, body: string): Promise<void> => {
  for (let round = 0; round < ASKED_OFTEN; round++) await edge.get(path).expect(status, body);
};

scenario(
  "A1 of spec 02: a hit until 1800 s have passed, then a 304 of the origin gives 2160 s",
  async ({ origin, edge, clock }) => {
    origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
    await edge.get("/a").expect(200, "v1");
    await clock.advance(1_790);
    await expectOften(edge, "/a", 200, "v1");
    expect(origin.saw("/a")).toBe(1);
    await clock.advance(11);
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(2);
    expect(origin.lastSeen("/a").field("if-modified-since")).toBe(LAST_MODIFIED);
    await expect.poll(() => edge.ttlLeft("/a")).toBeGreaterThan(2_150);
    expect(await edge.ttlLeft("/a")).toBeLessThanOrEqual(2_160);
    await edge.counted({ TCP_MISS: 1, TCP_HIT: ASKED_OFTEN, TCP_REFRESH_HIT: 1 });
  },
);

const noCacheOrigin = { lastModified: LAST_MODIFIED, fields: { "Cache-Control": "no-cache" } };

scenario("A2 of spec 02: no-cache is a hit after 4 s and validated after 6 s", async ({ origin, edge, clock }) => {
  origin.on("/a").file("v1", noCacheOrigin);
  await edge.get("/a").expect(200, "v1", { "cache-control": "no-cache" });
  await clock.advance(4);
  await expectOften(edge, "/a", 200, "v1");
  expect(origin.saw("/a")).toBe(1);
  await clock.advance(2);
  await edge.get("/a").expect(200, "v1");
  expect(origin.saw("/a")).toBe(2);
  expect(origin.lastSeen("/a").field("if-modified-since")).toBe(LAST_MODIFIED);
  await edge.counted({ TCP_MISS: 1, TCP_HIT: ASKED_OFTEN, TCP_REFRESH_HIT: 1 });
});

scenario(
  'A2 of spec 02: with MaxAge="10" the client is told max-age=10',
  { xml: '<Options><TTL><NoCache MaxAge="10">5</NoCache></TTL></Options>' },
  async ({ origin, edge }) => {
    origin.on("/a").file("v1", noCacheOrigin);
    for (let round = 0; round < 2; round++) await edge.get("/a").expect(200, "v1", { "cache-control": "max-age=10" });
    expect(origin.saw("/a")).toBe(1);
  },
);

const ttlOfPages = { "ttl.txt": "/x/*, 10 min\n" };

scenario(
  "A3 of spec 02: ttl.txt wins over the origin's max-age",
  { conditions: ttlOfPages },
  async ({ origin, edge, clock }) => {
    origin.on("/x/1").reply(200, { "Cache-Control": "max-age=5" }, "v1");
    await edge.get("/x/1").expect(200, "v1");
    await clock.advance(590);
    await expectOften(edge, "/x/1", 200, "v1");
    expect(origin.saw("/x/1")).toBe(1);
    await clock.advance(11);
    await edge.get("/x/1").expect(200, "v1");
    expect(origin.saw("/x/1")).toBe(2);
  },
);

scenario(
  "A3 of spec 02: with cc_maxage before custom the origin's 5 s hold",
  {
    conditions: ttlOfPages,
    xml: '<Options><TTL Priority="cc_nocache, cc_maxage, custom, rescode"/></Options>',
  },
  async ({ origin, edge, clock }) => {
    origin.on("/x/1").reply(200, { "Cache-Control": "max-age=5" }, "v1");
    await edge.get("/x/1").expect(200, "v1");
    await clock.advance(4);
    await expectOften(edge, "/x/1", 200, "v1");
    expect(origin.saw("/x/1")).toBe(1);
    await clock.advance(2);
    await edge.get("/x/1").expect(200, "v1");
    expect(origin.saw("/x/1")).toBe(2);
  },
);

scenario(
  "A4 of spec 02: an origin that is down is asked again after 3 s and not before",
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1");
    await origin.refuse();
    await edge.get("/a").expect(500, /\S/);
    await origin.listen();
    for (let round = 0; round < ASKED_OFTEN; round++) await edge.get("/a").expect(500, /\S/);
    expect(origin.connections).toBe(0);
    await clock.advance(4);
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(1);
  },
);

scenario("A5 of spec 02: a 503 at the renewal extends what is stored", async ({ origin, edge, clock }) => {
  origin.on("/a").reply(200, {}, "v1").reply(503, {}, "busy");
  await edge.get("/a").expect(200, "v1");
  await clock.advance(1_801);
  await expectOften(edge, "/a", 200, "v1");
  expect(origin.saw("/a")).toBe(2);
  await expect.poll(() => edge.ttlLeft("/a")).toBeGreaterThan(1_790);
});

scenario(
  "A5 of spec 02: with TTLExtensionBy5xx OFF the client gets the 503, which is kept for 30 s",
  { xml: "<Options><TTLExtensionBy5xx>OFF</TTLExtensionBy5xx></Options>" },
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1").reply(503, {}, "busy");
    await edge.get("/a").expect(200, "v1");
    await clock.advance(1_801);
    await edge.get("/a").expect(503, "busy");
    await clock.advance(27);
    await expectOften(edge, "/a", 503, "busy");
    expect(origin.saw("/a")).toBe(2);
    await clock.advance(4);
    await edge.get("/a").expect(503, "busy");
    expect(origin.saw("/a")).toBe(3);
  },
);

const excludedAtOnce = "<OriginOptions><Exclusion>1</Exclusion></OriginOptions>";

/** Each worker finds out for itself that the origin is gone. */
const excludeOrigin = async (edge: SceneEdge, origin: TestOrigin): Promise<void> => {
  await origin.refuse();
  for (let round = 0; round < 2 * ASKED_OFTEN; round++) await edge.get(`/other/${round}`).expect(500);
};

scenario(
  "A6 of spec 02: with every origin excluded the expired object is served and extended",
  { xml: excludedAtOnce },
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    await edge.stored("/a");
    await excludeOrigin(edge, origin);
    await clock.advance(1_801);
    await expectOften(edge, "/a", 200, "v1");
    expect(origin.saw("/a")).toBe(1);
  },
);

scenario(
  "A6 of spec 02: with UnvalidatableObjectResCode 404 that status is answered instead",
  { xml: `<Options><UnvalidatableObjectResCode>404</UnvalidatableObjectResCode></Options>${excludedAtOnce}` },
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    await edge.stored("/a");
    await excludeOrigin(edge, origin);
    await edge.get("/a").expect(200, "v1");
    await clock.advance(1_801);
    for (let round = 0; round < ASKED_OFTEN; round++) await edge.get("/a").expect(404);
    expect(origin.saw("/a")).toBe(1);
  },
);

scenario(
  "A7 of spec 02: with RefreshExpired OFF a slow renewal delays nobody",
  { xml: "<Options><RefreshExpired>OFF</RefreshExpired></Options>" },
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    await clock.advance(1_801);
    const gate = origin.on("/a").reply(200, {}, "v2").hold();
    await expectOften(edge, "/a", 200, "v1");
    await gate.arrived();
    await expectOften(edge, "/a", 200, "v1");
    gate.release();
    await expect.poll(async () => (await edge.get("/a")).text).toBe("v2");
    await expectOften(edge, "/a", 200, "v2");
    expect(origin.saw("/a")).toBe(2);
  },
);

scenario(
  "A8 of spec 02: with NoCacheRequestExpire ON Pragma brings one conditional request before the answer",
  { xml: "<Options><NoCacheRequestExpire>ON</NoCacheRequestExpire></Options>" },
  async ({ origin, edge }) => {
    origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
    await edge.get("/a").expect(200, "v1");
    await edge.stored("/a");
    await edge.get("/a", { headers: { Pragma: "no-cache" } }).expect(200, "v1");
    expect(origin.saw("/a")).toBe(2);
    expect(origin.lastSeen("/a").field("if-modified-since")).toBe(LAST_MODIFIED);
    await expectOften(edge, "/a", 200, "v1");
    expect(origin.saw("/a")).toBe(2);
  },
);

scenario(
  "A9 of spec 02: with CaseSensitive OFF the case of a URL makes no second object",
  { xml: "<Options><CaseSensitive>OFF</CaseSensitive></Options>" },
  async ({ origin, edge }) => {
    origin.on("/image/logo.png").reply(200, {}, "logo");
    await edge.get("/Image/LOGO.png").expect(200, "logo");
    await edge.get("/image/logo.PNG").expect(200, "logo");
    expect(origin.requests.map((request) => request.target)).toEqual(["/image/logo.png"]);
    await edge.counted({ TCP_MISS: 1, TCP_HIT: 1 });
  },
);

scenario(
  "A10 of spec 02: with ApplyQueryString OFF only what querystring.txt names is told apart",
  {
    xml: "<Options><ApplyQueryString>OFF</ApplyQueryString></Options>",
    conditions: { "querystring.txt": "/search*\n" },
  },
  async ({ origin, edge }) => {
    origin.on(() => true).reply((request) => ({ status: 200, body: request.target }));
    const first = (await edge.get("/p?x=1").expect(200)).text;
    await edge.get("/p?x=2").expect(200, first);
    expect(origin.saw("/p")).toBe(1);
    await edge.get("/search?q=1").expect(200, "/search?q=1");
    await edge.get("/search?q=2").expect(200, "/search?q=2");
    expect(origin.saw("/search")).toBe(2);
    await edge.counted({ TCP_MISS: 3, TCP_HIT: 1 });
  },
);

scenario(
  "A11 of spec 02, KEY-09, KEY-10: of the origin's Vary only what VaryHeader names tells objects apart",
  { xml: "<Options><VaryHeader>Accept</VaryHeader></Options>" },
  async ({ origin, edge }) => {
    origin.on("/a").reply((request) => ({
      status: 200,
      fields: { Vary: "Accept, User-Agent" },
      body: request.field("accept") ?? "",
    }));
    const ask = (accept: string, userAgent: string) =>
      edge.get("/a", { headers: { Accept: accept, "User-Agent": userAgent } });
    await ask("a", "one").expect(200, "a");
    await edge.stored("/a");
    await ask("b", "one").expect(200, "b");
    await edge.stored("/a", 2);
    for (let round = 0; round < ASKED_OFTEN; round++) {
      await ask("a", "two").expect(200, "a");
      await ask("b", "two").expect(200, "b");
    }
    expect(origin.saw("/a")).toBe(2);
    await edge.counted({ TCP_MISS: 2, TCP_HIT: 2 * ASKED_OFTEN });
  },
);

const postIsCached = "<Options><BypassPostRequest>OFF</BypassPostRequest><PostRequest>ON</PostRequest></Options>";

scenario(
  "REG-26, A12 of spec 02, KEY-11, KEY-12, KEY-16: a POST is kept by its body",
  { xml: postIsCached },
  async ({ origin, edge }) => {
    origin.on("/q").reply((request) => ({ status: 200, body: `found ${request.body}` }));
    const ask = (body: string) =>
      edge.get("/q", { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body });
    await ask("a=1").expect(200, "found a=1");
    await ask("a=1").expect(200, "found a=1");
    await ask("a=2").expect(200, "found a=2");
    for (let round = 0; round < ASKED_OFTEN; round++) await ask("a=1").expect(200, "found a=1");
    expect(
      origin.seen("/q").map((request) => [request.method, request.body.toString(), request.field("content-type")]),
    ).toEqual([
      ["POST", "a=1", "application/x-www-form-urlencoded"],
      ["POST", "a=2", "application/x-www-form-urlencoded"],
    ]);
    await edge.counted({ TCP_MISS: 2, TCP_HIT: 1 + ASKED_OFTEN });
  },
);

scenario(
  "A12 of spec 02, KEY-15: a POST without Content-Length ends the connection",
  { xml: postIsCached },
  async ({ origin, edge, client }) => {
    origin.on("/q").reply(200, {}, "found");
    const session = await client();
    await session.send(
      `POST /q HTTP/1.1\r\nHost: ${edge.host}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n0\r\n\r\n`,
    );
    await session.readUntilClose();
    expect(origin.saw("/q")).toBe(0);
  },
);
