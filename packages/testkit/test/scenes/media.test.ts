import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type RawResponse, seededRandom, type TestOrigin } from "../../src/index.ts";
import {
  type CorpusName,
  collectSegments,
  corpusFile,
  FileBody,
  hasFfmpeg,
  judgeResult,
  type Playlist,
  readPlaylist,
  transportComplaints,
} from "../../src/media/index.ts";
import { type SceneBody, type SceneEdge, type SceneOptions, scenario, useEdge } from "../../src/scenario/index.ts";

useEdge({ workers: 2 });

/** Films are made by ffmpeg. */
const filmScene = (title: string, options: SceneOptions, play: SceneBody): void => {
  if (hasFfmpeg()) scenario(title, options, play);
  else test.skip(`${title} (no ffmpeg)`);
};

const media = (xml: string, options = ""): SceneOptions => ({
  xml: `<Options>${options}</Options><Media>${xml}</Media>`,
});

const HLS = '<MP4HLS Status="Active"><Duration>20</Duration></MP4HLS>';
const TRIMMING = "<MP4Trimming>ON</MP4Trimming>";
const HOUR = { "Cache-Control": "max-age=3600" };
const MEDIA_TYPES = { playlist: "application/vnd.apple.mpegurl", segment: "video/MP2T" };

const validatorsOf = (version: number) => ({
  etag: `"v${version}"`,
  lastModified: `Tue, 0${version} Jan 2019 00:00:00 GMT`,
});

const serve = async (origin: TestOrigin, path: string, name: CorpusName, version = 1): Promise<Buffer> => {
  const file = await corpusFile(name);
  const body = readFileSync(file.path);
  origin.on(path).file(body, { ...validatorsOf(version), type: "video/mp4", fields: HOUR });
  return body;
};

const playlistAt = async (edge: SceneEdge, path: string): Promise<Playlist> =>
  readPlaylist((await edge.get(path).expect(200, undefined, { "content-type": MEDIA_TYPES.playlist })).text);

const durationsOf = ({ segments }: Playlist): number[] => segments.map(({ seconds }) => seconds);

const sentBytes = (origin: TestOrigin, path: string): number =>
  origin.seen(path).reduce((sum, { sentBytes: bytes }) => sum + bytes, 0);

/** What an origin has handed to the system when its answer is cut. */
const CUT_BYTES = 256 << 10;

/** Types of the boxes of a file in their order. */
const boxTypes = (file: Buffer): string[] => {
  const types: string[] = [];
  for (let at = 0; at + 8 <= file.length; at += Math.max(8, file.readUInt32BE(at))) {
    types.push(file.toString("latin1", at + 4, at + 8));
  }
  return types;
};

/** Seconds that an MP4 says to play. */
const movieSeconds = ({ body }: RawResponse): number => {
  const at = body.indexOf("mvhd", 0, "latin1") + 4;
  return body.readUInt32BE(at + 16) / body.readUInt32BE(at + 12);
};

describe("a film as HLS", () => {
  filmScene(
    "A1 of spec 18, MEDIA-10, MEDIA-13, MEDIA-17, MEDIA-20, MEDIA-21, MEDIA-26 to MEDIA-28: key frames every 3 s",
    media(HLS),
    async ({ origin, edge }) => {
      const film = await serve(origin, "/a.mp4", "keyframes.mp4");
      const playlist = await playlistAt(edge, "/a.mp4/mp4hls/index.m3u8");
      expect(playlist.segments.map(({ uri }) => uri)).toEqual([0, 1, 2, 3].map((n) => `/a.mp4/mp4hls/${n}.ts`));
      expect(durationsOf(playlist).map(Math.round)).toEqual([18, 18, 18, 11]);
      expect(playlist).toMatchObject({ version: 3, targetSeconds: 18, sequence: 0, isEnded: true });
      expect(playlist.lines.filter((line) => line.startsWith("#EXTINF:"))[0]).toBe("#EXTINF:18.000,");
      const stream = await collectSegments(playlist, async (uri) => {
        const { body } = await edge.get(uri).expect(200, undefined, { "content-type": MEDIA_TYPES.segment });
        return body;
      });
      expect(transportComplaints(stream)).toEqual([]);
      await edge.get("/a.mp4").expect(200, film);
      await edge.get("/a.mp4/mp4hls/4.ts").expect(404);
      await edge.get("/a.mp4/mp4hls/playlist.m3u8").expect(404);
      expect(origin.requests.every(({ target }) => target === "/a.mp4")).toBe(true);
    },
  );

  filmScene(
    "A1 of spec 18, MEDIA-11 to MEDIA-13, MEDIA-16: version 1, another keyword, name and first number",
    media(`<MP4HLS Status="Active" Keyword="show"><Index Ver="1">list.m3u8</Index><Sequence>5</Sequence>
      <Duration>20</Duration></MP4HLS>`),
    async ({ origin, edge }) => {
      await serve(origin, "/a.mp4", "keyframes.mp4");
      const playlist = await playlistAt(edge, "/a.mp4/show/list.m3u8");
      expect(playlist).toMatchObject({ version: undefined, sequence: 5, targetSeconds: 18 });
      expect(playlist.segments.map(({ uri }) => uri)).toEqual([5, 6, 7, 8].map((n) => `/a.mp4/show/${n}.ts`));
      expect(playlist.lines.filter((line) => line.startsWith("#EXTINF:"))).toEqual(
        [18, 18, 18, 11].map((seconds) => `#EXTINF:${seconds},`),
      );
      await edge.get("/a.mp4/show/4.ts").expect(404);
      await edge.get("/a.mp4/show/5.ts").expect(200);
    },
  );

  filmScene(
    "REG-239, REG-244, MEDIA-14, MEDIA-15, MEDIA-22, MEDIA-24, MEDIA-25, MEDIA-29: a master playlist; M4A; a name with signs",
    media('<MP4HLS Status="Active"><Index Alternates="ON">index.m3u8</Index></MP4HLS>'),
    async ({ origin, edge }) => {
      await serve(origin, "/a%20film%20%231.mp4", "main.mp4");
      await serve(origin, "/sound.m4a", "sound.m4a");
      const master = await playlistAt(edge, "/a%20film%20%231.mp4/mp4hls/index.m3u8");
      expect(master.variants).toEqual(["/a%20film%20%231.mp4/mp4hls/playlist.m3u8"]);
      expect(master.lines.slice(0, 3).join("\n")).toMatch(
        /^#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=\d+,RESOLUTION=160x120/,
      );
      const { segments } = await playlistAt(edge, master.variants[0] ?? "");
      await edge.get(segments[0]?.uri ?? "").expect(200);
      const sound = await playlistAt(edge, "/sound.m4a/mp4hls/index.m3u8");
      expect(sound.lines.join("\n")).not.toContain("RESOLUTION");
      const [first] = (await playlistAt(edge, sound.variants[0] ?? "")).segments;
      expect(transportComplaints((await edge.get(first?.uri ?? "").expect(200)).body)).toEqual([]);
    },
  );

  filmScene(
    "REG-210, REG-232, A2 of spec 18, MEDIA-03, MEDIA-04, MEDIA-07, MEDIA-40 to MEDIA-43: of 4.5 GB the origin sends what a segment needs",
    media('<MP4HLS Status="Active"><Duration>2</Duration></MP4HLS>'),
    async ({ origin, edge }) => {
      const body = new FileBody((await corpusFile("sparse.mp4")).path);
      origin.on("/large.mp4").file(body, { ...validatorsOf(1), fields: HOUR });
      const part = await edge.get("/large.mp4/mp4hls/3.ts", { headers: { Range: "bytes=0-9999" } });
      const [, size = "0"] = /^bytes 0-9999\/(\d+)$/.exec(part.field("content-range") ?? "") ?? [];
      expect([part.status, part.body.length]).toEqual([206, 10_000]);
      const whole = await edge.get("/large.mp4/mp4hls/3.ts").expect(200, undefined, { "content-length": size });
      expect(whole.body.subarray(0, 10_000).equals(part.body)).toBe(true);
      expect(transportComplaints(whole.body)).toEqual([]);
      const asked = origin.seen("/large.mp4");
      expect(asked.slice(1).every((request) => request.field("range") !== undefined)).toBe(true);
      expect(sentBytes(origin, "/large.mp4")).toBeLessThan(8 << 20);
      expect(origin.requests.every(({ target }) => target === "/large.mp4")).toBe(true);
      const before = origin.saw("/large.mp4");
      const tail = { Range: `bytes=${body.size - 1000}-` };
      await edge.get("/large.mp4", { headers: tail }).expect(206, body.slice(body.size - 1000, body.size));
      expect(origin.saw("/large.mp4")).toBe(before);
      body.close();
    },
  );

  filmScene(
    "REG-216, A3 of spec 18, MEDIA-05, MEDIA-36: a segment twice and in halves has the same bytes; HEAD, conditions, 416",
    media(HLS),
    async ({ origin, edge }) => {
      await serve(origin, "/a.mp4", "main.mp4");
      const path = "/a.mp4/mp4hls/0.ts";
      const first = await edge.get(path).expect(200);
      const etag = first.field("etag") ?? "";
      expect(etag).not.toBe("");
      await edge.get(path).expect(200, first.body);
      const { length } = first.body;
      const middle = Math.floor(length / 2);
      await edge.get(path, { headers: { Range: `bytes=0-${middle - 1}` } }).expect(206, first.body.subarray(0, middle));
      const rest = { Range: `bytes=${middle}-${length + 5000}` };
      await edge.get(path, { headers: rest }).expect(206, first.body.subarray(middle));
      await edge.get(path, { headers: { Range: `bytes=${length}-` } }).expect(416);
      await edge.head(path).expect(200, "", { "content-length": String(length) });
      await edge.get(path, { headers: { "If-None-Match": etag } }).expect(304, "");
    },
  );

  filmScene(
    "MEDIA-08, MEDIA-01: an origin without ranges sends the film once for everything",
    media(`${HLS}${TRIMMING}`),
    async ({ origin, edge }) => {
      const film = readFileSync((await corpusFile("main.mp4")).path);
      origin.on("/a.mp4").reply(200, { ...HOUR, "Content-Type": "video/mp4" }, film);
      const playlist = await playlistAt(edge, "/a.mp4/mp4hls/index.m3u8");
      await edge.get(playlist.segments[0]?.uri ?? "").expect(200);
      await edge.get("/a.mp4?end=5").expect(200);
      await edge.get("/a.mp4").expect(200, film);
      expect(origin.saw("/a.mp4")).toBe(1);
    },
  );

  filmScene(
    "REG-230, MEDIA-38, MEDIA-44: a purge of the film ends its segments, and so does a change at the origin",
    media(HLS),
    async ({ origin, edge, clock }) => {
      await serve(origin, "/a.mp4", "main.mp4");
      const segment = async (): Promise<string> => (await edge.get("/a.mp4/mp4hls/0.ts").expect(200)).sha256;
      const first = await segment();
      await edge.stored("/a.mp4");
      await serve(origin, "/a.mp4", "high.mp4", 2);
      expect(await segment()).toBe(first);
      await edge.purge("/a.mp4");
      const second = await segment();
      expect(second).not.toBe(first);
      await edge.stored("/a.mp4");
      await serve(origin, "/a.mp4", "baseline.mp4", 3);
      await clock.advance(4000);
      const third = await segment();
      expect([first, second]).not.toContain(third);
      for (let round = 0; round < 4; round++) expect(await segment()).toBe(third);
    },
  );

  filmScene(
    "MEDIA-36: after a restart playlists and segments are the same, and the origin is not asked again",
    { ...media(HLS), ownEdge: {} },
    async ({ origin, edge }) => {
      await serve(origin, "/a.mp4", "main.mp4");
      const playlist = await edge.get("/a.mp4/mp4hls/index.m3u8").expect(200);
      const segment = await edge.get("/a.mp4/mp4hls/0.ts").expect(200);
      await edge.stored("/a.mp4");
      const before = origin.saw("/a.mp4");
      await edge.cluster.restartEverything();
      await edge.get("/a.mp4/mp4hls/0.ts").expect(200, segment.body);
      await edge.get("/a.mp4/mp4hls/index.m3u8").expect(200, playlist.body);
      expect(origin.saw("/a.mp4")).toBe(before);
    },
  );

  filmScene(
    "REG-220, REG-231, REG-212, MEDIA-06: what is no film, or only a part of one, has no playlist",
    media(`${HLS}${TRIMMING}<UpfrontMP4Header>ON</UpfrontMP4Header>`),
    async ({ origin, edge }) => {
      const broken = await serve(origin, "/broken.mp4", "headless.mp4");
      origin.on("/text.mp4").reply(200, HOUR, "this is no film");
      await edge.get("/broken.mp4").expect(200, broken);
      await edge.get("/broken.mp4?start=1&end=3").expect(200, broken);
      await edge.get("/broken.mp4/mp4hls/index.m3u8").expect(404);
      await edge.get("/broken.mp4/mp4hls/0.ts").expect(404);
      await edge.get("/text.mp4?end=3").expect(200, "this is no film");
      await edge.get("/text.mp4/mp4hls/index.m3u8").expect(404);
    },
  );

  filmScene(
    "beyond the guide: fMP4 segments, and DASH with a track in each of its segments",
    media(`<MP4HLS Status="Active" Form="FMP4"><Duration>4</Duration></MP4HLS><DASH Status="Active"/>`),
    async ({ origin, edge }) => {
      await serve(origin, "/a.mp4", "high.mp4");
      const playlist = await playlistAt(edge, "/a.mp4/mp4hls/index.m3u8");
      expect(playlist.version).toBe(7);
      const stream = await collectSegments(playlist, async (uri) => (await edge.get(uri).expect(200)).body);
      expect(boxTypes(stream).slice(0, 2)).toEqual(["ftyp", "moov"]);
      const manifest = await edge.get("/a.mp4/dash/manifest.mpd").expect(200);
      expect(manifest.text).toContain('type="static"');
      await edge.get("/a.mp4/dash/video-init.mp4").expect(200);
      await edge.get("/a.mp4/dash/audio-init.mp4").expect(200);
    },
  );
});

describe("header relocation", () => {
  filmScene(
    "REG-216, A6 of spec 18, MEDIA-60 to MEDIA-64: the header in front, the same length, the same pictures",
    media("<UpfrontMP4Header>ON</UpfrontMP4Header>"),
    async ({ origin, edge }) => {
      const behind = await serve(origin, "/behind.mp4", "main.mp4");
      const front = await serve(origin, "/front.mp4", "front.mp4");
      const sound = await serve(origin, "/sound.m4a", "sound.m4a");
      expect(boxTypes(behind).at(-1)).toBe("moov");
      const relocated = await edge.get("/behind.mp4").expect(200);
      expect(boxTypes(relocated.body).slice(0, 2)).toEqual(["ftyp", "moov"]);
      expect(relocated.body.length).toBe(behind.length);
      const range = { Range: "bytes=30000-39999" };
      await edge.get("/behind.mp4", { headers: range }).expect(206, relocated.body.subarray(30_000, 40_000));
      await edge.get("/front.mp4").expect(200, front);
      await edge.get("/sound.m4a").expect(200, sound);
      const media = (file: Buffer): Buffer => {
        const at = file.indexOf("mdat", 0, "latin1") - 4;
        return file.subarray(at, at + file.readUInt32BE(at));
      };
      expect(media(relocated.body).equals(media(behind))).toBe(true);
    },
  );

  filmScene(
    "MEDIA-61, MEDIA-60: M4A by its own switch, and MP4 not",
    media("<UpfrontM4AHeader>ON</UpfrontM4AHeader>"),
    async ({ origin, edge }) => {
      const film = await serve(origin, "/a.mp4", "main.mp4");
      await serve(origin, "/sound.m4a", "sound.m4a");
      await edge.get("/a.mp4").expect(200, film);
      expect(boxTypes((await edge.get("/sound.m4a").expect(200)).body).slice(0, 2)).toEqual(["ftyp", "moov"]);
    },
  );
});

describe("sections of a film", () => {
  filmScene(
    "A5 of spec 18, MEDIA-70, MEDIA-74 to MEDIA-79: start and end, ranges of the section, the key without them",
    media(TRIMMING),
    async ({ origin, edge }) => {
      const film = await serve(origin, "/a.mp4", "keyframes.mp4");
      await edge.get("/a.mp4?start=50&end=10").expect(200, film);
      for (const query of ["start=10&end=10", "start=100", "start=-3&end=-1", "start=abc"]) {
        await edge.get(`/a.mp4?${query}`).expect(200, film);
      }
      const minute = await edge.get("/a.mp4?end=60").expect(200);
      expect(minute.body.length).toBeLessThan(film.length);
      expect(Math.abs(movieSeconds(minute) - 60)).toBeLessThanOrEqual(3);
      const head = await edge.get("/a.mp4?end=60", { headers: { Range: "bytes=0-99" } }).expect(206);
      expect(head.body.equals(minute.body.subarray(0, 100))).toBe(true);
      expect(head.body.toString("latin1", 4, 8)).toBe("ftyp");
      const tail = { Range: "bytes=100000-" };
      await edge.get("/a.mp4?end=60", { headers: tail }).expect(206, minute.body.subarray(100_000));
      await edge.head("/a.mp4?end=60").expect(200, "", { "content-length": String(minute.body.length) });
      expect(Math.abs(movieSeconds(await edge.get("/a.mp4?start=12&end=21.5")) - 9.5)).toBeLessThanOrEqual(3);
      await edge.get("/a.mp4?tag=3277&start=30&end=40&date=20130726").expect(200);
      expect(new Set(origin.requests.map(({ target }) => target))).toEqual(
        new Set(["/a.mp4", "/a.mp4?tag=3277&date=20130726"]),
      );
    },
  );

  filmScene(
    "REG-216, REG-227, MEDIA-76, MEDIA-77, MEDIA-72, MEDIA-71: a section has the source's pictures, from key frame to key frame",
    media('<MP4Trimming StartParam="from" EndParam="to">ON</MP4Trimming>'),
    async ({ origin, edge }) => {
      await serve(origin, "/a.mp4", "main.mp4");
      const film = join(edge.cluster.home, "section.mp4");
      const { body } = await edge.get("/a.mp4?from=4.5&to=9&start=1").expect(200);
      await writeFile(film, body);
      const source = (await corpusFile("main.mp4")).path;
      const section = { startSeconds: 4.5, endSeconds: 9 };
      expect((await judgeResult(source, film, { sections: [section], keyFrameSeconds: 2 })).complaints).toEqual([]);
      expect(new Set(origin.requests.map(({ target }) => target))).toEqual(new Set(["/a.mp4?start=1"]));
    },
  );

  filmScene("MEDIA-80: where trimming is off, the keys are ordinary", media(HLS), async ({ origin, edge }) => {
    origin.on("/a.mp4").reply(({ target }) => ({ status: 200, fields: HOUR, body: target }));
    await edge.get("/a.mp4?start=1&end=3").expect(200, "/a.mp4?start=1&end=3");
  });

  filmScene(
    "MEDIA-90 to MEDIA-95: several sections in their order, repeated, with open sides, and not longer than allowed",
    media(TRIMMING),
    async ({ origin, edge }) => {
      const film = await serve(origin, "/a.mp4", "keyframes.mp4");
      const seconds = async (list: string): Promise<number> =>
        movieSeconds(await edge.get(`/a.mp4?${list}`).expect(200));
      expect(await seconds("trimming=0-6,21-27,51-54")).toBeCloseTo(15, 0);
      expect(await seconds("trimming=30-36,0-6")).toBeCloseTo(12, 0);
      expect(await seconds("trimming=18-21,18-21,18-21,18-21")).toBeCloseTo(12, 0);
      expect(await seconds("trimming=-30,60-")).toBeCloseTo(35, 0);
      expect(await seconds("trimming=0-60,0-60,0-30")).toBeCloseTo(90, 0);
      expect(await seconds("trimming=30-36&start=1&end=2")).toBeCloseTo(6, 0);
      const sections = await edge.get("/a.mp4?trimming=30-36,0-6").expect(200);
      const range = { Range: "bytes=500-1499" };
      await edge.get("/a.mp4?trimming=30-36,0-6", { headers: range }).expect(206, sections.body.subarray(500, 1500), {
        "content-range": `bytes 500-1499/${sections.body.length}`,
      });
      await edge.get("/a.mp4?trimming=9-1").expect(200, film);
      expect(new Set(origin.requests.map(({ target }) => target))).toEqual(new Set(["/a.mp4"]));
    },
  );

  filmScene(
    "A4 of spec 18, MEDIA-100 to MEDIA-104: a section as HLS, in three forms",
    media(`<MP4HLS Status="Active"><Duration>12</Duration></MP4HLS>${TRIMMING}`),
    async ({ origin, edge }) => {
      await serve(origin, "/a.mp4", "keyframes.mp4");
      const forms = [
        "/a.mp4?start=0&end=60/mp4hls/index.m3u8",
        "/a.mp4/mp4hls/index.m3u8?start=0&end=60",
        "/a.mp4?start=0/mp4hls/index.m3u8?end=60",
        "/a.mp4?start=9&end=9/mp4hls/index.m3u8?start=0&end=60",
      ];
      const playlists = [];
      for (const form of forms) playlists.push(await playlistAt(edge, form));
      const [first, ...others] = playlists;
      if (first === undefined) throw new Error("no playlist");
      for (const other of others) expect(durationsOf(other)).toEqual(durationsOf(first));
      expect(Math.abs(first.totalSeconds - 60)).toBeLessThanOrEqual(3);
      expect(first.segments[0]?.uri).toMatch(/^\/a\.mp4\?.*start=0.*\/mp4hls\/0\.ts$/);
      const stream = await collectSegments(first, async (uri) => (await edge.get(uri).expect(200)).body);
      expect(transportComplaints(stream)).toEqual([]);
      const several = await playlistAt(edge, "/a.mp4/mp4hls/index.m3u8?trimming=30-36,0-6");
      expect(several.totalSeconds).toBeCloseTo(12, 0);
      await edge.get(several.segments[0]?.uri ?? "").expect(200);
      expect(new Set(origin.requests.map(({ target }) => target))).toEqual(new Set(["/a.mp4"]));
    },
  );

  filmScene(
    "BW-18, MEDIA-78: a section is the same with throttling on",
    media(
      TRIMMING,
      `<BandwidthThrottling><Settings><Bandwidth Unit="kbps">8000</Bandwidth><Boost>5</Boost></Settings>
        <Throttling>ON</Throttling></BandwidthThrottling>`,
    ),
    async ({ origin, edge }) => {
      await serve(origin, "/a.mp4", "keyframes.mp4");
      const section = await edge.get("/a.mp4?start=12&end=30").expect(200);
      expect(section.body.length).toBe(Number(section.field("content-length")));
      expect(Math.abs(movieSeconds(section) - 18)).toBeLessThanOrEqual(3);
      const range = { Range: "bytes=1000-" };
      await edge.get("/a.mp4?start=12&end=30", { headers: range }).expect(206, section.body.subarray(1000));
    },
  );

  filmScene(
    "MEDIA-04, MEDIA-05: sections and segments that many ask for at once cost the origin each byte once",
    media(`<MP4HLS Status="Active"><Duration>6</Duration></MP4HLS>${TRIMMING}`),
    async ({ origin, edge }) => {
      const film = await serve(origin, "/a.mp4", "keyframes.mp4");
      const random = seededRandom(7);
      const targets = Array.from({ length: 60 }, (_, index) =>
        index % 2 === 0
          ? `/a.mp4/mp4hls/${Math.floor(random() * 10)}.ts`
          : `/a.mp4?start=${Math.floor(random() * 10) * 3}&end=${40 + Math.floor(random() * 7) * 3}`,
      );
      const answers = await Promise.all(targets.map(async (target) => [target, await edge.get(target)] as const));
      const digests = new Map<string, string>();
      for (const [target, { status, sha256 }] of answers) {
        expect([target, status]).toEqual([target, 200]);
        expect(digests.get(target) ?? sha256).toBe(sha256);
        digests.set(target, sha256);
      }
      expect(sentBytes(origin, "/a.mp4")).toBeLessThanOrEqual(film.length + CUT_BYTES);
    },
  );
});
