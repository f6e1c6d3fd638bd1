import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { edgeProgram } from "../../src/edge/program.ts";
import { type EdgeOptions, fetchOnce, isEdgeBuilt, type RawResponse } from "../../src/index.ts";
import { corpusFile, hasFfmpeg } from "../../src/media/index.ts";
import { type SceneEdge, scenario, useEdge } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** The first processor that this process may use. */
const someCore = (): string | undefined =>
  /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];

/** The program as on a machine with one core; as it is where that cannot be had. */
const programOnOneCore = (): Partial<EdgeOptions> => {
  const core = someCore();
  const isBound = core !== undefined && isEdgeBuilt() && spawnSync("taskset", ["-c", core, "true"]).status === 0;
  return isBound ? { program: ["taskset", "-c", core, ...edgeProgram()] } : {};
};

/**
 * Defects that the original had (spec 22, G to S), where only a whole edge can show that there are none. All of it runs
 * on one core.
 */
useEdge({
  ...programOnOneCore(),
  workers: 2,
  serverXml: "<Indexing>Disk</Indexing>",
  managerXml: '<Allow Role="Admin">127.0.0.1</Allow>',
});

/** MPEG-1 layer III at 128 kbps and 48 kHz: frames of 384 bytes and 24 ms; two minutes are longer than a part. */
const FRAME_BYTES = 384;
const songOf = (version: number): Buffer => {
  const song = Buffer.alloc(5_000 * FRAME_BYTES, version);
  for (let at = 0; at < song.length; at += FRAME_BYTES) {
    song.writeUInt32BE(at / FRAME_BYTES, at + 36);
    song.writeUInt32BE(0xfffb9400, at);
  }
  return song;
};
const SONG = songOf(3);

const HOUR = { "Cache-Control": "max-age=3600" };
const STYLES = ".a { color: #123456 }\n".repeat(500);
const GZIP = { headers: { "Accept-Encoding": "gzip" } };
const PIECES = '<MP3HLS Status="Active" SegmentType="MP3"><Duration>20</Duration></MP3HLS>';
const SONG_FILE = { etag: '"v1"', fields: { "Content-Type": "audio/mpeg", ...HOUR } };

/** Of packed audio: behind the tag with its time. */
const TIME_TAG_BYTES = 73;

const picture = (): Promise<Buffer> =>
  sharp({ create: { width: 640, height: 480, channels: 3, background: { r: 40, g: 90, b: 160 } } })
    .jpeg()
    .toBuffer();

const heightOf = async ({ body }: RawResponse): Promise<number> => (await sharp(body).metadata()).height;

/** What the functions make of each kind of file, compared with what it was made of. */
const askForAll = async (edge: SceneEdge): Promise<void> => {
  expect(await heightOf(await edge.get("/a.jpg/dims/resize/x200/").expect(200))).toBe(200);
  const styles = await edge.get("/a.css", GZIP).expect(200, undefined, { "content-encoding": "gzip" });
  expect(String(gunzipSync(styles.body))).toBe(STYLES);
  const segment = await edge.get("/a.mp3/mp3hls/1.mp3").expect(200);
  expect(segment.body.subarray(TIME_TAG_BYTES, TIME_TAG_BYTES + 4).readUInt32BE()).toBe(0xfffb9400);
  await edge.get("/a.mp3?start=24&end=48").expect(200);
};

describe("functions beside each other", () => {
  scenario(
    "REG-312, REG-358: on one core, with the index on disk, pictures, streams, sections and compressed copies are made once and found by new workers",
    {
      xml: `<Options><Dims Status="Active"/><Compression>ON</Compression></Options><Media>${PIECES}<MP3Trimming>ON</MP3Trimming></Media>`,
      conditions: { "compression.txt": "*.css\n" },
    },
    async ({ origin, edge }) => {
      origin.on("/a.jpg").reply(200, { "Content-Type": "image/jpeg", ETag: '"v1"', ...HOUR }, await picture());
      origin.on("/a.css").reply(200, { "Content-Type": "text/css", ETag: '"v1"', ...HOUR }, STYLES);
      origin.on("/a.mp3").file(SONG, SONG_FILE);
      await askForAll(edge);
      await edge.stored("/a.jpg/dims/resize/x200/");
      const before = origin.requests.length;
      await edge.cluster.restart();
      await askForAll(edge);
      expect(origin.requests).toHaveLength(before);
      expect(origin.requests.every(({ target }) => ["/a.jpg", "/a.css", "/a.mp3"].includes(target))).toBe(true);
    },
  );
});

describe("media of a source that does not come as it should", () => {
  scenario(
    "REG-238: an MP3 as HLS from an origin that breaks off again and again: whole segments or an error, and all of it in the end",
    { xml: `<OriginOptions><Exclusion>1000</Exclusion></OriginOptions><Media>${PIECES}</Media>` },
    async ({ origin, edge, clock }) => {
      const rule = origin.on("/a.mp3").file(SONG, SONG_FILE).resetAfter(0);
      for (let fault = 0; fault < 6; fault++) {
        rule.file(SONG, SONG_FILE).resetAfter(fault * 40_000);
        rule.reply(503, {}, "busy");
        rule.file(SONG, SONG_FILE).closeAfter(100_000 + fault * 70_000);
      }
      rule.file(SONG, SONG_FILE);
      const wanted = (number: number): Buffer => SONG.subarray(Math.ceil((number * 20) / 0.024) * FRAME_BYTES);
      const ask = async (number: number): Promise<boolean> => {
        const outcome = await fetchOnce(edge.port, { host: edge.host, path: `/a.mp3/mp3hls/${number}.mp3` }).catch(
          () => undefined,
        );
        if (outcome?.status !== 200) return false;
        const body = outcome.body.subarray(TIME_TAG_BYTES);
        if (number === 0) expect(body.equals(wanted(0).subarray(0, body.length))).toBe(true);
        expect([number, body.length % FRAME_BYTES, body.length > 100_000]).toEqual([number, 0, true]);
        return true;
      };
      await until("every segment", async () => {
        const outcomes = await Promise.all([0, 1, 2, 3, 4, 0, 1].map(ask));
        if (!outcomes.every(Boolean)) await clock.advance(30);
        return outcomes.every(Boolean);
      });
      await edge.get("/a.mp3").expect(200, SONG);
    },
  );

  scenario(
    "REG-233, REG-230: MP3 as HLS while its source is renewed again and again: each segment is of one version, and soon of the new one",
    { xml: `<Media>${PIECES}</Media>` },
    async ({ origin, edge, clock }) => {
      for (let version = 1; version <= 3; version++) {
        origin.on("/a.mp3").file(songOf(version), {
          etag: `"v${version}"`,
          fields: { "Content-Type": "audio/mpeg", "Cache-Control": "max-age=5" },
        });
        const versionsOf = async (): Promise<readonly number[]> => {
          const answers = await Promise.all(
            [0, 1, 2, 3, 0, 1].map((number) => edge.get(`/a.mp3/mp3hls/${number}.mp3`).expect(200)),
          );
          for (const { body } of answers) {
            const frames = body.subarray(TIME_TAG_BYTES);
            for (let at = 0; at < frames.length; at += FRAME_BYTES) {
              expect(frames[at + FRAME_BYTES - 1]).toBe(frames.at(-1));
            }
          }
          return answers.map(({ body }) => body.at(-1) ?? -1);
        };
        const before = await versionsOf();
        expect(before.every((seen) => seen === version || seen === version - 1)).toBe(true);
        await clock.advance(10);
        await until("the new version", async () => (await versionsOf()).every((seen) => seen === version));
      }
    },
  );

  scenario(
    "REG-244: HLS of files whose names have any signs, escaped or not: what a playlist lists is there",
    { xml: `<Media>${PIECES}</Media>` },
    async ({ origin, edge }) => {
      const names = [
        "/a%20b%26c%3Dd.mp3",
        "/a%23b%3Fc%25d.mp3",
        "/a%2Fb%5Cc%FFd.mp3",
        "/a'(b)[c]d+e;f,g.mp3",
        "/%ED%95%9C.mp3",
      ];
      for (const name of names) {
        origin.on(name).file(SONG, SONG_FILE);
        const { text } = await edge.get(`${name}/mp3hls/index.m3u8`).expect(200);
        const uris = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
        expect([name, uris.length > 5]).toEqual([name, true]);
        const at = new URL(`http://${edge.host}${name}/mp3hls/index.m3u8`);
        for (const uri of uris.slice(0, 2)) {
          const { pathname, search } = new URL(uri, at);
          await edge.get(`${pathname}${search}`).expect(200);
        }
      }
      for (const name of ["/%zz%.mp3", "/%00%0d%0a.mp3"]) {
        const answer = await fetchOnce(edge.port, { host: edge.host, path: `${name}/mp3hls/index.m3u8` });
        expect([name, answer.status >= 200 && answer.status < 600]).toEqual([name, true]);
      }
    },
  );

  const title =
    "REG-220: a film that is still being written at its origin is sent as it is, and is a stream when it is whole";
  if (!hasFfmpeg()) test.skip(`${title} (no ffmpeg)`);
  else {
    scenario(
      title,
      { xml: '<Media><MP4HLS Status="Active"/><MP4Trimming>ON</MP4Trimming></Media>' },
      async ({ origin, edge, clock }) => {
        const film = readFileSync((await corpusFile("front.mp4")).path);
        const part = film.subarray(0, Math.floor(film.length * 0.7));
        const short = { "Content-Type": "video/mp4", "Cache-Control": "max-age=10" };
        const growing = { etag: '"part"', fields: short };
        // Its first bytes, and then the whole: without a validator that counts they cannot be joined.
        origin.on("/a.mp4").file(part, growing).file(part, growing).file(film, { etag: '"whole"', fields: short });
        for (let round = 0; round < 2; round++) {
          await edge.get("/a.mp4?start=2&end=6").expect(200, part);
          await edge.get("/a.mp4/mp4hls/index.m3u8").expect(404);
          await edge.get("/a.mp4").expect(200, part);
        }
        await clock.advance(20);
        await until("the whole film", async () => {
          const answer = await fetchOnce(edge.port, { host: edge.host, path: "/a.mp4/mp4hls/index.m3u8" });
          return answer.status === 200;
        });
        await edge.get("/a.mp4/mp4hls/0.ts").expect(200);
        await edge.get("/a.mp4").expect(200, film);
      },
    );
  }
});

describe("functions under load", () => {
  const renewal =
    "REG-219: a film that is renewed while it is trimmed: each section is of one version, and soon of the new one";
  if (!hasFfmpeg()) test.skip(`${renewal} (no ffmpeg)`);
  else {
    scenario(renewal, { xml: "<Media><MP4Trimming>ON</MP4Trimming></Media>" }, async ({ origin, edge, clock }) => {
      const films = await Promise.all(
        (["main.mp4", "high.mp4"] as const).map(async (name) => readFileSync((await corpusFile(name)).path)),
      );
      const sections: string[] = [];
      for (const [index, film] of films.entries()) {
        origin.on(`/${index}.mp4`).file(film, { etag: `"${index}"`, fields: HOUR });
        sections.push((await edge.get(`/${index}.mp4?start=2&end=7`).expect(200)).sha256);
      }
      expect(new Set(sections).size).toBe(2);
      for (let round = 0; round < 4; round++) {
        const fields = { "Content-Type": "video/mp4", "Cache-Control": "max-age=5" };
        origin.on("/a.mp4").file(films[round % 2] ?? "", { etag: `"round ${round}"`, fields });
        const seen = async (): Promise<readonly string[]> => {
          const answers = await Promise.all(
            Array.from({ length: 8 }, () => edge.get("/a.mp4?start=2&end=7").expect(200)),
          );
          return answers.map(({ sha256 }) => sha256);
        };
        for (const section of await seen()) expect(sections).toContain(section);
        await clock.advance(10);
        await until("the new version", async () => (await seen()).every((section) => section === sections[round % 2]));
      }
    });
  }

  const title =
    "REG-213, REG-221: sound, broken and hostile films at once through every function: each has an answer and no process ends";
  if (!hasFfmpeg()) test.skip(`${title} (no ffmpeg)`);
  else {
    scenario(
      title,
      {
        xml: '<Media><MP4HLS Status="Active"/><MP4Trimming>ON</MP4Trimming><UpfrontMP4Header>ON</UpfrontMP4Header></Media>',
      },
      async ({ origin, edge }) => {
        const names = ["main.mp4", "truncated.mp4", "headless.mp4", "fragments.mp4", "openGop.mp4"] as const;
        const films = await Promise.all(names.map(async (name) => readFileSync((await corpusFile(name)).path)));
        const [whole = Buffer.alloc(0)] = films;
        for (let seed = 1; seed <= 12; seed++) {
          const broken = Buffer.from(whole);
          const header = broken.indexOf("moov", 0, "latin1");
          for (let flip = 0; flip < 6; flip++)
            broken[header + ((seed * 7919 + flip * 104_729) % 4_000)] = (seed * 31 + flip) & 255;
          films.push(broken);
        }
        for (const [index, film] of films.entries())
          origin.on(`/${index}.mp4`).file(film, { etag: `"${index}"`, fields: HOUR });
        const restarts = async (): Promise<readonly (number | undefined)[]> => {
          const { workers, transform } = await edge.cluster.status();
          return [...workers, transform].map((each) => each?.restarts);
        };
        const before = await restarts();
        const paths = films.flatMap((_, index) =>
          ["", "?start=1&end=4", "/mp4hls/index.m3u8", "/mp4hls/0.ts"].map((rest) => `/${index}.mp4${rest}`),
        );
        for (let round = 0; round < 2; round++) {
          const answers = await Promise.all(paths.map((path) => fetchOnce(edge.port, { host: edge.host, path })));
          const statuses = new Set(answers.map(({ status }) => status));
          expect([200, 404, 500].filter((status) => statuses.delete(status))).toContain(200);
          expect([...statuses]).toEqual([]);
        }
        expect(await restarts()).toEqual(before);
      },
    );
  }

  scenario(
    "REG-183, REG-192, REG-202: pictures and compressed copies of what is never fresh, for many at once: never an error, and whole",
    {
      xml: '<Options><Dims Status="Active"/><Compression>ON</Compression><TTL><Res2xx Ratio="0" Max="0">0</Res2xx></TTL></Options>',
      conditions: { "compression.txt": "*.css\n" },
    },
    async ({ origin, edge }) => {
      let number = 0;
      const [one, two] = [
        await picture(),
        await sharp(await picture())
          .negate()
          .jpeg()
          .toBuffer(),
      ];
      origin
        .on("/a.jpg")
        .reply(() => ({ status: 200, fields: { "Content-Type": "image/jpeg" }, body: ++number % 2 === 0 ? one : two }))
        .chunked([1_000]);
      origin
        .on("/a.css")
        .reply(() => ({ status: 200, fields: { "Content-Type": "text/css" }, body: `${++number}${STYLES}` }));
      for (let round = 0; round < 3; round++) {
        const pictures = Array.from({ length: 10 }, (_, at) =>
          edge.get(`/a.jpg/dims/resize/${20 + (at % 3)}x/`).expect(200),
        );
        const styles = Array.from({ length: 20 }, () => edge.get("/a.css", GZIP).expect(200));
        for (const answer of await Promise.all(pictures)) expect(await heightOf(answer)).toBeGreaterThan(10);
        for (const answer of await Promise.all(styles)) {
          const isCoded = answer.field("content-encoding") === "gzip";
          expect(String(isCoded ? gunzipSync(answer.body) : answer.body).replace(/^\d+/, "")).toBe(STYLES);
        }
      }
    },
  );
});

describe("the management of a busy edge", () => {
  scenario(
    "REG-260, REG-267, REG-270, REG-272: every answer is JSON while requests come, and file information takes any QueryString",
    {
      xml: "<Stats><ClientLocal>ON</ClientLocal><DirDepth>2</DirDepth></Stats>",
    },
    async ({ origin, edge }) => {
      const { cluster, host } = edge;
      origin.on(() => true).reply(200, HOUR, "v");
      const paths = [
        "/q?b=%22%3C%3E&c=[x];d='&e=%E6%B0%B4+%20",
        "/q?a=1&type=xml&url=http://b/?c=d%26e|*",
        "/q?%%=%zz&=",
      ];
      for (const path of paths) {
        await edge.get(path).expect(200, "v");
        await edge.stored(path);
        for (const sent of [`${host}${path}`, encodeURIComponent(`http://${host}${path}`)]) {
          const { status, result } = await cluster.apiJson(`/monitoring/fileinfo.json?url=${sent}`);
          expect([path, status, result]).toMatchObject([path, "OK", [{ URI: path }]]);
        }
      }
      const { httpStatus, status } = await cluster.apiJson(`/monitoring/fileinfo?url=${host}/q?other`);
      expect([httpStatus, status]).toEqual([200, "NOT_CACHED"]);

      const calls = [
        "realtime",
        "average",
        "average?min=1",
        "fileinfo?url=a/b",
        "hwinfo",
        "cpuinfo",
        "vhostslist",
        "ssl",
      ];
      calls.push("cacheresource", "origin", "coldfiledist", "dnslist", "geoiplist", "metricstatistics", "alarms");
      const asked = Promise.all(
        calls.flatMap((call) =>
          Array.from({ length: 4 }, async () => {
            const { text } = await cluster.api(`/monitoring/${call}`);
            expect([call, typeof JSON.parse(text)]).toEqual([call, "object"]);
          }),
        ),
      );
      const folders = Array.from({ length: 200 }, (_, index) => `/d${index % 9}/e${index % 5}/"f'?${index}`);
      for (let at = 0; at < folders.length; at += 20) {
        await Promise.all(folders.slice(at, at + 20).map((path) => edge.get(path).expect(200, "v")));
      }
      await asked;
    },
  );

  scenario("REG-301: a call with a megabyte of URLs is carried out for all of them", async ({ origin, edge }) => {
    origin.on(() => true).reply(200, HOUR, "v");
    const paths = Array.from({ length: 2_900 }, (_, index) => `/${index}/${"x".repeat(325)}`);
    const stored = paths.filter((_, index) => index % 145 === 0);
    for (const path of stored) await edge.get(path).expect(200);
    for (const path of stored) await edge.stored(path);
    const body = `url=${paths.map((path) => `${edge.host}${path}`).join("|")}`;
    expect(body.length).toBeGreaterThan(950_000);
    const { httpStatus, result } = await edge.cluster.apiJson("/command/purge", { method: "POST", body });
    expect([httpStatus, result]).toMatchObject([200, { Count: stored.length }]);
    const before = origin.requests.length;
    for (const path of stored) await edge.get(path).expect(200);
    expect(origin.requests.length - before).toBe(stored.length);
  });

  scenario(
    "REG-355: the command line reaches an edge whose manager port is not the usual one",
    async ({ edge: { cluster } }) => {
      expect(cluster.managerPort).not.toBe(10_040);
      const asked = await cluster.command("api", "/monitoring/vhostslist");
      const { text } = await cluster.api("/monitoring/vhostslist");
      expect([asked.exitCode, JSON.parse(asked.output)]).toEqual([0, JSON.parse(text)]);
      expect(JSON.parse((await cluster.command("status", "--json")).output)).toMatchObject({ running: true });
    },
  );
});
