import { gunzipSync } from "node:zlib";
import { describe, expect } from "vitest";
import { patternBody, verifyPattern } from "../../src/index.ts";
import { scenario } from "../../src/scenario/index.ts";

const LAST_MODIFIED = "Tue, 01 Jan 2019 10:00:00 GMT";
const EARLIER = "Tue, 01 Jan 2019 09:00:00 GMT";
const LATER = "Tue, 01 Jan 2019 11:00:00 GMT";

describe("conditions", () => {
  scenario("HTTP-26, A7 of spec 04: If-Modified-Since has to be equal by default", async ({ origin, edge }) => {
    origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
    await edge.get("/a").expect(200, "v1");
    await edge.stored("/a");
    const answers = { [LAST_MODIFIED]: 304, [EARLIER]: 200, [LATER]: 200, "not a date": 200 };
    for (const [since, status] of Object.entries(answers)) {
      await edge.get("/a", { headers: { "If-Modified-Since": since } }).expect(status, status === 200 ? "v1" : "");
    }
    expect(origin.saw("/a")).toBe(1);
    await edge.counted({ TCP_IMS_HIT: 1, client_not_modified: 1 });
  });

  scenario(
    "HTTP-26, HTTP-27, A7 of spec 04: orlater takes later dates too, but not on a miss",
    { xml: "<Options><LastModifiedCheck>orlater</LastModifiedCheck></Options>" },
    async ({ origin, edge }) => {
      origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
      const conditional = (since: string) => edge.get("/a", { headers: { "If-Modified-Since": since } });
      await conditional(LATER).expect(200, "v1");
      await edge.stored("/a");
      await conditional(LATER).expect(304, "");
      await conditional(LAST_MODIFIED).expect(304, "");
      await conditional(EARLIER).expect(200, "v1");
    },
  );

  scenario(
    "HTTP-18, HTTP-19, HTTP-28: If-None-Match is compared with the tag sent to clients",
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, { ETag: '"of-the-origin"' }, "v1");
      const first = await edge.get("/a").expect(200, "v1", { etag: /^"[^"]+"$/ });
      const etag = first.field("etag") ?? "";
      expect(etag).not.toBe('"of-the-origin"');
      await edge.get("/a").expect(200, "v1", { etag });
      const answers = { [etag]: 304, [`"other", ${etag}`]: 304, "*": 304, '"other"': 200 };
      for (const [tags, status] of Object.entries(answers)) {
        const answer = await edge.get("/a", { headers: { "If-None-Match": tags } });
        expect([tags, answer.status, answer.field("etag")]).toEqual([tags, status, etag]);
      }
      await edge.head("/a", { headers: { "If-None-Match": etag } }).expect(304, "");
      expect(origin.saw("/a")).toBe(1);
    },
  );

  scenario("TTL-35: a first request with a condition stores a sound object", async ({ origin, edge }) => {
    origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
    const first = await edge.get("/a", { headers: { "If-Modified-Since": LAST_MODIFIED } });
    expect([200, 304]).toContain(first.status);
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(1);
  });
});

describe("ranges", () => {
  const body = patternBody(100, 31);

  scenario("HTTP-30, A6 of spec 04: single ranges of a cached object", async ({ origin, edge }) => {
    origin.on("/a").reply(200, { "Content-Type": "text/plain" }, body);
    await edge.get("/a").expect(200);
    const parts: Readonly<Record<string, readonly [number, number]>> = {
      "bytes=0-0": [0, 0],
      "bytes=90-200": [90, 99],
      "bytes=-10": [90, 99],
      "bytes=-1000": [0, 99],
      "bytes=5-": [5, 99],
    };
    for (const [range, [first, last]] of Object.entries(parts)) {
      const part = await edge.get("/a", { headers: { Range: range } });
      expect([range, part.status, part.field("content-range")]).toEqual([range, 206, `bytes ${first}-${last}/100`]);
      expect(part.body.equals(body.slice(first, last + 1))).toBe(true);
    }
    for (const range of ["bytes=150-", "bytes=100-", "bytes=-0"]) {
      await edge.get("/a", { headers: { Range: range } }).expect(416, undefined, { "content-range": "bytes */100" });
    }
    for (const range of ["bytes=9-5", "pages=1-2", "bytes=a-b"]) {
      await edge.get("/a", { headers: { Range: range } }).expect(200, body.slice(0, 100));
    }
    expect(origin.saw("/a")).toBe(1);
  });

  scenario("several ranges are answered with the whole or with the right parts", async ({ origin, edge }) => {
    const digits = "0123456789".repeat(10);
    origin.on("/a").reply(200, { "Content-Type": "text/plain" }, digits);
    await edge.get("/a").expect(200);
    const answer = await edge.get("/a", { headers: { Range: "bytes=0-0,99-99" } });
    if (answer.status === 200) {
      expect(answer.text).toBe(digits);
      return;
    }
    const boundary = /^multipart\/byteranges; ?boundary="?([^";]+)"?$/.exec(answer.field("content-type") ?? "")?.[1];
    expect([answer.status, boundary === undefined]).toEqual([206, false]);
    const parts = answer.text.split(`--${boundary}`);
    expect(parts).toHaveLength(4);
    expect(parts[1]).toMatch(/content-range: bytes 0-0\/100\r\n(?:[^\r\n]+\r\n)*\r\n0\r\n$/i);
    expect(parts[2]).toMatch(/content-range: bytes 99-99\/100\r\n(?:[^\r\n]+\r\n)*\r\n9\r\n$/i);
    expect(parts[3]).toMatch(/^--(\r\n)?$/);
  });

  scenario("HTTP-30: a range of an object that is not cached yet has the right bytes", async ({ origin, edge }) => {
    const large = patternBody(1_000_000, 32);
    origin.on("/large").file(large);
    const part = await edge.get("/large", { headers: { Range: "bytes=999000-999999" } });
    const start = part.status === 206 ? 999_000 : 0;
    expect([part.body.length, verifyPattern(32, start, part.body)]).toEqual([large.size - start, undefined]);
    await edge.get("/large").expect(200, large.slice(0, large.size));
    await edge.get("/large", { headers: { Range: "bytes=500000-500009" } }).expect(206, large.slice(500_000, 500_010));
  });

  scenario("HTTP-29: If-Range is ignored by default", async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, body);
    await edge.get("/a").expect(200);
    await edge.get("/a", { headers: { Range: "bytes=0-9", "If-Range": '"stale"' } }).expect(206, body.slice(0, 10));
  });

  scenario(
    "REG-11, HTTP-29: with IfRange ON a stale validator brings the whole body",
    { xml: "<Options><IfRange>ON</IfRange></Options>" },
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, {}, body);
      const etag = (await edge.get("/a").expect(200)).field("etag") ?? "";
      const part = (validator: string) => edge.get("/a", { headers: { Range: "bytes=0-9", "If-Range": validator } });
      await part(etag).expect(206, body.slice(0, 10));
      await part('"stale"').expect(200, body.slice(0, 100));
    },
  );
});

describe("compression", () => {
  const style = "body { margin: 0; padding: 0; color: #333 }\n".repeat(250);
  const compressing = {
    xml: "<Options><Compression>ON</Compression></Options>",
    conditions: { "compression.txt": "/plain.css, no\n*.css\n" },
  };
  const headers = { "Accept-Encoding": "gzip, br" };

  scenario(
    "HTTP-54, HTTP-58, HTTP-59, HTTP-60, HTTP-62, A10 of spec 04: a style sheet is compressed once for those who accept gzip",
    compressing,
    async ({ origin, edge }) => {
      origin.on("/a.css").reply(200, { "Content-Type": "text/css" }, style);
      for (let round = 0; round < 2; round++) {
        const answer = await edge.get("/a.css", { headers });
        expect([answer.status, answer.field("content-encoding"), answer.field("vary")]).toEqual([
          200,
          "gzip",
          expect.stringMatching(/accept-encoding/i),
        ]);
        expect(Number(answer.field("content-length"))).toBeLessThan(style.length / 2);
        expect(gunzipSync(answer.body).toString()).toBe(style);
      }
      await edge.get("/a.css").expect(200, style, { "content-encoding": undefined });
      await edge.get("/a.css", { headers: { "Accept-Encoding": "gzip;q=0" } }).expect(200, style);
      for (const request of origin.seen("/a.css")) expect(request.field("accept-encoding")).toBeUndefined();
      await edge.counted({ transforms: 1 });
    },
  );

  scenario(
    "HTTP-57, HTTP-58, HTTP-61, A10 of spec 04: what is small, excluded, unnamed or encoded stays as it is",
    compressing,
    async ({ origin, edge }) => {
      origin.on("/small.css").reply(200, {}, style.slice(0, 1_000));
      origin.on("/plain.css").reply(200, {}, style);
      origin.on("/a.js").reply(200, {}, style);
      origin.on("/br.css").reply(200, { "Content-Encoding": "br" }, style);
      for (let round = 0; round < 2; round++) {
        await edge.get("/small.css", { headers }).expect(200, style.slice(0, 1_000), { "content-encoding": undefined });
        await edge.get("/plain.css", { headers }).expect(200, style, { "content-encoding": undefined });
        await edge.get("/a.js", { headers }).expect(200, style, { "content-encoding": undefined });
        await edge.get("/br.css", { headers }).expect(200, style, { "content-encoding": "br" });
      }
    },
  );

  scenario(
    "HTTP-59, PRG-11: the compressed copy expires and is purged with its source",
    compressing,
    async ({ origin, edge, clock }) => {
      origin.on("/a.css").reply(200, {}, style).reply(200, {}, style.toUpperCase());
      const compressed = async (): Promise<string> =>
        gunzipSync((await edge.get("/a.css", { headers })).body).toString();
      expect(await compressed()).toBe(style);
      await clock.advance(1_801);
      expect(await compressed()).toBe(style.toUpperCase());
      origin.on("/a.css").reply(200, {}, style);
      expect(await edge.purge("/a.css")).toBeGreaterThan(0);
      expect(await compressed()).toBe(style);
    },
  );

  scenario("HTTP-54: by default nothing is compressed", async ({ origin, edge }) => {
    origin.on("/a.css").reply(200, {}, style);
    await edge.get("/a.css", { headers }).expect(200, style, { "content-encoding": undefined });
  });
});
