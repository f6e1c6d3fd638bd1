import { createHmac } from "node:crypto";
import type { HlsEncryptionSettings, MediaSettings, OriginOptions, VhostOptions } from "@basalt/config";
import { METHOD } from "@basalt/http";
import type { MediaTask } from "@basalt/media";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compileDerivations,
  compileKeyRules,
  compileStoredUrls,
  type Derivation,
  type DerivationRules,
} from "../../src/index.ts";
import { DEFAULT_MEDIA, DEFAULT_OPTIONS, queryLines, type VhostChanges, vhostWith } from "../settings.ts";

const { mp4Hls, mp3Hls, dash, mp4Trimming, m4aTrimming, mp3Trimming } = DEFAULT_MEDIA;

/** All functions of the guide. */
const ALL: MediaSettings = {
  ...DEFAULT_MEDIA,
  mp4Hls: { ...mp4Hls, status: "Active" },
  mp3Hls: { ...mp3Hls, status: "Active" },
  upfrontMp4Header: true,
  upfrontM4aHeader: true,
  mp4Trimming: { ...mp4Trimming, enabled: true },
  m4aTrimming: { ...m4aTrimming, enabled: true },
  mp3Trimming: { ...mp3Trimming, enabled: true },
};

interface Settings extends Pick<VhostChanges, "conditions"> {
  readonly media?: Partial<MediaSettings>;
  readonly options?: Partial<VhostOptions>;
  readonly originOptions?: Partial<OriginOptions>;
}

const vhostOf = ({ media, ...rest }: Settings = {}) => vhostWith({ ...rest, media: { ...ALL, ...media } });

const rulesOf = (settings: Settings = {}): DerivationRules => {
  const rules = compileDerivations(vhostOf(settings));
  if (rules === undefined) throw new Error("the functions are off");
  return rules;
};

const ask = (target: string, settings: Settings = {}): Derivation | undefined =>
  rulesOf(settings).of({ target, get: () => undefined });

const asked = (target: string, settings: Settings = {}): Derivation => {
  const derivation = ask(target, settings);
  if (derivation === undefined) throw new Error(`${target} is an ordinary URL`);
  return derivation;
};

const taskOf = (target: string, settings: Settings = {}): MediaTask | undefined => asked(target, settings).media?.task;

const planOf = (target: string, status = 200, settings: Settings = {}) =>
  rulesOf(settings).plan(asked(target, settings), { status, fields: [], sizeBytes: 5e9 });

const TS = { form: "ts", durationSeconds: 10, sequence: 0 } as const;

const cut = (startSeconds?: number, endSeconds?: number) => ({
  sections: [{ startSeconds, endSeconds }],
  allTracks: false,
  maxRatioPercent: undefined,
});

const CUT = { "0-60": cut(0, 60) };

describe("a host without media functions", () => {
  it("MEDIA-10 MEDIA-60 MEDIA-70 costs nothing", () => {
    expect(compileDerivations(vhostWith())).toBeUndefined();
  });

  it("has ordinary URLs for what is off", () => {
    const only: Settings = { media: { ...DEFAULT_MEDIA, upfrontM4aHeader: true } };
    for (const url of ["/a.mp4", "/a.mp4?start=1", "/a.mp3?start=1", "/a.mp4/mp4hls/index.m3u8", "/a.m4a/dash/x"]) {
      expect(ask(url, only)).toBeUndefined();
    }
    expect(taskOf("/a.m4a", only)).toEqual({ kind: "relocate" });
  });
});

describe("header relocation by URL", () => {
  it.each([
    ["/video.mp4", "mp4"],
    ["/sound.M4A?x=1", "mp4"],
  ])("MEDIA-60 MEDIA-61 moves the header of %s, which keeps its URL", (url, format) => {
    expect(asked(url)).toMatchObject({
      kind: "media",
      url,
      sourceTarget: url,
      commands: "",
      media: { format, task: { kind: "relocate" }, otherwise: "source", originTarget: undefined },
    });
    expect(planOf(url)).toEqual({
      kind: "operation",
      operation: { kind: "media", format, task: { kind: "relocate" } },
      maxSourceBytes: Number.MAX_SAFE_INTEGER,
    });
  });

  it("MEDIA-53 MP3 files, which are read as a whole, are made something of up to 1 GB", () => {
    expect(planOf("/a.mp3?start=1")).toMatchObject({ kind: "operation", maxSourceBytes: 2 ** 30 });
  });

  it("leaves other files, and what is no file, alone", () => {
    for (const url of ["/a.mp3", "/a.mov", "/", "/a.mp4/", "*"]) expect(ask(url)).toBeUndefined();
  });

  it("leaves requests that write alone", () => {
    const of = (methodCode: (typeof METHOD)[keyof typeof METHOD]) =>
      rulesOf().of({ target: "/a.mp4?start=1", get: () => undefined, methodCode });
    expect(of(METHOD.POST)).toBeUndefined();
    expect(of(METHOD.PUT)).toBeUndefined();
    expect(of(METHOD.HEAD)?.media?.task.kind).toBe("trim");
  });

  it("MEDIA-64 passes on what the origin says where there is no file", () => {
    expect(planOf("/video.mp4", 404)).toEqual({ kind: "unchanged" });
    expect(planOf("/video.mp4?end=9", 302)).toEqual({ kind: "unchanged" });
  });
});

describe("trimming by URL", () => {
  it.each([
    ["/video.mp4?end=60", cut(undefined, 60)],
    ["/video.mp4?start=120", cut(120)],
    ["/video.mp4?start=3&end=13", cut(3, 13)],
    ["/video.m4a?start=120&end=420", cut(120, 420)],
    ["/music.mp3?end=30", cut(undefined, 30)],
  ])("MEDIA-70 MEDIA-74 cuts %s", (url, wanted) => {
    const derivation = asked(url);
    expect(derivation.media).toMatchObject({ task: { kind: "trim", cut: wanted }, otherwise: "source" });
    expect(derivation).toMatchObject({ url, sourceTarget: url.split("?")[0] });
    expect(planOf(url).kind).toBe("operation");
  });

  it.each([
    ["/video.mp4?start=30&end=100", "/video.mp4", "/video.mp4?start=30&end=100"],
    [
      "/video.mp4?tag=3277&start=30&end=100&date=20130726",
      "/video.mp4?tag=3277&date=20130726",
      "/video.mp4?tag=3277&date=20130726&start=30&end=100",
    ],
    ["/video.mp4?end=100&tag=1&start=030.0", "/video.mp4?tag=1", "/video.mp4?tag=1&start=30&end=100"],
    ["/video.mp4?trimming=0-30%2C5-9&tag=1", "/video.mp4?tag=1", "/video.mp4?tag=1&trimming=0-30,5-9"],
  ])("MEDIA-79 makes the key and the origin URI of %s without the section", (target, source, url) => {
    const derivation = asked(target);
    expect(derivation).toMatchObject({ sourceTarget: source, url });
    const keyRules = compileKeyRules(vhostOf());
    expect(keyRules.originTarget(derivation.sourceTarget, keyRules.canonicalUrl(derivation.sourceTarget))).toBe(source);
  });

  it("MEDIA-79 counts the rest of the query string by the rules of the host", () => {
    const off = { options: { applyQueryString: false } };
    expect(asked("/video.mp4?tag=1&start=3", off)).toMatchObject({
      url: "/video.mp4?start=3",
      sourceTarget: "/video.mp4?tag=1",
    });
    const excepted = { conditions: { querystring: queryLines("/video.mp4") } };
    expect(asked("/video.mp4?tag=1&start=3", excepted).url).toBe("/video.mp4?start=3");
  });

  it("MEDIA-79 asks the origin for the client's URL with WholeClientRequest", () => {
    const whole = { originOptions: { wholeClientRequest: true } };
    const target = "/video.mp4?tag=1&start=30&end=100";
    expect(asked(target, whole)).toMatchObject({ sourceTarget: "/video.mp4?tag=1", media: { originTarget: target } });
    expect(asked("/video.mp4?start=1/mp4hls/index.m3u8?end=60", whole).media?.originTarget).toBe(
      "/video.mp4?start=1&end=60",
    );
  });

  it("MEDIA-80 has ordinary parameters where trimming is OFF for the extension", () => {
    const off = { media: { mp4Trimming, upfrontMp4Header: false } };
    expect(ask("/video.mp4?start=1", off)).toBeUndefined();
    expect(asked("/video.mp4/mp4hls/0.ts?start=1", off)).toMatchObject({
      sourceTarget: "/video.mp4?start=1",
      media: { task: { cut: undefined } },
    });
    expect(taskOf("/sound.m4a?start=1", off)?.kind).toBe("trim");
  });

  it.each(["start=50&end=10", "start=x", "start=7&end=7", "trimming="])(
    "MEDIA-75 delivers the whole file for ?%s",
    (query) => {
      const asIs = { media: { upfrontMp4Header: false } };
      expect(asked(`/video.mp4?${query}`, asIs)).toMatchObject({ url: "/video.mp4", sourceTarget: "/video.mp4" });
      expect(planOf(`/video.mp4?${query}`, 200, asIs)).toEqual({ kind: "unchanged" });
      expect(taskOf(`/video.mp4?${query}`)).toEqual({ kind: "relocate" });
      expect(taskOf(`/video.mp4/mp4hls/0.ts?${query}`)).toMatchObject({ cut: undefined });
    },
  );

  it("MEDIA-90 MEDIA-93 MEDIA-94 cuts several sections, with the bound of the settings", () => {
    const media = { mp4Trimming: { ...mp4Trimming, enabled: true, allTracks: true, maxRatioPercent: 100 } };
    expect(taskOf("/video.mp4?start=9&trimming=0-30,210-270", { media })).toEqual({
      kind: "trim",
      cut: {
        sections: [
          { startSeconds: 0, endSeconds: 30 },
          { startSeconds: 210, endSeconds: 270 },
        ],
        allTracks: true,
        maxRatioPercent: 100,
      },
    });
    expect(ask("/music.mp3?trimming=0-30")).toBeUndefined();
  });
});

describe("HLS by URL", () => {
  it("MEDIA-20 to MEDIA-23 MEDIA-26 names playlist and segments, made of the source", () => {
    expect(asked("/video.mp4/mp4hls/index.m3u8")).toMatchObject({
      url: "/video.mp4/mp4hls/index.m3u8",
      sourceTarget: "/video.mp4",
      commands: "index.m3u8",
      media: {
        format: "mp4",
        otherwise: "absent",
        task: {
          kind: "playlist",
          list: "segments",
          version: 3,
          segmenting: TS,
          cut: undefined,
          uris: { prefix: "/video.mp4/mp4hls/", suffix: "" },
          variantName: "playlist.m3u8",
          iframesName: undefined,
          subtitlesName: undefined,
          encryption: undefined,
        },
      },
    });
    expect(taskOf("/video.mp4/mp4hls/99.ts")).toEqual({
      kind: "segment",
      number: 99,
      segmenting: TS,
      cut: undefined,
      encryption: undefined,
    });
  });

  it("MEDIA-12 to MEDIA-17 follows the settings", () => {
    const media: Settings["media"] = {
      mp4Hls: {
        ...mp4Hls,
        status: "Active",
        keyword: "12AB",
        indexName: "list.m3u8",
        version: 1,
        alternates: true,
        alternatesName: "parts.m3u8",
        sequence: 5,
        durationSeconds: 20,
      },
    };
    const segmenting = { form: "ts", durationSeconds: 20, sequence: 5 };
    expect(taskOf("/a.mp4/12AB/list.m3u8", { media })).toMatchObject({
      list: "master",
      version: 1,
      segmenting,
      variantName: "parts.m3u8",
      uris: { prefix: "/a.mp4/12AB/" },
    });
    expect(taskOf("/a.mp4/12AB/parts.m3u8", { media })).toMatchObject({ list: "segments", segmenting });
    expect(taskOf("/a.mp4/12AB/5.ts", { media })).toMatchObject({ kind: "segment", number: 5, segmenting });
    expect(asked("/a.mp4/12AB/index.m3u8", { media }).media).toBeUndefined();
  });

  it("MEDIA-24 serves .m4a with the settings of MP4 HLS, and its own of trimming", () => {
    const media = { m4aTrimming: { ...m4aTrimming, enabled: true, startParam: "from" } };
    expect(asked("/a.m4a/mp4hls/0.ts?from=3", { media })).toMatchObject({
      sourceTarget: "/a.m4a",
      media: { format: "mp4", task: { segmenting: TS, cut: cut(3) } },
    });
  });

  it.each([
    "playlist.m3u8",
    "Index.m3u8",
    "00.ts",
    "-1.ts",
    "1.TS",
    "1.mp3",
    "1.m4s",
    "init.mp4",
    "video-0.m4s",
    "iframes.m3u8",
    "subtitles.vtt",
    "key",
    "9999999999999999.ts",
    "x",
    "",
    "a/0.ts",
  ])("MEDIA-15 MEDIA-23 answers 404 for the name %j", (name) => {
    const derivation = asked(`/video.mp4/mp4hls/${name}`);
    expect(derivation).toMatchObject({ kind: "media", sourceTarget: "/video.mp4", commands: name });
    expect(derivation.media).toBeUndefined();
    expect(planOf(`/video.mp4/mp4hls/${name}`)).toMatchObject({ kind: "failure", status: 404 });
  });

  it.each([
    [404, 404],
    [403, 403],
    [503, 503],
    [302, 404],
    [204, 404],
  ])("answers for a source of status %i with %i", (status, answered) => {
    expect(planOf("/video.mp4/mp4hls/0.ts", status)).toMatchObject({ kind: "failure", status: answered });
  });

  it("REG-244 MEDIA-25 encodes in playlists what URIs cannot hold, and leaves the rest as it is", () => {
    const prefixOf = (target: string) => {
      const task = taskOf(target);
      return task !== undefined && "uris" in task ? task.uris.prefix : "";
    };
    expect(prefixOf("/a%20b/%E3%81%82+(1)'.mp4/mp4hls/index.m3u8")).toBe("/a%20b/%E3%81%82+(1)'.mp4/mp4hls/");
    expect(prefixOf('/a"b{c}|d\\e^f`<g>.mp4/mp4hls/index.m3u8')).toBe(
      "/a%22b%7Bc%7D%7Cd%5Ce%5Ef%60%3Cg%3E.mp4/mp4hls/",
    );
    expect(prefixOf("//evil.example.com/a.mp4/mp4hls/index.m3u8")).toBe("/.//evil.example.com/a.mp4/mp4hls/");
    expect(prefixOf("http://www.example.com/a.mp4/mp4hls/index.m3u8")).toBe("/a.mp4/mp4hls/");
    expect(prefixOf('/a.mp4/mp4hls/index.m3u8?next=/b/mp4hls/c&q="')).toBe("/a.mp4?next=/b%2Fmp4hls/c&q=%22/mp4hls/");
  });

  it("MEDIA-50 MEDIA-51 serves .mp3, as MPEG-TS or in pieces", () => {
    expect(asked("/music.mp3/mp3hls/index.m3u8").media).toMatchObject({
      format: "mp3",
      task: { list: "segments", segmenting: TS, uris: { prefix: "/music.mp3/mp3hls/" } },
    });
    expect(taskOf("/music.mp3/mp3hls/3.ts")).toMatchObject({ kind: "segment", number: 3 });
    expect(asked("/music.mp3/mp3hls/3.mp3").media).toBeUndefined();
    const pieces = { media: { mp3Hls: { ...mp3Hls, status: "Active", segmentType: "MP3" } } } as const;
    expect(taskOf("/music.mp3/mp3hls/3.mp3", pieces)).toMatchObject({ number: 3, segmenting: { form: "mp3" } });
    expect(asked("/music.mp3/mp3hls/3.ts", pieces).media).toBeUndefined();
  });

  it("MEDIA-52 A8 of spec 18: with one keyword MP4 HLS works and MP3 HLS answers 404", () => {
    const media = {
      mp4Hls: { ...mp4Hls, status: "Active", keyword: "hls" },
      mp3Hls: { ...mp3Hls, status: "Active", keyword: "hls" },
    } as const;
    expect(taskOf("/a.mp4/hls/index.m3u8", { media })).toMatchObject({ kind: "playlist" });
    expect(planOf("/a.mp3/hls/index.m3u8", 200, { media })).toMatchObject({ kind: "failure", status: 404 });
  });

  it("KEY-04 has one URL for all cases where case does not count", () => {
    const options = { caseSensitive: false };
    const derivation = asked("/Video.MP4?START=3/MP4HLS/Index.M3U8", { options });
    expect(derivation).toMatchObject({
      url: "/video.mp4?start=3/mp4hls/index.m3u8",
      media: { task: { uris: { prefix: "/video.mp4?start=3/mp4hls/" } } },
    });
  });
});

describe("HLS of sections by URL", () => {
  const FORMS = [
    "/video.mp4?start=0&end=60/mp4hls/index.m3u8",
    "/video.mp4/mp4hls/index.m3u8?start=0&end=60",
    "/video.mp4?start=0/mp4hls/index.m3u8?end=60",
  ];

  it.each(FORMS)("MEDIA-100 to MEDIA-103 A4 of spec 18: %s is one of three forms of the same", (target) => {
    expect(asked(target)).toEqual(asked(FORMS[0] ?? ""));
    expect(asked(target)).toMatchObject({
      url: "/video.mp4?start=0&end=60/mp4hls/index.m3u8",
      sourceTarget: "/video.mp4",
      media: { task: { cut: CUT["0-60"], uris: { prefix: "/video.mp4?start=0&end=60/mp4hls/", suffix: "" } } },
    });
  });

  it("MEDIA-103 carries the rest of the query string, in front of the section", () => {
    const target = "/video.mp4?tag=1&start=0/mp4hls/index.m3u8?end=60&date=2";
    expect(asked(target)).toMatchObject({
      url: "/video.mp4?tag=1&date=2&start=0&end=60/mp4hls/index.m3u8",
      sourceTarget: "/video.mp4?tag=1&date=2",
      media: { task: { uris: { prefix: "/video.mp4?tag=1&date=2&start=0&end=60/mp4hls/" } } },
    });
  });

  it("keeps playlists apart that hand on other query strings, also where these are no part of the key", () => {
    const options = { applyQueryString: false };
    const [one, other] = ["a", "b"].map((id) => asked(`/video.mp4/mp4hls/index.m3u8?user=${id}`, { options }));
    expect(one?.url).toBe(other?.url);
    expect(one?.selector).not.toBe(other?.selector);
    const [first, second] = ["a", "b"].map((id) => asked(`/video.mp4/mp4hls/0.ts?user=${id}`, { options }));
    expect(first?.selector).toBe(second?.selector);
  });

  it("hands the parameter of a signed URL on, at the end where it is looked for", () => {
    const signed = (signedParameter: string, target = "/video.mp4/mp4hls/index.m3u8?end=60&tag=1") =>
      rulesOf().of({ target, get: () => undefined, signedParameter });
    const one = signed("token=1.a.sig");
    expect(one?.media?.task).toMatchObject({
      uris: { prefix: "/video.mp4/mp4hls/", suffix: "?tag=1&end=60&token=1.a.sig" },
    });
    expect(one?.url).toBe(signed("")?.url);
    expect(new Set([one, signed("token=2.a.sig"), signed("")].map((each) => each?.selector)).size).toBe(3);
    expect(signed("token=1.a.sig", "/video.mp4/mp4hls/index.m3u8")?.media?.task).toMatchObject({
      uris: { prefix: "/video.mp4/mp4hls/", suffix: "?token=1.a.sig" },
    });
    const segment = "/video.mp4/mp4hls/0.ts?end=60&tag=1";
    expect(signed("token=1.a.sig", segment)).toEqual(signed("token=2.a.sig", segment));
  });

  it.each([
    "/video.mp4?trimming=0-30,210-270/mp4hls/0.ts",
    "/video.mp4/mp4hls/0.ts?trimming=0-30,210-270",
    "/video.mp4?start=5/mp4hls/0.ts?trimming=0-30%2C210-270",
  ])("MEDIA-104 takes several sections in the same forms: %s", (target) => {
    expect(asked(target)).toMatchObject({
      url: "/video.mp4?trimming=0-30,210-270/mp4hls/0.ts",
      media: { task: { kind: "segment", cut: { maxRatioPercent: 50 } } },
    });
  });

  it("MEDIA-103 gives playlists URIs that ask for segments of the same", () => {
    const index = asked("/video.mp4?tag=1/mp4hls/index.m3u8?end=60&start=2.50");
    const task = index.media?.task;
    if (task?.kind !== "playlist") throw new Error("no playlist");
    expect(asked(`${task.uris.prefix}7.ts`)).toMatchObject({
      sourceTarget: index.sourceTarget,
      media: { task: { kind: "segment", number: 7, cut: task.cut, segmenting: task.segmenting } },
    });
  });
});

describe("what is not in the guide", () => {
  const extras: Settings["media"] = {
    mp4Hls: { ...mp4Hls, status: "Active", form: "FMP4", iframes: true, subtitles: true, alternates: true },
    dash: { ...dash, status: "Active" },
  };

  it("names fragments, their initialisation, key frames and subtitles", () => {
    const form = "fmp4";
    const at = (name: string) => taskOf(`/a.mp4/mp4hls/${name}`, { media: extras });
    expect(at("index.m3u8")).toMatchObject({
      list: "master",
      segmenting: { form },
      iframesName: "iframes.m3u8",
      subtitlesName: "subtitles.m3u8",
    });
    expect(at("iframes.m3u8")).toMatchObject({ kind: "playlist", list: "iframes" });
    expect(at("init.mp4")).toMatchObject({ kind: "init", segmenting: { form } });
    expect(at("4.m4s")).toMatchObject({ kind: "segment", number: 4, segmenting: { form } });
    expect(at("4.ts")).toBeUndefined();
    expect(at("subtitles.m3u8")).toMatchObject({ kind: "subtitles", list: "playlist" });
    expect(at("subtitles.vtt")).toMatchObject({ kind: "subtitles", list: "webvtt" });
  });

  it("lets configured names go before those that were chosen here", () => {
    const media = { mp4Hls: { ...mp4Hls, status: "Active", iframes: true, indexName: "iframes.m3u8" } } as const;
    expect(taskOf("/a.mp4/mp4hls/iframes.m3u8", { media })).toMatchObject({ list: "segments" });
  });

  it("names the DASH manifest and segments of one track each", () => {
    const at = (name: string) => taskOf(`/a.mp4?end=9/dash/${name}`, { media: extras });
    expect(at("manifest.mpd")).toMatchObject({
      kind: "manifest",
      segmenting: { form: "fmp4", durationSeconds: 10 },
      cut: cut(undefined, 9),
      uris: { prefix: "/a.mp4?end=9/dash/" },
    });
    expect(at("video-init.mp4")).toMatchObject({ kind: "init", segmenting: { tracks: "video" } });
    expect(at("audio-3.m4s")).toMatchObject({ kind: "segment", number: 3, segmenting: { tracks: "audio" } });
    expect(at("3.m4s")).toBeUndefined();
    expect(at("init.mp4")).toBeUndefined();
  });

  const encrypted = (encryption: Partial<HlsEncryptionSettings>, rest: Settings = {}): Settings => ({
    ...rest,
    media: {
      mp4Hls: { ...mp4Hls, status: "Active", encryption: { ...mp4Hls.encryption, status: "Active", ...encryption } },
    },
  });

  it("encrypts each film under a key of its own, the same for all its sections", () => {
    const secret = "a secret of sixteen";
    const settings = encrypted({ secret, servesKey: true });
    const keyOf = (url: string) => {
      const task = taskOf(url, settings);
      return task?.kind === "segment" ? Buffer.from(task.encryption?.key ?? []).toString("hex") : "";
    };
    const wanted = createHmac("sha256", secret).update("/a.mp4").digest("hex").slice(0, 32);
    expect(keyOf("/a.mp4/mp4hls/0.ts")).toBe(wanted);
    expect(keyOf("/a.mp4?start=9/mp4hls/5.ts")).toBe(wanted);
    expect(keyOf("/b.mp4/mp4hls/0.ts")).not.toBe(wanted);
    expect(taskOf("/a.mp4/mp4hls/key", settings)).toEqual({
      kind: "key",
      key: new Uint8Array(Buffer.from(wanted, "hex")),
    });
    expect(taskOf("/a.mp4/mp4hls/index.m3u8", settings)).toMatchObject({
      encryption: { keyUri: "/a.mp4/mp4hls/key" },
    });
    expect(taskOf("/music.mp3/mp3hls/0.ts", settings)).toMatchObject({ encryption: undefined });
  });

  it("names the key elsewhere, and does not serve it then unless it is to", () => {
    const key = "00112233445566778899aabbccddeeff";
    const settings = encrypted({ key, keyUri: "https://keys.example.com/?film=#URL" });
    expect(taskOf("/a b.mp4?v=$1/mp4hls/index.m3u8".replace(" ", "%20"), settings)).toMatchObject({
      encryption: {
        key: new Uint8Array(Buffer.from(key, "hex")),
        keyUri: "https://keys.example.com/?film=%2Fa%2520b.mp4%3Fv%3D%241",
      },
    });
    expect(asked("/a.mp4/mp4hls/key", settings).media).toBeUndefined();
  });

  it("keeps what was made under other settings or keys apart", () => {
    const settings: readonly Settings[] = [
      {},
      { media: { mp4Hls: { ...mp4Hls, status: "Active", durationSeconds: 9 } } },
      { media: { mp4Hls: { ...mp4Hls, status: "Active", version: 1 } } },
      { media: { mp4Trimming: { ...mp4Trimming, enabled: true, allTracks: true } } },
      encrypted({ secret: "a secret of sixteen", servesKey: true }),
      encrypted({ secret: "another of sixteen!", servesKey: true }),
    ];
    const selectors = settings.map((each) => asked("/a.mp4?start=1/mp4hls/0.ts", each).selector);
    expect(new Set(selectors).size).toBe(selectors.length);
    for (const selector of selectors) expect(selector).toMatch(/^\S+$/);
  });
});

describe("several films in one master playlist", () => {
  const on = (more: Partial<MediaSettings["mp4Hls"]> = {}, rest: Settings = {}): Settings => ({
    ...rest,
    media: { mp4Hls: { ...mp4Hls, status: "Active", variants: true, ...more } },
  });
  const variantsOf = (target: string, settings = on()) => asked(target, settings).variants ?? [];
  const targetsOf = (target: string, settings = on()) =>
    variantsOf(target, settings).map(({ derivation, playlistTarget }) => [derivation.sourceTarget, playlistTarget]);

  it("is an ordinary URL of one file while it is off", () => {
    const list = "/dir/a.mp4,b.mp4/mp4hls/index.m3u8";
    expect(asked(list).variants).toBeUndefined();
    expect(asked(list).sourceTarget).toBe("/dir/a.mp4,b.mp4");
  });

  it("names each file with its ordinary playlist, in the order of the URL", () => {
    const derivation = asked("/dir/a.mp4,b.mp4,low/c.m4a/mp4hls/index.m3u8", on());
    expect(derivation).toMatchObject({
      kind: "media",
      url: "/dir/a.mp4,b.mp4,low/c.m4a/mp4hls/index.m3u8",
      sourceTarget: "/dir/a.mp4",
    });
    expect(derivation.media).toBeUndefined();
    expect(targetsOf("/dir/a.mp4,b.mp4,low/c.m4a/mp4hls/index.m3u8")).toEqual([
      ["/dir/a.mp4", "/dir/a.mp4/mp4hls/index.m3u8"],
      ["/dir/b.mp4", "/dir/b.mp4/mp4hls/index.m3u8"],
      ["/dir/low/c.m4a", "/dir/low/c.m4a/mp4hls/index.m3u8"],
    ]);
  });

  it("makes a master playlist of each, kept apart from what its URL gives alone", () => {
    const [variant] = variantsOf("/a.mp4,b.mp4/mp4hls/index.m3u8");
    expect(variant?.derivation.media).toMatchObject({
      format: "mp4",
      otherwise: "absent",
      task: { kind: "playlist", list: "master", variantName: "index.m3u8", uris: { prefix: "/a.mp4/mp4hls/" } },
    });
    const alone = asked("/a.mp4/mp4hls/index.m3u8", on());
    expect(variant?.derivation.url).toBe(alone.url);
    expect(variant?.derivation.selector).not.toBe(alone.selector);
  });

  it("names <AlternatesName> where the playlist of one file is a master playlist", () => {
    const settings = on({ alternates: true, alternatesName: "parts.m3u8" });
    expect(targetsOf("/a.mp4,b.mp4/mp4hls/index.m3u8", settings).map(([, playlist]) => playlist)).toEqual([
      "/a.mp4/mp4hls/parts.m3u8",
      "/b.mp4/mp4hls/parts.m3u8",
    ]);
  });

  it("MEDIA-103 hands sections and the rest of the query string on to each", () => {
    const wanted = [
      ["/a.mp4?v=1", "/a.mp4?v=1&start=5&end=9/mp4hls/index.m3u8"],
      ["/b.mp4?v=1", "/b.mp4?v=1&start=5&end=9/mp4hls/index.m3u8"],
    ];
    expect(targetsOf("/a.mp4,b.mp4?v=1&start=5/mp4hls/index.m3u8?end=9")).toEqual(wanted);
    const task = variantsOf("/a.mp4,b.mp4/mp4hls/index.m3u8?end=9")[1]?.derivation.media?.task;
    expect(task).toMatchObject({ cut: cut(undefined, 9) });
  });

  it("hands a signature on", () => {
    const found = rulesOf(on()).of({
      target: "/a.mp4,b.mp4/mp4hls/index.m3u8?end=9",
      get: () => undefined,
      signedParameter: "token=x",
    });
    expect(found?.variants?.map(({ playlistTarget }) => playlistTarget)).toEqual([
      "/a.mp4/mp4hls/index.m3u8?end=9&token=x",
      "/b.mp4/mp4hls/index.m3u8?end=9&token=x",
    ]);
  });

  it("MEDIA-79 asks the origin for each as the client has written it", () => {
    const settings = on({}, { originOptions: { wholeClientRequest: true } });
    const targets = variantsOf("/a.mp4,b.mp4?start=5/mp4hls/index.m3u8", settings).map(
      ({ derivation }) => derivation.media?.originTarget,
    );
    expect(targets).toEqual(["/a.mp4?start=5", "/b.mp4?start=5"]);
  });

  it.each([
    "/a.mp4,b.mp4/mp4hls/0.ts",
    "/a.mp4,b.mp4/mp4hls/playlist.m3u8",
    "/a.mp4,../b.mp4/mp4hls/index.m3u8",
    `/${Array.from({ length: 9 }, (_, index) => `${index}.mp4`).join(",")}/mp4hls/index.m3u8`,
  ])("has nothing of %s", (target) => {
    const derivation = asked(target, on());
    expect([derivation.media, derivation.variants]).toEqual([undefined, undefined]);
    expect(planOf(target, 200, on())).toMatchObject({ kind: "failure", status: 404 });
  });

  it("is of MP4 HLS alone", () => {
    const dashed = { media: { ...on().media, dash: { ...dash, status: "Active" } } } as const;
    expect(asked("/a.mp4,b.mp4/dash/manifest.mpd", dashed).variants).toBeUndefined();
    expect(variantsOf("/a.mp3,b.mp3/mp3hls/index.m3u8", on())).toEqual([]);
    expect(ask("/a.mp4,b.mp4?start=5", on())?.sourceTarget).toBe("/a.mp4,b.mp4");
  });

  it("KEY-04 folds the names where their case does not count", () => {
    const settings = on({}, { options: { caseSensitive: false } });
    expect(targetsOf("/Dir/A.MP4,B.mp4/MP4HLS/Index.m3u8", settings).map(([, playlist]) => playlist)).toEqual([
      "/dir/a.mp4/mp4hls/index.m3u8",
      "/dir/b.mp4/mp4hls/index.m3u8",
    ]);
  });
});

describe("media beside other functions", () => {
  const { drm, dims } = DEFAULT_OPTIONS;
  const options: Partial<VhostOptions> = {
    dims: { ...dims, status: "Active" },
    drm: { ...drm, status: "Active", token: "secret" },
  };

  it("leaves DIMS and DRM URLs of media files theirs", () => {
    expect(asked("/a.mp4/dims/resize/1x1", { options })).toMatchObject({ kind: "dims", sourceTarget: "/a.mp4" });
    expect(asked("/a.mp4/drm", { options })).toMatchObject({ kind: "drm", sourceTarget: "/a.mp4" });
    expect(asked("/a.mp4/mp4hls/0.ts", { options }).kind).toBe("media");
  });

  it.each(["/a.mp4/mp4hls/0.ts/drm", "/a.mp4?start=1&end=2/drm", "/a.mp4/mp4hls/0.ts/dims/resize/1x1"])(
    "makes nothing of what is made itself: %s",
    (target) => {
      const derivation = asked(target, { options });
      expect(derivation.sourceTarget).toBe("/a.mp4");
      expect(planOf(target, 200, { options })).toMatchObject({ kind: "failure" });
    },
  );

  it("PRG-10 names results by their canonical URL in calls of the management", () => {
    const stored = compileStoredUrls(vhostOf());
    expect(stored.canonicalUrl("/a.mp4")).toBe("/a.mp4");
    expect(stored.canonicalUrl("/*.mp4")).toBe("/*.mp4");
    expect(stored.canonicalUrl("/a.mp4/mp4hls/*")).toBe("/a.mp4/mp4hls/*");
    expect(stored.canonicalUrl("/a.mp4/mp4hls/0.ts?end=9")).toBe("/a.mp4?end=9/mp4hls/0.ts");
  });
});

const piece = fc.oneof(
  fc.constantFrom("/mp4hls/", "/mp3hls/", "/dash/", "index.m3u8", "0.ts", "?", "&", ".mp4", ".m4a", ".mp3", "/"),
  fc.constantFrom("start=1", "end=9", "trimming=1-2,3-4", "start=9", "end=1", "tag=1", "st%61rt=3", "x"),
);

describe("any URL", () => {
  it("MEDIA-79 has a source without the keys, whose canonical URL its own begins with", () => {
    const media = { dash: { ...dash, status: "Active" } } as const;
    const vhosts = [
      vhostOf({ media }),
      vhostOf({ media, options: { applyQueryString: false } }),
      vhostOf({ media, options: { caseSensitive: false } }),
    ].map((vhost) => ({ rules: compileDerivations(vhost), keyRules: compileKeyRules(vhost) }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const target = `/v${pieces.join("")}`;
        for (const { rules, keyRules } of vhosts) {
          const found = rules?.of({ target, get: () => undefined });
          if (found === undefined) continue;
          expect(found.url.startsWith(keyRules.canonicalUrl(found.sourceTarget))).toBe(true);
          const [, query = ""] = /\?(.*)$/s.exec(found.sourceTarget) ?? [];
          for (const parameter of query.split("&")) expect(parameter).not.toMatch(/^(start|st%61rt|end)=/);
          expect(found.url).not.toContain(" ");
        }
      }),
      { numRuns: 500 },
    );
  });

  it("MEDIA-103 gives playlists URIs of segments of the same source and section", () => {
    const rules = rulesOf();
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const target = `/v${pieces.join("")}`;
        const task = rules.of({ target, get: () => undefined })?.media?.task;
        if (task?.kind !== "playlist") return;
        const segment = rules.of({ target: `${task.uris.prefix}0.ts`, get: () => undefined });
        expect(segment?.media?.task).toMatchObject({ kind: "segment", cut: task.cut });
      }),
      { numRuns: 1_000 },
    );
  });
});
