import { gzipSync } from "node:zlib";
import { describe, expect } from "vitest";
import { scenario, useEdge } from "../../src/scenario/index.ts";

useEdge({ workers: 2 });

const LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";

describe("renewal behind the answer", () => {
  scenario(
    "TTL-33: a background renewal that breaks off leaves the object as it was, and renewable",
    { xml: "<Options><RefreshExpired>OFF</RefreshExpired></Options>" },
    async ({ origin, edge, clock }) => {
      origin
        .on("/a")
        .reply(200, { "Last-Modified": LAST_MODIFIED }, "first")
        .reply(200, {}, "second, which never comes whole")
        .resetAfter(6)
        .reply(200, {}, "third");
      await edge.get("/a").expect(200, "first");
      await clock.advance(1_801);
      await edge.get("/a").expect(200, "first");
      await origin.sawAtLeast("/a", 2);
      await clock.advance(4);
      await edge.get("/a").expect(200, "first");
      await expect.poll(async () => (await edge.get("/a")).text).toBe("third");
      expect(origin.saw("/a")).toBe(3);
    },
  );

  scenario(
    "TTL-33: after it broke off the object can be purged and is fetched anew",
    { xml: "<Options><RefreshExpired>OFF</RefreshExpired></Options>" },
    async ({ origin, edge, clock }) => {
      origin.on("/a").reply(200, {}, "first").reply(200, {}, "never whole").closeAfter(3).reply(200, {}, "third");
      await edge.get("/a").expect(200, "first");
      await clock.advance(1_801);
      await edge.get("/a").expect(200, "first");
      await origin.sawAtLeast("/a", 2);
      await edge.settled();
      expect(await edge.purge("/a")).toBe(1);
      await edge.get("/a").expect(200, "third");
    },
  );
});

describe("first requests", () => {
  scenario("TTL-36: what is not stored is asked of the origin, whatever else is fresh", async ({ origin, edge }) => {
    origin.on(() => true).reply((request) => ({ status: 200, body: request.path }));
    const paths = ["/a", "/b", "/c"];
    for (const path of [...paths, ...paths]) await edge.get(path).expect(200, path);
    expect(origin.requests.map((request) => request.path)).toEqual(paths);
    await edge.counted({ TCP_MISS: 3, TCP_HIT: 3 });
  });
});

describe("encodings", () => {
  const text = "a text that the origin has in one form only\n".repeat(20);

  scenario("REG-19, KEY-03: an encoding that does not fit the client is sent as it came", async ({ origin, edge }) => {
    const packed = gzipSync(text);
    origin.on("/packed").reply(200, { "Content-Encoding": "gzip" }, packed);
    for (let round = 0; round < 2; round++) {
      const answer = await edge.get("/packed").expect(200, packed, { "content-encoding": "gzip" });
      expect(answer.field("content-length")).toBe(String(packed.length));
    }
    expect(origin.lastSeen("/packed").field("accept-encoding")).toBeUndefined();
  });

  scenario("KEY-03: a client that would take gzip gets the plain form of an origin without it", async (scene) => {
    const { origin, edge } = scene;
    origin.on("/plain").reply(200, {}, text);
    for (let round = 0; round < 2; round++) {
      const headers = { "Accept-Encoding": "gzip" };
      await edge.get("/plain", { headers }).expect(200, text, { "content-encoding": undefined });
    }
    expect(origin.lastSeen("/plain").field("accept-encoding")).toBe("gzip, deflate");
  });
});

describe("sessions", () => {
  const closing = "<ConnectionHeader>close</ConnectionHeader>";
  const counting = '<KeepAliveHeader Max="5">ON</KeepAliveHeader>';

  scenario(
    "HTTP-05: the client's close comes before KeepAliveHeader and its Max",
    { xml: `<Options>${counting}</Options>` },
    async ({ origin, edge, client }) => {
      origin.on("/a").reply(200, {}, "v1");
      const session = await client();
      const answer = await session.request({ path: "/a", host: edge.host, headers: { Connection: "close" } });
      expect([answer.field("connection")?.toLowerCase(), answer.field("keep-alive")]).toEqual(["close", undefined]);
      expect(await session.closedByPeer()).toBe(true);
    },
  );

  scenario(
    "HTTP-05: ConnectionHeader close comes before KeepAliveHeader and its Max",
    { xml: `<Options>${closing}${counting}</Options>` },
    async ({ origin, edge, client }) => {
      origin.on("/a").reply(200, {}, "v1");
      const session = await client();
      const answer = await session.request({ path: "/a", host: edge.host });
      expect([answer.field("connection")?.toLowerCase(), answer.field("keep-alive")]).toEqual(["close", undefined]);
      expect(await session.closedByPeer()).toBe(true);
    },
  );

  scenario(
    "HTTP-05: KeepAliveHeader OFF comes before its Max: the session has no end",
    { xml: '<Options><KeepAliveHeader Max="1">OFF</KeepAliveHeader></Options>' },
    async ({ origin, edge, client }) => {
      origin.on("/a").reply(200, {}, "v1");
      const session = await client();
      for (let round = 0; round < 4; round++) {
        const answer = await session.request({ path: "/a", host: edge.host });
        expect([answer.field("connection")?.toLowerCase(), answer.field("keep-alive")]).toEqual([
          "keep-alive",
          undefined,
        ]);
      }
    },
  );
});
