import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ratesOf, segmentPlaylist } from "../../src/hls/playlistTexts.ts";
import { buildMovie } from "../support/boxes.ts";
import { textEntry } from "../support/entries.ts";
import { pictures, single, sound } from "../support/films.ts";
import { FilmAtHand, playlistTask, segmentingOf } from "../support/mediaTasks.ts";

/** The film of the acceptance examples: 65 s, a key frame every 3 s. */
const film = new FilmAtHand(buildMovie({ tracks: [pictures(65 * 25, 75), sound(65)] }).file);
const linesOf = (text: string): string[] => text.split("\n").slice(0, -1);
const ts = segmentingOf("ts", 20);
const encryption = { key: new Uint8Array(16), keyUri: "/video.mp4/mp4hls/key" };

describe("playlists of segments", () => {
  it("MEDIA-21 MEDIA-27 acceptance: 65 s with key frames every 3 s and Duration 20 are 18, 18, 18 and 11 s", () => {
    expect(film.textOf(playlistTask(ts))).toBe(
      [
        "#EXTM3U",
        "#EXT-X-TARGETDURATION:18",
        "#EXT-X-VERSION:3",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXTINF:18.000,",
        "/video.mp4/mp4hls/0.ts",
        "#EXTINF:18.000,",
        "/video.mp4/mp4hls/1.ts",
        "#EXTINF:18.000,",
        "/video.mp4/mp4hls/2.ts",
        "#EXTINF:11.000,",
        "/video.mp4/mp4hls/3.ts",
        "#EXT-X-ENDLIST",
        "",
      ].join("\n"),
    );
  });

  it("REG-246 MEDIA-13 version 1 has whole seconds and no version line", () => {
    const lines = linesOf(film.textOf(playlistTask(ts, { version: 1 })));
    expect(lines.slice(0, 5)).toEqual([
      "#EXTM3U",
      "#EXT-X-TARGETDURATION:18",
      "#EXT-X-MEDIA-SEQUENCE:0",
      "#EXTINF:18,",
      "/video.mp4/mp4hls/0.ts",
    ]);
    expect(lines.at(-3)).toBe("#EXTINF:11,");
  });

  it("REG-230 REG-232 REG-240 REG-242 RFC 8216 4.3.3.1: wherever key frames are, durations are positive, within the target and those of the film", () => {
    const given = fc.record({
      groups: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 12 }),
      seconds: fc.integer({ min: 1, max: 8 }),
      version: fc.constantFrom(1 as const, 3 as const),
    });
    fc.assert(
      fc.property(given, ({ groups, seconds, version }) => {
        const samples = groups.flatMap((frames) => pictures(frames, frames).samples);
        const own = new FilmAtHand(buildMovie({ tracks: [{ ...pictures(0, 1), samples }] }).file);
        const segmenting = segmentingOf("ts", seconds);
        const lines = linesOf(own.textOf(playlistTask(segmenting, { version })));
        const target = Number(lines.find((line) => line.startsWith("#EXT-X-TARGETDURATION:"))?.split(":")[1]);
        const durations = lines.flatMap((line) =>
          line.startsWith("#EXTINF:") ? [Number.parseFloat(line.slice(8))] : [],
        );
        for (const duration of durations) {
          expect(Math.round(duration)).toBeLessThanOrEqual(target);
          expect(duration).toBeGreaterThanOrEqual(0);
          if (version === 3) expect(duration).toBeGreaterThan(0);
        }
        const total = durations.reduce((sum, duration) => sum + duration, 0);
        expect(Math.abs(total - samples.length / 25)).toBeLessThan(
          version === 3 ? 0.002 : durations.length / 2 + 0.001,
        );
        const segments = own.segmentsOf({ segmenting, cut: undefined, encryption: undefined });
        expect(segments).toHaveLength(durations.length);
        for (const segment of segments) expect(segment.length).toBeGreaterThan(188 * 3);
      }),
      { numRuns: 60 },
    );
  });

  it("MEDIA-16 numbers begin with Sequence", () => {
    const lines = linesOf(film.textOf(playlistTask(segmentingOf("ts", 20, 5))));
    expect(lines).toContain("#EXT-X-MEDIA-SEQUENCE:5");
    expect(lines.filter((line) => line.endsWith(".ts"))).toEqual(
      [5, 6, 7, 8].map((number) => `/video.mp4/mp4hls/${number}.ts`),
    );
  });

  it("MEDIA-26 their type", () => {
    expect(film.run(playlistTask(ts))).toMatchObject({ contentType: "application/vnd.apple.mpegurl" });
  });

  it("MEDIA-25 MEDIA-103 URIs are what policy made of them", () => {
    const uris = { prefix: "/%EA%B0%80%20b.mp4?start=0&end=60/mp4hls/", suffix: "?token=1" };
    expect(linesOf(film.textOf(playlistTask(ts, { uris })))[5]).toBe(
      "/%EA%B0%80%20b.mp4?start=0&end=60/mp4hls/0.ts?token=1",
    );
  });

  it("MEDIA-100 of a section: trimmed first, then cut", () => {
    const lines = linesOf(film.textOf(playlistTask(segmentingOf("ts", 10), { cut: single("20-40") })));
    expect(lines.filter((line) => line.startsWith("#EXTINF"))).toEqual([
      "#EXTINF:9.000,",
      "#EXTINF:9.000,",
      "#EXTINF:3.000,",
    ]);
  });

  it("MEDIA-28 rounded durations add up to the whole", () => {
    const boundsSeconds = [0, 3.0004, 6.0008, 9.0012, 12.0016, 15.002];
    const text = segmentPlaylist({
      version: 3,
      segmenting: ts,
      uris: { prefix: "", suffix: "" },
      boundsSeconds,
      encryption: undefined,
      isIndependent: true,
    });
    const durations = [...text.matchAll(/#EXTINF:(.*),/g)].map(([, seconds]) => Number(seconds));
    expect(durations.reduce((sum, seconds) => sum + seconds, 0)).toBeCloseTo(15.002, 9);
  });

  it("encrypted segments name their key, and the number is the initialisation vector", () => {
    expect(linesOf(film.textOf(playlistTask(ts, { encryption })))[4]).toBe(
      '#EXT-X-KEY:METHOD=AES-128,URI="/video.mp4/mp4hls/key"',
    );
  });

  it("fragments have an initialisation section, which is not encrypted", () => {
    const lines = linesOf(film.textOf(playlistTask(segmentingOf("fmp4", 20), { encryption })));
    expect(lines.slice(0, 10)).toEqual([
      "#EXTM3U",
      "#EXT-X-TARGETDURATION:18",
      "#EXT-X-VERSION:7",
      "#EXT-X-MEDIA-SEQUENCE:0",
      "#EXT-X-PLAYLIST-TYPE:VOD",
      "#EXT-X-INDEPENDENT-SEGMENTS",
      '#EXT-X-MAP:URI="/video.mp4/mp4hls/init.mp4"',
      '#EXT-X-KEY:METHOD=AES-128,URI="/video.mp4/mp4hls/key"',
      "#EXTINF:18.000,",
      "/video.mp4/mp4hls/0.m4s",
    ]);
  });

  it("segments of open groups are not said to be independent", () => {
    const open = buildMovie({ tracks: [pictures(250, 50, [2, 0, 0, 3, 1, 1])] });
    const text = new FilmAtHand(open.file).textOf(playlistTask(segmentingOf("fmp4", 4)));
    expect(text).not.toContain("INDEPENDENT");
  });
});

describe("master playlists", () => {
  const master = (more = {}) => playlistTask(ts, { list: "master", ...more });

  it("MEDIA-14 one variant with measured rate and size", () => {
    const lines = linesOf(film.textOf(master()));
    expect(lines).toEqual([
      "#EXTM3U",
      "#EXT-X-VERSION:3",
      expect.stringMatching(/^#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=\d+,RESOLUTION=160x120$/),
      "/video.mp4/mp4hls/playlist.m3u8",
    ]);
    expect(linesOf(film.textOf(master({ version: 1 })))[1]).toMatch(/^#EXT-X-STREAM-INF:PROGRAM-ID=1,/);
  });

  it.each(["ts", "fmp4"] as const)("MEDIA-14 BANDWIDTH is that of the segments, %s", (form) => {
    const segmenting = segmentingOf(form, 20);
    const text = film.textOf(playlistTask(segmenting, { list: "master" }));
    const bandwidth = Number(/BANDWIDTH=(\d+)/.exec(text)?.[1]);
    const segments = film.segmentsOf({ segmenting, cut: undefined, encryption: undefined });
    const peak = Math.max(...segments.map(({ length }, index) => (length * 8) / ([18, 18, 18, 11][index] ?? 1)));
    expect(bandwidth).toBeGreaterThanOrEqual(peak * 0.99);
    expect(bandwidth).toBeLessThanOrEqual(peak * 1.1);
  });

  it("MEDIA-29 MEDIA-24 sound alone has no RESOLUTION", () => {
    const music = new FilmAtHand(buildMovie({ tracks: [sound(20)] }).file);
    expect(linesOf(music.textOf(master()))[2]).toMatch(/^#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=\d+$/);
  });

  it("of fragments it says more, and names key frames", () => {
    const task = playlistTask(segmentingOf("fmp4", 20), { list: "master", iframesName: "iframes.m3u8" });
    expect(linesOf(film.textOf(task))).toEqual([
      "#EXTM3U",
      "#EXT-X-VERSION:7",
      "#EXT-X-INDEPENDENT-SEGMENTS",
      expect.stringMatching(
        /^#EXT-X-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1.64000b,mp4a.40.2",RESOLUTION=160x120,FRAME-RATE=25.000$/,
      ),
      "/video.mp4/mp4hls/playlist.m3u8",
      expect.stringMatching(
        /^#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=\d+,CODECS="avc1.64000b",RESOLUTION=160x120,URI="\/video.mp4\/mp4hls\/iframes.m3u8"$/,
      ),
    ]);
  });

  it("key frames of transport streams and of encrypted segments are not listed", () => {
    expect(film.textOf(master({ iframesName: "iframes.m3u8" }))).not.toContain("I-FRAME");
    expect(film.run(playlistTask(ts, { list: "iframes" }))).toEqual({ kind: "absent" });
    expect(film.run(playlistTask(segmentingOf("fmp4", 20), { list: "iframes", encryption }))).toEqual({
      kind: "absent",
    });
  });

  it("the peak rate is that of segments that last about the target duration together", () => {
    const rates = ratesOf([1000, 1000, 500], [0, 10, 20, 20.04]);
    expect(rates.meanBitsPerSecond).toBe(Math.ceil((2500 * 8) / 20.04));
    expect(rates.peakBitsPerSecond).toBe(rates.meanBitsPerSecond);
    expect(ratesOf([1000, 4000, 1000], [0, 10, 20, 30]).peakBitsPerSecond).toBe(3200);
  });
});

describe("subtitles beside a film", () => {
  const cue = (text: string) => ({ data: Uint8Array.from([0, text.length, ...text].map(byteOf)), duration: 2000 });
  const text = { handler: "sbtl", timescale: 1000, entries: [textEntry()], language: "eng" } as const;
  const tracks = [pictures(250, 50), sound(10), { ...text, samples: ["one", "two", "three"].map(cue) }];
  const subtitled = new FilmAtHand(buildMovie({ tracks }).file);
  const segmenting = segmentingOf("ts", 4);
  const uris = { prefix: "/v.mp4/mp4hls/", suffix: "" };

  it("a master playlist names them", () => {
    const task = playlistTask(segmenting, { list: "master", subtitlesName: "subtitles.m3u8" });
    expect(linesOf(subtitled.textOf(task)).slice(1, 4)).toEqual([
      "#EXT-X-VERSION:4",
      '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="eng",LANGUAGE="eng",DEFAULT=NO,AUTOSELECT=YES,URI="/video.mp4/mp4hls/subtitles.m3u8"',
      expect.stringMatching(/,SUBTITLES="subtitles"$/),
    ]);
    expect(film.textOf({ ...task, segmenting })).not.toContain("SUBTITLES");
  });

  it("their playlist has one file, which is on the clock of the segments", () => {
    const task = { kind: "subtitles", segmenting, cut: undefined, uris } as const;
    expect(linesOf(subtitled.textOf({ ...task, list: "playlist" }))).toEqual([
      "#EXTM3U",
      "#EXT-X-TARGETDURATION:10",
      "#EXT-X-VERSION:3",
      "#EXT-X-MEDIA-SEQUENCE:0",
      "#EXT-X-PLAYLIST-TYPE:VOD",
      "#EXTINF:10.000,",
      "/v.mp4/mp4hls/subtitles.vtt",
      "#EXT-X-ENDLIST",
    ]);
    const lines = linesOf(subtitled.textOf({ ...task, list: "webvtt" }));
    expect(lines.slice(0, 5)).toEqual([
      "WEBVTT",
      "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:126000",
      "",
      "00:00:00.000 --> 00:00:02.000",
      "one",
    ]);
    expect(film.run({ ...task, list: "webvtt" })).toEqual({ kind: "absent" });
  });
});

const byteOf = (value: number | string): number => (typeof value === "string" ? value.charCodeAt(0) : value);
