import { createDecipheriv, hash } from "node:crypto";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { describe, expect } from "vitest";
import type { RawResponse, VhostSpec } from "../../src/index.ts";
import { type SceneEdge, scenario, useEdge } from "../../src/scenario/index.ts";

/** The worked examples of spec 21, through two workers. */
useEdge({ workers: 2 });

/** Connections of their own, so that both workers get some. */
const ASKED_OFTEN = 6;

const withXml = (edge: SceneEdge, xml: string): readonly VhostSpec[] =>
  edge.cluster.configuration.vhosts.map((vhost) => (vhost.name === edge.host ? { ...vhost, xml } : vhost));

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
      expect((await edge.cluster.reload({ vhosts: withXml(edge, OFF) })).status).toBe("OK");
      for (let round = 0; round < ASKED_OFTEN; round++) {
        await edge.get("/a.css", GZIP).expect(200, text, { "content-encoding": undefined });
      }
    },
  );
});

const PATH = "/music/iu.mp3";
const PLAIN = "Hello, DRM!";
const AUDIO = { "Content-Type": "audio/mpeg" };

const drm = (content = "<Token>ABC</Token>", attributes = "") => ({
  xml: `<Options><Drm Status="Active" ${attributes}>${content}</Drm></Options>`,
});

const longBody = (bytes: number): Buffer =>
  Buffer.alloc(bytes, "a body that repeats after a number of bytes without meaning");

const hexOf = async (edge: SceneEdge, path = `${PATH}/drm`): Promise<string> =>
  (await edge.get(path).expect(200)).body.toString("hex");

/** The text that RC4 made of it under that key: what makes the cipher undoes it. */
const rc4 = (key: string, bytes: Buffer): string => {
  const state = Array.from({ length: 256 }, (_, index) => index);
  const at = (index: number): number => state[index & 255] ?? 0;
  const swap = (left: number, right: number): void => {
    [state[left], state[right]] = [at(right), at(left)];
  };
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + at(i) + key.charCodeAt(i % key.length)) & 255;
    swap(i, j);
  }
  let [i, j] = [0, 0];
  const plain = bytes.map((byte) => {
    i = (i + 1) & 255;
    j = (j + at(i)) & 255;
    swap(i, j);
    return byte ^ at(at(i) + at(j));
  });
  return Buffer.from(plain).toString("latin1");
};

describe("encryption by URL", () => {
  for (const [row, key, expected] of [
    ["DRM-20", "<Key>$Token</Key>", "864132ff2082668534d562"],
    ["DRM-21", "<Key>$url,$Token</Key>", "a37cdb34e10bc7c3aea9b4"],
    ["DRM-22", "<Key>$Token, $filename1</Key>", "3dece86b8bac569c97405d"],
    ["DRM-23", "<Key>$filename2,$Token,$url</Key>", "9d67304059a2ba1bf2e57c"],
    ["DRM-24", '<Key Hash="MD5">$filename2,$Token,$url</Key>', "ed5a3bb128a2d26fb7f9b6"],
    ["DRM-13", '<Key Hash="SHA-1">$filename2,$Token,$url</Key>', "7bf1a14093a347090233ce"],
    ["DRM-13", '<Key Hash="SHA-256">$filename2,$Token,$url</Key>', "703d31e35dbd9fcb26c45f"],
  ] as const) {
    scenario(
      `A5 of spec 21, A11 of spec 04, ${row}: ${key}`,
      drm(`<Token>ABC</Token>${key}`),
      async ({ origin, edge }) => {
        origin.on(PATH).reply(200, AUDIO, PLAIN);
        for (let round = 0; round < 2; round++) expect(await hexOf(edge)).toBe(expected);
        expect(origin.saw(PATH)).toBe(1);
      },
    );
  }

  /** What the clients of one kind send with each request: objects are told apart by it (KEY-02). */
  const COMMON = { "Accept-Encoding": "gzip, deflate" };

  scenario(
    "DRM-03, DRM-14, DRM-15, DRM-19, HTTP-74: an object of its own with ranges and 304, one request to the origin",
    drm(),
    async ({ origin, edge }) => {
      origin.on(PATH).reply(200, AUDIO, PLAIN);
      for (let round = 0; round < ASKED_OFTEN; round++) {
        const answer = await edge.get(`${PATH}/drm`, { headers: COMMON }).expect(200, undefined, {
          "content-type": "audio/mpeg",
          "content-length": "11",
          "content-encoding": undefined,
        });
        expect(rc4("ABC", answer.body)).toBe(PLAIN);
        const tag = answer.field("etag") ?? "";
        const part = await edge
          .get(`${PATH}/drm`, { headers: { ...COMMON, Range: "bytes=7-", "If-Range": tag } })
          .expect(206);
        expect(part.body.equals(answer.body.subarray(7))).toBe(true);
        await edge.get(`${PATH}/drm`, { headers: { ...COMMON, "If-None-Match": tag } }).expect(304);
        await edge.head(`${PATH}/drm`, { headers: COMMON }).expect(200, undefined, { "content-length": "11" });
        const plain = await edge.get(PATH, { headers: COMMON }).expect(200, PLAIN);
        expect(plain.field("etag")).not.toBe(tag);
      }
      expect(origin.saw(PATH)).toBe(1);
      expect(origin.saw(`${PATH}/drm`)).toBe(0);
    },
  );

  scenario(
    "DRM-15: purge of the source, and a change of it, make the encrypted form new",
    drm(),
    async ({ origin, edge }) => {
      let text = PLAIN;
      origin.on(PATH).reply(() => ({ status: 200, body: text }));
      expect(rc4("ABC", (await edge.get(`${PATH}/drm`)).body)).toBe(text);
      text = "Other words";
      await edge.stored(PATH);
      await edge.purge(PATH);
      for (let round = 0; round < ASKED_OFTEN; round++) {
        expect(rc4("ABC", (await edge.get(`${PATH}/drm`)).body)).toBe(text);
      }
      expect(origin.saw(PATH)).toBe(2);
    },
  );

  scenario(
    "A5 of spec 21, A11 of spec 04, DRM-04, HTTP-66: larger content is 500, what is missing is an error, the plain form stays",
    drm(undefined, 'MaxSourceSize="1"'),
    async ({ origin, edge }) => {
      const body = longBody(1024 ** 2 + 1);
      origin.on("/large.mp3").reply(200, AUDIO, body);
      origin.on("/absent.mp3").reply(404, {}, "no");
      for (let round = 0; round < 2; round++) {
        await edge.get("/large.mp3/drm").expect(500);
        expect((await edge.get("/absent.mp3/drm")).status).toBeGreaterThanOrEqual(400);
      }
      expect((await edge.get("/large.mp3").expect(200)).body.length).toBe(body.length);
    },
  );

  scenario(
    "A5 of spec 21, DRM-01, HTTP-75: while inactive the suffix is a part of the URL",
    { xml: '<Options><Drm Status="Inactive"><Token>ABC</Token></Drm></Options>' },
    async ({ origin, edge }) => {
      origin.on(`${PATH}/drm`).reply(200, {}, "ordinary");
      await edge.get(`${PATH}/drm`).expect(200, "ordinary");
    },
  );

  scenario("DRM-05: AES-128-CTR and AES-128-CBC, of a long body in pieces", drm(), async ({ origin, edge }) => {
    const bodies = { "AES-128-CTR": longBody(17 * 1024 ** 2 + 5), "AES-128-CBC": longBody(1_000) };
    const iv = "0123456789abcdef";
    const key = hash("sha256", "/long.mp4ABC", "buffer").subarray(0, 16);
    for (const [algorithm, body] of Object.entries(bodies)) {
      origin.on("/long.mp4").reply(200, {}, body);
      const content = `<Algorithm>${algorithm}</Algorithm><IV>${iv}</IV><Token>ABC</Token><Key Hash="SHA-256">$url,$Token</Key>`;
      expect((await edge.cluster.reload({ vhosts: withXml(edge, drm(content).xml) })).status).toBe("OK");
      await edge.cluster.control(`/reset/${edge.host}`);
      const answer = await edge.get("/long.mp4/drm").expect(200);
      const decipher = createDecipheriv(algorithm.toLowerCase(), key, iv);
      expect(Buffer.concat([decipher.update(answer.body), decipher.final()]).equals(body)).toBe(true);
    }
  });
});

describe("keys", () => {
  scenario(
    "A6 of spec 21, DRM-16, HTTP-76: a new token counts when the cache of the host has been cleared, or after a restart",
    drm("<Token>Erdbeere</Token>"),
    async ({ origin, edge }) => {
      origin.on(() => true).reply(200, AUDIO, PLAIN);
      const openWith = async (path: string, token: string): Promise<void> => {
        for (let round = 0; round < 4; round++) {
          expect(rc4(token, (await edge.get(`${path}/drm`).expect(200)).body)).toBe(PLAIN);
        }
      };
      await openWith("/a.mp3", "Erdbeere");
      const reload = (token: string) =>
        edge.cluster.reload({ vhosts: withXml(edge, drm(`<Token>${token}</Token>`).xml) });
      expect((await reload("Himbeere")).status).toBe("OK");
      expect(await edge.cluster.log()).toContain("goes on with the algorithm and key it had");
      await openWith("/a.mp3", "Erdbeere");
      await openWith("/b.mp3", "Erdbeere");
      const cleared = await edge.cluster.control(`/reset/${edge.host}`);
      expect(cleared.status).toBe(200);
      await openWith("/a.mp3", "Himbeere");
      await openWith("/b.mp3", "Himbeere");
      expect((await reload("Brombeere")).status).toBe("OK");
      await openWith("/a.mp3", "Himbeere");
      await edge.cluster.restartEverything();
      await openWith("/a.mp3", "Brombeere");
      expect(await edge.cluster.log()).not.toMatch(/[a-z]+beere/i);
    },
  );

  scenario(
    'A7 of spec 21, DRM-17, DRM-18: Type="enc" is the same as the plain value, and what cannot be decrypted is refused',
    drm(),
    async ({ origin, edge }) => {
      origin.on(PATH).reply(200, AUDIO, PLAIN);
      const expected = await hexOf(edge);
      const { result, status } = await edge.cluster.apiJson("/command/encryptpassword?plain=ABC");
      expect(status).toBe("OK");
      const enc = (text: unknown) => drm(`<Token Type="enc">${String(text)}</Token>`).xml;
      expect((await edge.cluster.reload({ vhosts: withXml(edge, enc(result)) })).status).toBe("OK");
      await edge.purge(PATH);
      expect(await hexOf(edge)).toBe(expected);
      expect((await edge.cluster.reload({ vhosts: withXml(edge, enc("RokyekMd0IjDnRGKjVE7sQ==")) })).status).not.toBe(
        "OK",
      );
      expect(await hexOf(edge)).toBe(expected);
    },
  );
});
