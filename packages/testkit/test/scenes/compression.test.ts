import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { describe, expect } from "vitest";
import type { RawResponse } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

/** The worked examples of spec 21 about compression, through two workers. */
useEdge({ workers: 2 });

/** Connections of their own, so that both workers get some. */
const ASKED_OFTEN = 6;

const textOf = (bytes: number): string => "All work and no play makes Jack a dull boy.\n".repeat(bytes).slice(0, bytes);

const compressing = (attributes = "", lines = "/sample.css, no\n*.css // by default\n*.js, br\n", options = "") => ({
  xml: `<Options><Compression ${attributes}>ON</Compression>${options}</Options>`,
  conditions: { "compression.txt": lines },
});

const GZIP = { headers: { "Accept-Encoding": "gzip" } };
const OFF = "<Options><Compression>OFF</Compression><AcceptEncoding>OFF</AcceptEncoding></Options>";
const CSS = { "Content-Type": "text/css" };

const plainOf = (answer: RawResponse): string => {
  switch (answer.field("content-encoding")) {
    case "gzip":
      return String(gunzipSync(answer.body));
    case "br":
      return String(brotliDecompressSync(answer.body));
    case "zstd":
      return String(zstdDecompressSync(answer.body));
    default:
      return answer.text;
  }
};

describe("compression", () => {
  scenario(
    "A1 of spec 21, CMP-01, CMP-10, CMP-14, HTTP-55, HTTP-60: gzip for those who take it, plain for others, one request to the origin",
    compressing(),
    async ({ origin, edge }) => {
      const text = textOf(3_000);
      origin.on("/a.css").reply(200, CSS, text);
      for (let round = 0; round < ASKED_OFTEN; round++) {
        const answer = await edge.get("/a.css", GZIP).expect(200, undefined, {
          "content-encoding": "gzip",
          "content-type": "text/css",
          vary: "Accept-Encoding",
        });
        expect(plainOf(answer)).toBe(text);
        expect(answer.field("content-length")).toBe(String(answer.body.length));
        await edge.get("/a.css").expect(200, text, { "content-encoding": undefined, vary: "Accept-Encoding" });
      }
      expect(origin.saw("/a.css")).toBe(1);
      expect(origin.lastSeen("/a.css").field("accept-encoding")).toBeUndefined();
      await edge.counted({ compression_requests: 1, compression_converted: 1, compression_failed: 0 });
      const records = await edge.fileInfo("/a.css");
      expect(records.map(({ Compression }) => Compression).sort()).toEqual(["-", "gzip"]);
    },
  );

  scenario(
    "A2 of spec 21, CMP-05, CMP-06, CMP-20: not what is too small, too large, excluded or not listed; 2048 bytes are enough",
    compressing(),
    async ({ origin, edge }) => {
      const sizes = { "/small.css": 1_024, "/large.css": 3 * 1024 ** 2, "/sample.css": 5_000, "/a.html": 5_000 };
      for (const [path, size] of Object.entries(sizes)) {
        origin.on(path).reply(200, {}, textOf(size));
        for (let round = 0; round < 2; round++) {
          const answer = await edge.get(path, GZIP).expect(200, undefined, { "content-encoding": undefined });
          expect(answer.body.length).toBe(size);
        }
      }
      origin.on("/enough.css").reply(200, {}, textOf(2_048));
      await edge.get("/enough.css", GZIP).expect(200, undefined, { "content-encoding": "gzip" });
    },
  );

  scenario(
    "CMP-13, HTTP-63: together with a Host of the origin's own",
    {
      xml: `${compressing().xml}<OriginOptions><Host>inner.test</Host></OriginOptions>`,
      conditions: compressing().conditions,
    },
    async ({ origin, edge }) => {
      origin.on("/a.css").reply(200, CSS, textOf(3_000));
      for (let round = 0; round < ASKED_OFTEN; round++) {
        const answer = await edge.get("/a.css", GZIP).expect(200, undefined, { "content-encoding": "gzip" });
        expect(plainOf(answer)).toBe(textOf(3_000));
      }
      expect(origin.lastSeen("/a.css").field("host")).toBe("inner.test");
    },
  );

  scenario(
    "A3 of spec 21, CMP-11: what the origin has compressed is passed on unchanged",
    compressing(),
    async ({ origin, edge }) => {
      const packed = Buffer.from(textOf(4_000));
      origin.on("/packed.css").reply(200, { "Content-Encoding": "gzip" }, packed);
      for (let round = 0; round < ASKED_OFTEN; round++) {
        const answer = await edge.get("/packed.css", GZIP).expect(200, undefined, { "content-encoding": "gzip" });
        expect(answer.body.equals(packed)).toBe(true);
      }
      expect(origin.saw("/packed.css")).toBe(1);
    },
  );

  scenario(
    "CMP-03, CMP-15: brotli and zstd by the weights of the client, each with ranges and 304 of its own",
    compressing('Method="zstd,br,gzip"'),
    async ({ origin, edge }) => {
      const text = textOf(20_000);
      origin.on("/a.css").reply(200, CSS, text);
      const wishes = [
        ["gzip, br, zstd", "zstd"],
        ["gzip, br", "br"],
        ["gzip, br;q=0.1", "gzip"],
        ["zstd;q=0, *", "gzip"],
        ["identity", undefined],
      ] as const;
      for (let round = 0; round < 2; round++) {
        for (const [accepted, coding] of wishes) {
          const headers = { "Accept-Encoding": accepted };
          const whole = await edge.get("/a.css", { headers }).expect(200, undefined, { "content-encoding": coding });
          expect(plainOf(whole)).toBe(text);
          const tag = whole.field("etag") ?? "";
          const ranged = { ...headers, Range: "bytes=3-12", "If-Range": tag };
          const part = await edge
            .get("/a.css", { headers: ranged })
            .expect(206, undefined, { "content-encoding": coding });
          expect(part.body.equals(whole.body.subarray(3, 13))).toBe(true);
          await edge.get("/a.css", { headers: { ...headers, "If-None-Match": tag } }).expect(304);
        }
      }
      expect(origin.saw("/a.css")).toBe(1);
      await edge.counted({ compression_converted: 3 });
    },
  );

  scenario(
    "CMP-09: copies go with their source: a purge, and a change of the origin, make all of them new",
    compressing('Method="br,gzip"'),
    async ({ origin, edge }) => {
      let text = textOf(5_000);
      origin.on("/a.css").reply(() => ({ status: 200, body: text }));
      const seen = async (): Promise<readonly string[]> => {
        const texts: string[] = [];
        for (const accepted of ["br", "gzip", "identity"]) {
          const answer = await edge.get("/a.css", { headers: { "Accept-Encoding": accepted } }).expect(200);
          texts.push(plainOf(answer));
        }
        return texts;
      };
      expect(await seen()).toEqual([text, text, text]);
      await edge.stored("/a.css", 3);
      text = text.replaceAll("Jack", "Jill");
      await edge.purge("/a.css");
      for (let round = 0; round < 3; round++) expect(await seen()).toEqual([text, text, text]);
      expect(origin.saw("/a.css")).toBe(2);
    },
  );

  scenario(
    "CMP-04: what is asked for often is compressed again at the highest level when nothing else is to be done",
    compressing('Level="1" Precompression="ON"'),
    async ({ origin, edge, client }) => {
      const text = Array.from({ length: 4_000 }, (_, nth) => `line ${Math.imul(nth, nth) % 997}`).join("\n");
      origin.on("/hot.css").reply(200, CSS, text);
      const quick = await edge.get("/hot.css", GZIP).expect(200, undefined, { "content-encoding": "gzip" });
      const session = await client();
      const asked = { path: "/hot.css", host: edge.host, ...GZIP };
      let latest: RawResponse = quick;
      for (let round = 0; round < 2_000 && latest.body.length >= quick.body.length; round++) {
        latest = await session.request(asked);
      }
      expect(latest.body.length).toBeLessThan(quick.body.length);
      expect(plainOf(latest)).toBe(text);
      expect(latest.field("etag")).not.toBe(quick.field("etag"));
    },
  );

  scenario(
    "A4 of spec 21, CMP-01: a reload with OFF counts with the next request",
    compressing(),
    async ({ origin, edge }) => {
      const text = textOf(3_000);
      origin.on("/a.css").reply(200, CSS, text);
      await edge.get("/a.css", GZIP).expect(200, undefined, { "content-encoding": "gzip" });
      const vhosts = edge.cluster.configuration.vhosts.map((vhost) =>
        vhost.name === edge.host ? { ...vhost, xml: OFF } : vhost,
      );
      expect((await edge.cluster.reload({ vhosts })).status).toBe("OK");
      for (let round = 0; round < ASKED_OFTEN; round++) {
        await edge.get("/a.css", GZIP).expect(200, text, { "content-encoding": undefined });
      }
    },
  );
});
