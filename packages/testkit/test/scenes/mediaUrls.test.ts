import { createDecipheriv, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import {
  fetchOnce,
  isEdgeBuilt,
  type RawResponse,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
} from "../../src/index.ts";
import { corpusFile, hasFfmpeg, readPlaylist } from "../../src/media/index.ts";
import { useShared } from "../../src/scenario/index.ts";

/** Scenes of what URLs of media files ask for: one edge with two workers. What is made is looked at in media.test.ts. */

const SHARED_KEYWORD = "keyword.test";
const SIGNED = "signed.test";
const ENCRYPTED = "encrypted.test";
const VARIANTS = "variants.test";

const SECRET = "a secret of the films";

let edge: TestEdge;
let origin: TestOrigin;

const open = async (): Promise<void> => {
  origin = await startOrigin();
  origin.on(() => true).reply(404, {}, "nothing");
  const film = await readFile((await corpusFile("main.mp4")).path);
  origin
    .on((request) => request.path === "/film.mp4")
    .file(film, { etag: '"film"', fields: { "Content-Type": "video/mp4" } });
  const other = await readFile((await corpusFile("film24.mp4")).path);
  origin.on((request) => request.path === "/dir/film.mp4").file(film, { etag: '"film"' });
  origin.on((request) => request.path === "/dir/other.mp4").file(other, { etag: '"other"' });
  const at = origin.address;
  edge = await startEdge({
    workers: 2,
    readyLimitMs: 60_000,
    vhosts: [
      {
        name: SHARED_KEYWORD,
        origin: at,
        xml: '<Media><MP4HLS Status="Active" Keyword="hls"><Duration>4</Duration></MP4HLS><MP3HLS Status="Active" Keyword="hls"/></Media>',
      },
      {
        name: SIGNED,
        origin: at,
        xml: `<Options><SignedUrls>ON<Url>/*</Url><Key>a secret of the site</Key></SignedUrls></Options>
          <Media><MP4HLS Status="Active"/><MP4Trimming>ON</MP4Trimming></Media>`,
      },
      {
        name: VARIANTS,
        origin: at,
        xml: '<Media><MP4HLS Status="Active" Variants="ON"/><MP4Trimming>ON</MP4Trimming></Media>',
      },
      {
        name: ENCRYPTED,
        origin: at,
        xml: `<Media><MP4HLS Status="Active"><Encryption Status="Active" Secret="${SECRET}" ServeKey="ON"/></MP4HLS></Media>`,
      },
    ],
  });
};

const PLAYS = (isEdgeBuilt() || process.env.CI !== undefined) && hasFfmpeg();

describe.skipIf(!PLAYS)("URLs of media files at an edge with two workers", () => {
  useShared(open, async () => {
    await edge?.close();
    await origin?.close();
  });

  const fetch = (host: string, path: string): Promise<RawResponse> => fetchOnce(edge.port, { host, path });

  it("MEDIA-52 A8 of spec 18: MP4 HLS works with the keyword of MP3 HLS, which answers 404", async () => {
    const index = await fetch(SHARED_KEYWORD, "/film.mp4/hls/index.m3u8");
    expect(index.status).toBe(200);
    expect(readPlaylist(index.body.toString()).segments[0]?.uri).toBe("/film.mp4/hls/0.ts");
    expect((await fetch(SHARED_KEYWORD, "/film.mp3/hls/index.m3u8")).status).toBe(404);
  });

  it("MEDIA-23 answers 404 for names that there are not, without asking the origin", async () => {
    const seen = origin.requests.length;
    for (const name of ["playlist.m3u8", "x.ts", "0.m4s", "key", ""]) {
      expect([name, (await fetch(SHARED_KEYWORD, `/cold.mp4/hls/${name}`)).status]).toEqual([name, 404]);
    }
    expect(origin.requests.length).toBe(seen);
  });

  it("plays a signed stream, all of it by one signature", async () => {
    const signed = await edge.command(
      "sign",
      `http://${SIGNED}/film.mp4/`,
      "--prefix",
      "/film.mp4/",
      "--seconds",
      "600",
    );
    const token = /token=\S+/.exec(signed.output)?.[0] ?? "";
    expect((await fetch(SIGNED, "/film.mp4/mp4hls/index.m3u8?end=8")).status).toBe(403);
    const index = await fetch(SIGNED, `/film.mp4/mp4hls/index.m3u8?end=8&${token}`);
    expect(index.status).toBe(200);
    const { segments } = readPlaylist(index.body.toString());
    expect(segments[0]?.uri).toBe(`/film.mp4/mp4hls/0.ts?end=8&${token}`);
    expect((await fetch(SIGNED, segments[0]?.uri ?? "")).status).toBe(200);
    for (const request of origin.requests) expect(request.target).not.toContain("token");
  });

  it("encrypts segments under the key of the film, which it serves", async () => {
    const key = createHmac("sha256", SECRET).update("/film.mp4").digest().subarray(0, 16);
    const index = await fetch(ENCRYPTED, "/film.mp4/mp4hls/index.m3u8");
    expect(index.body.toString()).toContain('#EXT-X-KEY:METHOD=AES-128,URI="/film.mp4/mp4hls/key"');
    const served = await fetch(ENCRYPTED, "/film.mp4/mp4hls/key");
    expect(served.body.toString("hex")).toBe(key.toString("hex"));
    const segment = await fetch(ENCRYPTED, "/film.mp4/mp4hls/0.ts");
    const decipher = createDecipheriv("aes-128-cbc", key, Buffer.alloc(16));
    const plain = Buffer.concat([decipher.update(segment.body), decipher.final()]);
    expect(plain.length % 188).toBe(0);
    expect([plain[0], plain[188]]).toEqual([0x47, 0x47]);
  });

  it("has several films in one master playlist, each with its rate and its own playlist and segments", async () => {
    const master = await fetch(VARIANTS, "/dir/film.mp4,none.mp4,other.mp4/mp4hls/index.m3u8?end=8");
    expect(master.status).toBe(200);
    const lines = master.body.toString().split("\n");
    const uris = lines.filter((line) => line.startsWith("/"));
    expect(uris).toEqual(["/dir/film.mp4?end=8/mp4hls/index.m3u8", "/dir/other.mp4?end=8/mp4hls/index.m3u8"]);
    const rates = [...master.body.toString().matchAll(/BANDWIDTH=(\d+),.*RESOLUTION=\d+x\d+/g)].map(([, rate]) => rate);
    expect(new Set(rates).size).toBe(2);
    for (const uri of uris) {
      const { segments } = readPlaylist((await fetch(VARIANTS, uri)).body.toString());
      const segment = await fetch(VARIANTS, segments[0]?.uri ?? "");
      expect([uri, segment.status, segment.body[0]]).toEqual([uri, 200, 0x47]);
    }
    expect((await fetch(VARIANTS, "/dir/none.mp4,nothing.mp4/mp4hls/index.m3u8")).status).toBe(404);
  });

  it("MEDIA-70 a function that is switched on counts from the reload on", async () => {
    const { vhosts } = edge.configuration;
    const section = async () => (await fetch(SHARED_KEYWORD, "/film.mp4?end=4")).body.length;
    const whole = await section();
    const changed = vhosts.map((vhost) =>
      vhost.name === SHARED_KEYWORD ? { ...vhost, xml: "<Media><MP4Trimming>ON</MP4Trimming></Media>" } : vhost,
    );
    expect((await edge.reload({ vhosts: changed })).httpStatus).toBe(200);
    expect(await section()).toBeLessThan(whole);
    expect((await fetch(SHARED_KEYWORD, "/film.mp4/hls/index.m3u8")).status).toBe(404);
  });
});
