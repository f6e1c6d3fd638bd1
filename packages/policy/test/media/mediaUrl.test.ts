import type { MediaSettings } from "@basalt/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileMediaUrl } from "../../src/media/mediaUrl.ts";
import { DEFAULT_MEDIA } from "../settings.ts";

const { mp4Hls, mp3Hls, dash } = DEFAULT_MEDIA;

const settings = (keywords: { mp4Hls?: string; mp3Hls?: string; dash?: string } = {}): MediaSettings => ({
  ...DEFAULT_MEDIA,
  mp4Hls: { ...mp4Hls, status: "Active", keyword: keywords.mp4Hls ?? "mp4hls" },
  mp3Hls: { ...mp3Hls, status: "Active", keyword: keywords.mp3Hls ?? "mp3hls" },
  dash: { ...dash, status: "Active", keyword: keywords.dash ?? "dash" },
});

const read = (sent: string, media = settings(), caseSensitive = true) => compileMediaUrl(media, caseSensitive)(sent);

const stream = (fileName: string, service = "mp4Hls", keyword = "mp4hls") => ({ service, keyword, fileName });

describe("URLs of media files", () => {
  it("MEDIA-102 of one keyword behind the other take no longer than others", () => {
    const keywords = "/mp4hls/x.mp5".repeat(100_000);
    expect(read(`/a.mp4x${keywords}/b.mp4/mp4hls/0.ts`)?.path).toBe(`/a.mp4x${keywords}/b.mp4`);
    expect(read(`/a.mp4x${keywords}?b.mp4/`)).toBeUndefined();
    expect(read(`/a.mp5?b.mp4/${keywords}`)).toBeUndefined();
  });

  it.each([
    ["/video.mp4", "mp4", "/video.mp4", [], undefined],
    ["/VIDEO.MP4", "mp4", "/VIDEO.MP4", [], undefined],
    ["/a/b.m4a?x=1", "m4a", "/a/b.m4a", ["x=1"], undefined],
    ["/music.mp3", "mp3", "/music.mp3", [], undefined],
    ["/video.mp4?", "mp4", "/video.mp4", [], undefined],
    ["/video.mp4/mp4hls/index.m3u8", "mp4", "/video.mp4", [], stream("index.m3u8")],
    ["/video.mp4/mp4hls/0.ts", "mp4", "/video.mp4", [], stream("0.ts")],
    ["/sound.m4a/mp4hls/0.ts", "m4a", "/sound.m4a", [], stream("0.ts")],
    ["/music.mp3/mp3hls/index.m3u8", "mp3", "/music.mp3", [], stream("index.m3u8", "mp3Hls", "mp3hls")],
    ["/video.mp4/dash/manifest.mpd", "mp4", "/video.mp4", [], stream("manifest.mpd", "dash", "dash")],
    ["/video.mp4/mp4hls/", "mp4", "/video.mp4", [], stream("")],
    ["/video.mp4/mp4hls/a/b", "mp4", "/video.mp4", [], stream("a/b")],
    ["/mp4hls/video.mp4/mp4hls/0.ts", "mp4", "/mp4hls/video.mp4", [], stream("0.ts")],
    ["/x/mp4hls/video.mp4/mp4hls/0.ts", "mp4", "/x/mp4hls/video.mp4", [], stream("0.ts")],
    ["/x/mp4hls/video.mp4", "mp4", "/x/mp4hls/video.mp4", [], undefined],
    ["/a.mp4/mp4hls/b.mp4/mp4hls/0.ts", "mp4", "/a.mp4", [], stream("b.mp4/mp4hls/0.ts")],
    ["/a%20b%3F.mp4/mp4hls/0.ts", "mp4", "/a%20b%3F.mp4", [], stream("0.ts")],
    ["/a.mp4/mp4hls/dash/x", "mp4", "/a.mp4", [], stream("dash/x")],
    ["/a.mp4/dash/mp4hls/x", "mp4", "/a.mp4", [], stream("mp4hls/x", "dash", "dash")],
  ])("MEDIA-20 to MEDIA-24 MEDIA-50 MEDIA-102 reads %s", (sent, extension, path, parameters, call) => {
    expect(read(sent)).toEqual({ extension, path, parameters, stream: call });
  });

  it.each([
    ["/video.mp4?start=0&end=60/mp4hls/index.m3u8", ["start=0", "end=60"]],
    ["/video.mp4/mp4hls/index.m3u8?start=0&end=60", ["start=0", "end=60"]],
    ["/video.mp4?start=0/mp4hls/index.m3u8?end=60", ["start=0", "end=60"]],
    ["/video.mp4?start=0&tag=1/mp4hls/index.m3u8?end=60&start=5", ["tag=1", "end=60", "start=5"]],
    ["/video.mp4?a=1&a=2/mp4hls/index.m3u8?b=1&b=2", ["a=1", "a=2", "b=1", "b=2"]],
    ["/video.mp4?/mp4hls/index.m3u8?", []],
    ["/video.mp4?a=1/mp4hls/index.m3u8", ["a=1"]],
    ["/video.mp4?a=1?b=2/mp4hls/index.m3u8?c=3?d=4", ["a=1?b=2", "c=3?d=4"]],
  ])("MEDIA-101 MEDIA-102 unites both query strings of %s, the later of a key", (sent, parameters) => {
    expect(read(sent)).toEqual({ extension: "mp4", path: "/video.mp4", parameters, stream: stream("index.m3u8") });
  });

  it.each([
    "/",
    "*",
    "/a.jpg",
    "/a.mp4x",
    "/mp4",
    "/a.mp4/",
    "/a.mp4/b",
    "/a?file=b.mp4",
    "/a.mp4hls/index.m3u8",
    "/a.avi/mp4hls/index.m3u8",
    "/a.mp3/mp4hls/index.m3u8",
    "/a.mp4/mp3hls/index.m3u8",
    "/a.mp3/dash/manifest.mpd",
    "/a.mp4/MP4HLS/index.m3u8",
    "/a.mp4/mp4hls",
    "/mp4hls/index.m3u8",
  ])("leaves %s alone", (sent) => {
    expect(read(sent)).toBeUndefined();
  });

  it("KEY-04 finds the keyword whatever its case where that does not count", () => {
    expect(read("/A.MP4/MP4HLS/Index.m3u8", settings(), false)?.stream).toEqual(stream("Index.m3u8"));
    const media = settings({ mp4Hls: "MP4hls" });
    expect(read("/a.mp4/mp4hls/0.ts", media, false)?.stream).toEqual(stream("0.ts", "mp4Hls", "MP4hls"));
    expect(read("/a.mp4/mp4hls/0.ts", media)).toBeUndefined();
  });

  it("MEDIA-52 keeps MP4 HLS working where MP3 HLS has the same keyword", () => {
    const media = settings({ mp4Hls: "hls", mp3Hls: "hls", dash: "hls" });
    expect(read("/a.mp4/hls/index.m3u8", media)?.stream).toEqual(stream("index.m3u8", "mp4Hls", "hls"));
    expect(read("/a.mp3/hls/index.m3u8", media)?.stream).toEqual(stream("index.m3u8", "none", "hls"));
    const off: MediaSettings = { ...media, mp4Hls: { ...media.mp4Hls, status: "Inactive" } };
    expect(read("/a.mp3/hls/index.m3u8", off)?.stream?.service).toBe("mp3Hls");
    expect(read("/a.mp4/hls/manifest.mpd", off)?.stream?.service).toBe("dash");
  });

  it("MEDIA-10 knows no keyword of what is Inactive", () => {
    expect(read("/a.mp4/mp4hls/index.m3u8", DEFAULT_MEDIA)).toBeUndefined();
  });

  it("ends on any target, with a path that has the extension", () => {
    const piece = fc.constantFrom(
      "/",
      ".mp4",
      ".m4a",
      ".mp3",
      "mp4hls",
      "dash",
      "mp3hls",
      "?",
      "&",
      "a",
      "=",
      "%2C",
      "//",
    );
    const compiled = compileMediaUrl(settings(), true);
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const sent = `/${pieces.join("")}`;
        const url = compiled(sent);
        if (url === undefined) return;
        expect(sent.startsWith(url.path)).toBe(true);
        expect(url.path.endsWith(`.${url.extension}`)).toBe(true);
        expect(url.path).not.toContain("?");
      }),
    );
  });
});
