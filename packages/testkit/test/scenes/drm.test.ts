import { createDecipheriv, hash } from "node:crypto";
import { describe, expect } from "vitest";
import type { VhostSpec } from "../../src/index.ts";
import { type SceneEdge, scenario, useEdge } from "../../src/scenario/index.ts";

/** The worked examples of spec 21 about DRM, through two workers. */
useEdge({ workers: 2 });

const ASKED_OFTEN = 6;
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

const withXml = (edge: SceneEdge, xml: string): readonly VhostSpec[] =>
  edge.cluster.configuration.vhosts.map((vhost) => (vhost.name === edge.host ? { ...vhost, xml } : vhost));

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
    scenario(`A5 of spec 21, ${row}: ${key}`, drm(`<Token>ABC</Token>${key}`), async ({ origin, edge }) => {
      origin.on(PATH).reply(200, AUDIO, PLAIN);
      for (let round = 0; round < 2; round++) expect(await hexOf(edge)).toBe(expected);
      expect(origin.saw(PATH)).toBe(1);
    });
  }

  scenario(
    "DRM-03, DRM-14, DRM-15, DRM-19, HTTP-74: an object of its own with ranges and 304, one request to the origin",
    drm(),
    async ({ origin, edge }) => {
      origin.on(PATH).reply(200, AUDIO, PLAIN);
      for (let round = 0; round < ASKED_OFTEN; round++) {
        const answer = await edge
          .get(`${PATH}/drm`, { headers: { "Accept-Encoding": "gzip" } })
          .expect(200, undefined, {
            "content-type": "audio/mpeg",
            "content-length": "11",
            "content-encoding": undefined,
          });
        expect(rc4("ABC", answer.body)).toBe(PLAIN);
        const tag = answer.field("etag") ?? "";
        const part = await edge.get(`${PATH}/drm`, { headers: { Range: "bytes=7-", "If-Range": tag } }).expect(206);
        expect(part.body.equals(answer.body.subarray(7))).toBe(true);
        await edge.get(`${PATH}/drm`, { headers: { "If-None-Match": tag } }).expect(304);
        await edge.head(`${PATH}/drm`).expect(200, undefined, { "content-length": "11" });
        const plain = await edge.get(PATH).expect(200, PLAIN);
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
    "A5 of spec 21, DRM-04, HTTP-66: larger content is 500, what is missing is an error, the plain form stays",
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
