import { setTimeout as pause } from "node:timers/promises";
import { describe, expect } from "vitest";
import { patternBody, startOrigin } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

/** What an origin is asked, through two workers. */
useEdge({ workers: 2 });

const OFTEN = 6;
const LAST_MODIFIED = "Sat, 29 Oct 1994 19:43:31 GMT";
const EXPIRED_SECONDS = 100_000;

describe("the URL", () => {
  scenario(
    "A10 of spec 05, ORG-41: URLRewrite changes what is asked for the cache, not what is bypassed",
    {
      xml: "<OriginOptions><URLRewrite><Pattern>/download/(.*)</Pattern><Replace>/#1</Replace></URLRewrite></OriginOptions>",
      conditions: { "bypass.txt": "/download/b, bypass\n" },
    },
    async ({ origin, edge }) => {
      for (const path of ["/a", "/download/b"]) origin.on(path).reply(200, {}, path);
      for (let round = 0; round < OFTEN; round++) await edge.get("/download/a").expect(200, "/a");
      await edge.get("/download/b").expect(200, "/download/b");
      expect(origin.seen().map(({ target }) => target)).toEqual(["/a", "/download/b"]);
      await edge.stored("/download/a");
      expect(await edge.fileInfo("/download/a")).toHaveLength(1);
      expect(await edge.fileInfo("/a")).toHaveLength(0);
    },
  );
});

describe("the fields", () => {
  scenario(
    "A9 of spec 05, ORG-42 to ORG-45, ORG-49: the defaults",
    { host: "www.example.com" },
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, {}, "v");
      const headers = { "User-Agent": "Browser/1", Cookie: "c", "WL-Proxy-Client-IP": "6.6.6.6" };
      await edge.get("/a", { headers }).expect(200, "v");
      const seen = origin.lastSeen("/a");
      const names = ["host", "x-forwarded-for", "cookie", "wl-proxy-client-ip", "range"];
      expect(names.map((name) => seen.field(name))).toEqual([
        `www.example.com:${origin.port}`,
        "127.0.0.1",
        undefined,
        undefined,
        undefined,
      ]);
      expect(seen.field("user-agent")).toMatch(/^\w+$/);
      expect(seen.field("connection") ?? "keep-alive").toMatch(/keep-alive/i);
    },
  );

  scenario(
    "ORG-45, ORG-49: WLProxyClientIP, and no keep-alive without ReuseTimeout",
    { xml: "<OriginOptions><WLProxyClientIP>ON</WLProxyClientIP><ReuseTimeout>0</ReuseTimeout></OriginOptions>" },
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, {}, "v");
      await edge.get("/a", { headers: { "WL-Proxy-Client-IP": "6.6.6.6" } }).expect(200, "v");
      expect(origin.lastSeen("/a").field("wl-proxy-client-ip")).toBe("127.0.0.1");
      expect(origin.lastSeen("/a").field("connection")).toMatch(/close/i);
    },
  );

  scenario(
    "A7 of spec 05, ORG-37, ORG-38: FullRangeInit",
    { xml: "<OriginOptions><FullRangeInit>ON</FullRangeInit></OriginOptions>" },
    async ({ origin, edge, clock }) => {
      const body = patternBody(100, 3);
      origin.on("/f").file(body, { lastModified: LAST_MODIFIED });
      for (let round = 0; round < OFTEN; round++) {
        const answer = await edge.get("/f");
        expect([answer.status, answer.body.length, answer.field("content-range")]).toEqual([200, 100, undefined]);
      }
      expect(origin.seen("/f").map((request) => request.field("range"))).toEqual(["bytes=0-"]);
      await clock.advance(EXPIRED_SECONDS);
      await edge.get("/f").expect(200);
      const renewal = origin.lastSeen("/f");
      expect([renewal.field("range"), renewal.field("if-modified-since")]).toEqual(["bytes=0-", LAST_MODIFIED]);
      expect(origin.saw("/f")).toBe(2);
    },
  );
});

describe("redirects", () => {
  const TRACE = { xml: "<OriginOptions><RedirectionTrace>ON</RedirectionTrace></OriginOptions>" };

  scenario("ORG-55, VHT-41: OFF stores the redirect and sends it", async ({ origin, edge }) => {
    origin.on("/img").reply(302, { Location: "/new" });
    for (let round = 0; round < OFTEN; round++) await edge.get("/img").expect(302, "", { location: "/new" });
    expect(origin.seen().map(({ target }) => target)).toEqual(["/img"]);
  });

  scenario("ORG-55, VHT-42: ON stores what it leads to; the client does not notice", TRACE, async (scene) => {
    const { origin, edge, clock } = scene;
    origin.on("/img").reply(302, { Location: "/new" }, "moved");
    origin.on("/new").file("content", { lastModified: LAST_MODIFIED });
    for (let round = 0; round < OFTEN; round++) await edge.get("/img").expect(200, "content", { location: undefined });
    expect(origin.seen().map(({ target }) => target)).toEqual(["/img", "/new"]);
    await clock.advance(EXPIRED_SECONDS);
    await edge.get("/img").expect(200, "content");
    const renewal = origin.seen().slice(2);
    expect(renewal.map(({ target }) => target)).toEqual(["/img", "/new"]);
    expect(renewal.at(-1)?.field("if-modified-since")).toBe(LAST_MODIFIED);
  });

  scenario("VHT-43, VHT-46: one hop; the second redirect is stored and sent", TRACE, async ({ origin, edge }) => {
    origin.on("/a").reply(301, { Location: "/b" });
    origin.on("/b").reply(301, { Location: "/c" });
    for (let round = 0; round < OFTEN; round++) await edge.get("/a").expect(301, "", { location: "/c" });
    expect(origin.seen().map(({ target }) => target)).toEqual(["/a", "/b"]);
  });

  scenario("VHT-44: without Location it is an answer like any other", TRACE, async ({ origin, edge }) => {
    origin.on("/a").reply(302, {}, "nowhere");
    await edge.get("/a").expect(302, "nowhere");
  });

  scenario("ORG-55: never into private networks", TRACE, async ({ origin, edge }) => {
    const inside = await startOrigin({ ip: "127.0.0.9" });
    try {
      inside.on("/secret").reply(200, {}, "secret");
      for (const host of [inside.address, `localhost:${inside.port}`, `[::ffff:127.0.0.9]:${inside.port}`]) {
        const path = `/to/${encodeURIComponent(host)}`;
        origin.on(path).reply(302, { Location: `http://${host}/secret` });
        await edge.get(path).expect(302);
      }
      expect(inside.connections).toBe(0);
    } finally {
      await inside.close();
    }
  });

  scenario(
    "ORG-55: unless the operator allows it; credentials stay here",
    {
      xml: '<Options><CachingProfile>rfc9111</CachingProfile></Options><OriginOptions><RedirectionTrace Allow="127.0.0.8/31">ON</RedirectionTrace></OriginOptions>',
    },
    async ({ origin, edge }) => {
      const other = await startOrigin({ ip: "127.0.0.9" });
      try {
        other.dateOffsetMs = origin.dateOffsetMs;
        other.on("/b").reply(200, { "Cache-Control": "max-age=100" }, "content");
        origin.on("/a").reply(307, { Location: `http://${other.address}/b`, "Cache-Control": "max-age=100" });
        await edge.get("/a", { headers: { Cookie: "secret", Accept: "x/y" } }).expect(200, "content");
        const seen = other.lastSeen("/b");
        expect([seen.field("host"), seen.field("cookie"), seen.field("accept")]).toEqual([
          other.address,
          undefined,
          "x/y",
        ]);
        await edge.get("/a").expect(200, "content");
        expect([origin.saw("/a"), other.saw("/b")]).toEqual([1, 1]);
      } finally {
        await other.close();
      }
    },
  );
});

describe("a busy origin", () => {
  scenario(
    "A5 of spec 05, ORG-28, ORG-29: it is not asked to renew what is stored, and is asked for what is not",
    { xml: "<OriginOptions><BusySessionCount>1</BusySessionCount></OriginOptions>" },
    async ({ origin, edge, clock }) => {
      origin.on("/stored").reply(200, { "Cache-Control": "max-age=60" }, "old");
      origin.on("/absent").reply(200, {}, "new");
      await edge.get("/stored").expect(200, "old");
      await edge.stored("/stored");
      await clock.advance(61);
      const slow = ["/slow-1", "/slow-2"];
      const gates = slow.map((path) => origin.on(path).reply(200, {}, "slow").hold());
      const downloads = slow.map((path) => edge.get(path).expect(200, "slow"));
      await Promise.all(gates.map((gate) => gate.arrived(1)));
      // Every worker has been told of the sessions of all.
      await pause(1_500);
      for (let round = 0; round < OFTEN; round++) await edge.get("/stored").expect(200, "old");
      expect(origin.saw("/stored")).toBe(1);
      const [state] = await edge.fileInfo("/stored");
      expect(state?.["TTL-Left"]).toMatch(/, [123] \]$/);
      await edge.get("/absent").expect(200, "new");
      expect(origin.saw("/absent")).toBe(1);
      for (const gate of gates) gate.release();
      await Promise.all(downloads);
      // A worker may believe for a moment that the other one's session goes on.
      await expect
        .poll(async () => {
          await clock.advance(4);
          await edge.get("/stored").expect(200, "old");
          return origin.saw("/stored");
        })
        .toBe(2);
    },
  );
});
