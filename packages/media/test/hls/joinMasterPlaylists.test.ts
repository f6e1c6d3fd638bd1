import { describe, expect, it } from "vitest";
import { joinMasterPlaylists } from "../../src/index.ts";
import { buildMovie } from "../support/boxes.ts";
import { textEntry } from "../support/entries.ts";
import { pictures, sound } from "../support/films.ts";
import { FilmAtHand, type PlaylistTask, playlistTask, segmentingOf } from "../support/mediaTasks.ts";

const film = new FilmAtHand(buildMovie({ tracks: [pictures(250, 75), sound(10)] }).file);
const SUBTITLES = {
  handler: "sbtl",
  timescale: 1000,
  entries: [textEntry()],
  samples: [{ data: Uint8Array.of(0, 1, 97), duration: 5_000 }],
} as const;

const subtitled = new FilmAtHand(buildMovie({ tracks: [pictures(250, 75), SUBTITLES] }).file);
const song = new FilmAtHand(buildMovie({ tracks: [sound(10)] }).file);

const masterOf = (of: FilmAtHand, path: string, form: "ts" | "fmp4" = "ts", more: Partial<PlaylistTask> = {}): string =>
  of.textOf(
    playlistTask(segmentingOf(form, 4), {
      list: "master",
      variantName: "index.m3u8",
      uris: { prefix: `${path}/mp4hls/`, suffix: "?x=1" },
      ...more,
    }),
  );

const linesOf = (text: string): string[] => text.split("\n").slice(0, -1);

describe("one master playlist of several", () => {
  it("has the variants in their order, and each line about the whole once", () => {
    const joined = joinMasterPlaylists([masterOf(film, "/a.mp4"), masterOf(song, "/b.m4a"), masterOf(film, "/c.mp4")]);
    const lines = linesOf(joined);
    expect(lines.slice(0, 2)).toEqual(["#EXTM3U", "#EXT-X-VERSION:3"]);
    expect(lines.filter((line) => !line.startsWith("#"))).toEqual([
      "/a.mp4/mp4hls/index.m3u8?x=1",
      "/b.m4a/mp4hls/index.m3u8?x=1",
      "/c.mp4/mp4hls/index.m3u8?x=1",
    ]);
    expect(lines[2]).toMatch(/^#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=\d+,RESOLUTION=\d+x\d+$/);
    expect(lines[4]).toMatch(/^#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=\d+$/);
    expect(lines).toHaveLength(8);
  });

  it("of one is that one", () => {
    for (const master of [
      masterOf(film, "/a.mp4"),
      masterOf(film, "/a.mp4", "ts", { version: 1 }),
      masterOf(film, "/a.mp4", "fmp4", { iframesName: "iframes.m3u8" }),
    ]) {
      expect(joinMasterPlaylists([master])).toBe(master);
    }
  });

  it("has the subtitles of the first that has any, and the version that these need", () => {
    const named = { subtitlesName: "subtitles.m3u8" };
    const joined = joinMasterPlaylists([
      masterOf(film, "/a.mp4", "ts", named),
      masterOf(subtitled, "/b.mp4", "ts", named),
      masterOf(subtitled, "/c.mp4", "ts", named),
    ]);
    const lines = linesOf(joined);
    expect(lines[1]).toBe("#EXT-X-VERSION:4");
    const renditions = lines.filter((line) => line.startsWith("#EXT-X-MEDIA:"));
    expect(renditions).toHaveLength(1);
    expect(renditions[0]).toContain('URI="/b.mp4/mp4hls/subtitles.m3u8?x=1"');
  });

  it("names the key frames of each behind the variants", () => {
    const named = { iframesName: "iframes.m3u8" };
    const lines = linesOf(
      joinMasterPlaylists([masterOf(film, "/a.mp4", "fmp4", named), masterOf(film, "/b.mp4", "fmp4", named)]),
    );
    expect(lines.map((line) => line.split(":")[0])).toEqual([
      "#EXTM3U",
      "#EXT-X-VERSION",
      "#EXT-X-INDEPENDENT-SEGMENTS",
      "#EXT-X-STREAM-INF",
      "/a.mp4/mp4hls/index.m3u8?x=1",
      "#EXT-X-STREAM-INF",
      "/b.mp4/mp4hls/index.m3u8?x=1",
      "#EXT-X-I-FRAME-STREAM-INF",
      "#EXT-X-I-FRAME-STREAM-INF",
    ]);
  });
});
