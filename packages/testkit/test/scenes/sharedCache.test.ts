import { describe, expect } from "vitest";
import type { ReplyContent } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

/** What the published suite does not ask (yet) of a conforming shared cache: the profile rfc9111. */
useEdge({ workers: 2, vhostDefaultXml: "<Options><CachingProfile>rfc9111</CachingProfile></Options>" });

/** A reply dated now, as most origins are. */
const dated = (cacheControl: string, body: string, more: Readonly<Record<string, string>> = {}): ReplyContent => ({
  status: 200,
  fields: { "Cache-Control": cacheControl, ...more },
  body,
});

describe("stale service (RFC 5861)", () => {
  scenario(
    "stale-while-revalidate answers at once, and the new response serves the next request",
    async ({ origin, edge, clock }) => {
      origin
        .on("/a")
        .reply(() => dated("max-age=1, stale-while-revalidate=3600", "old", { ETag: '"old"' }))
        .reply(() => dated("max-age=3600", "new", { ETag: '"new"' }));
      await edge.get("/a").expect(200, "old");
      await clock.advance(3);
      await edge.get("/a").expect(200, "old", { etag: '"old"' });
      await origin.sawAtLeast("/a", 2);
      await expect.poll(async () => (await edge.get("/a")).text).toBe("new");
      expect(origin.lastSeen("/a").field("if-none-match")).toBe('"old"');
      expect(origin.saw("/a")).toBe(2);
    },
  );

  scenario("after its window the origin is asked first", async ({ origin, edge, clock }) => {
    origin
      .on("/a")
      .reply(() => dated("max-age=1, stale-while-revalidate=4", "old", { ETag: '"old"' }))
      .reply(() => dated("max-age=10", "new", { ETag: '"new"' }));
    await edge.get("/a").expect(200, "old");
    await clock.advance(6);
    await edge.get("/a").expect(200, "new");
  });

  scenario("a background answer that forbids reuse ends the stale one too", async ({ origin, edge, clock }) => {
    origin
      .on("/a")
      .reply(() => dated("max-age=1, stale-while-revalidate=3600", "old", { ETag: '"old"' }))
      .reply(() => dated("no-cache", "new", { ETag: '"new"' }));
    await edge.get("/a").expect(200, "old");
    await clock.advance(3);
    await edge.get("/a").expect(200, "old");
    await origin.sawAtLeast("/a", 2);
    const askOften = async () => Promise.all(Array.from({ length: 8 }, async () => (await edge.get("/a")).text));
    await expect.poll(async () => new Set(await askOften())).toEqual(new Set(["new"]));
    const before = origin.saw("/a");
    await edge.get("/a").expect(200, "new");
    expect(origin.saw("/a")).toBe(before + 1);
  });

  scenario("stale-if-error covers a 500 for its seconds and no longer", async ({ origin, edge, clock }) => {
    origin
      .on("/a")
      .reply(() => dated("max-age=1, stale-if-error=60", "kept"))
      .reply(500, {}, "broken");
    await edge.get("/a").expect(200, "kept");
    await clock.advance(10);
    await edge.get("/a").expect(200, "kept");
    await clock.advance(60);
    await edge.get("/a").expect(500, "broken");
  });

  scenario("must-revalidate is never served stale", async ({ origin, edge, clock }) => {
    origin.on("/a").reply(() => dated("max-age=1, must-revalidate, stale-if-error=60", "kept"));
    await edge.get("/a").expect(200, "kept");
    await clock.advance(3);
    await origin.refuse();
    const answer = await edge.get("/a");
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(answer.text).not.toContain("kept");
  });
});

describe("CDN-Cache-Control (RFC 9213)", () => {
  const outcomes: readonly (readonly [name: string, fields: Readonly<Record<string, string>>, asked: number])[] = [
    ["max-age alone makes fresh", { "CDN-Cache-Control": "max-age=3600" }, 1],
    ["members that nobody knows are ignored", { "CDN-Cache-Control": "foobar, max-age=3600" }, 1],
    ["it wins over no-store", { "CDN-Cache-Control": "max-age=3600", "Cache-Control": "no-store" }, 1],
    ["its max-age=0 wins over a long one", { "CDN-Cache-Control": "max-age=0", "Cache-Control": "max-age=3600" }, 2],
    ["its no-store wins", { "CDN-Cache-Control": "no-store", "Cache-Control": "max-age=3600" }, 2],
    ["its private wins", { "CDN-Cache-Control": "private", "Cache-Control": "max-age=3600" }, 2],
    ["Age counts against it", { "CDN-Cache-Control": "max-age=3600", Age: "7200" }, 2],
    ["an invalid one is as if absent", { "CDN-Cache-Control": "max-age=9, &&&", "Cache-Control": "no-store" }, 2],
    ["a value of another type is none", { "CDN-Cache-Control": 'max-age="9"', "Cache-Control": "no-store" }, 2],
  ];

  scenario("decides instead of Cache-Control", async ({ origin, edge }) => {
    for (const [index, [, fields]] of outcomes.entries()) {
      origin.on(`/${index}`).reply(200, fields, "body");
    }
    for (const [index, [name, , asked]] of outcomes.entries()) {
      await edge.get(`/${index}`).expect(200, "body");
      await edge.settled();
      const second = await edge.get(`/${index}`).expect(200, "body");
      expect([name, origin.saw(`/${index}`)]).toEqual([name, asked]);
      expect(second.field("cdn-cache-control")).toBeDefined();
    }
  });
});

describe("interim responses", () => {
  scenario("a 103 reaches the client of the miss and no other, and lends no field", async ({ origin, edge }) => {
    origin
      .on("/page")
      .reply(() => dated("max-age=100", "page"))
      .interim(103, { Link: "</style.css>; rel=preload", "X-Early": "yes" });
    const first = await edge.get("/page").expect(200, "page", { "x-early": undefined, link: undefined });
    expect(first.head.interim.map(({ status }) => status)).toEqual([103]);
    expect(first.head.interim[0]?.fields).toContain("</style.css>; rel=preload");
    const second = await edge.get("/page").expect(200, "page", { "x-early": undefined, link: undefined });
    expect(second.head.interim).toEqual([]);
    expect(origin.saw("/page")).toBe(1);
  });
});

describe("requests that meet", () => {
  scenario("two at once for what may be stored ask the origin once", async ({ origin, edge }) => {
    const gate = origin
      .on("/a")
      .reply(() => dated("max-age=3600", "one"))
      .hold();
    const answers = Array.from({ length: 4 }, () => edge.get("/a"));
    await gate.arrived();
    gate.release();
    for (const answer of answers) await answer.expect(200, "one");
    expect(origin.saw("/a")).toBe(1);
  });

  scenario("what turns out to be private reaches nobody but its own client", async ({ origin, edge }) => {
    let made = 0;
    const gate = origin
      .on("/me")
      .reply(() => dated("private", `user ${++made}`))
      .hold();
    const answers = Array.from({ length: 4 }, () => edge.get("/me"));
    await gate.arrived();
    gate.release();
    const texts = await Promise.all(answers.map(async (answer) => (await answer.expect(200)).text));
    expect(new Set(texts).size).toBe(4);
  });
});

describe("dates", () => {
  scenario("Date and Expires stay as the origin gave them, Age says the rest", async ({ origin, edge, clock }) => {
    const expires = "Fri, 01 Jan 2038 00:00:00 GMT";
    origin.on("/a").reply(() => dated("public", "body", { Expires: expires, Age: "30" }));
    const date = (await edge.get("/a").expect(200)).field("date");
    await clock.advance(100);
    const later = await edge.get("/a").expect(200, "body", { date: date ?? "", expires });
    expect(Number(later.field("age"))).toBeGreaterThanOrEqual(130);
    expect(Number(later.field("age"))).toBeLessThan(140);
    expect(origin.saw("/a")).toBe(1);
  });
});
