import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { diffConfigs, encryptPassword, settleSecrets } from "../src/index.ts";
import { accept, acceptVhost, load, onlyVhost, problemsOf, server, vhost, vhosts, warningsOf } from "./support.ts";

const DEFAULTS = onlyVhost(accept({ "server.xml": "<Server/>" })).media;

const mediaOf = (xml: string) => acceptVhost(`<Media>${xml}</Media>`).media;

const filesWith = (xml: string, options = "") => ({ "vhosts.xml": vhosts(vhost(`${options}<Media>${xml}</Media>`)) });

const HLS = {
  status: "Inactive",
  indexName: "index.m3u8",
  version: 3,
  alternates: false,
  alternatesName: "playlist.m3u8",
  sequence: 0,
  durationSeconds: 10,
};

const TRIMMING = { enabled: false, startParam: "start", endParam: "end", maxRatioPercent: 50 };

describe("<Media>", () => {
  it("REG-246 MEDIA-10 to MEDIA-17 MEDIA-50 MEDIA-51 MEDIA-60 MEDIA-61 MEDIA-70 to MEDIA-73 MEDIA-90 MEDIA-93 is off, with the defaults of the guide, and nothing beyond it is on", () => {
    expect(DEFAULTS).toEqual({
      mp4Hls: {
        ...HLS,
        keyword: "mp4hls",
        form: "TS",
        iframes: false,
        subtitles: false,
        variants: false,
        encryption: {
          status: "Inactive",
          key: "",
          keyType: "plain",
          secret: "",
          secretType: "plain",
          keyUri: "",
          servesKey: false,
        },
      },
      mp3Hls: { ...HLS, keyword: "mp3hls", segmentType: "TS" },
      dash: { status: "Inactive", keyword: "dash", manifestName: "manifest.mpd", durationSeconds: 10 },
      upfrontMp4Header: false,
      upfrontM4aHeader: false,
      mp4Trimming: { ...TRIMMING, allTracks: false, multiParam: "trimming" },
      m4aTrimming: { ...TRIMMING, allTracks: false, multiParam: "trimming" },
      mp3Trimming: { ...TRIMMING, multiParam: "" },
    });
  });

  it("MEDIA-10 to MEDIA-17 reads the example of the guide, whatever the case of its words", () => {
    const media = mediaOf(`<MP4HLS Status="active" Keyword="12AB">
      <Index Ver="1" Alternates="on">list.m3u8</Index>
      <Sequence>5</Sequence>
      <Duration>20</Duration>
      <AlternatesName>parts.m3u8</AlternatesName>
    </MP4HLS>`);
    expect(media.mp4Hls).toMatchObject({
      status: "Active",
      keyword: "12AB",
      indexName: "list.m3u8",
      version: 1,
      alternates: true,
      alternatesName: "parts.m3u8",
      sequence: 5,
      durationSeconds: 20,
    });
    expect(media.mp3Hls).toEqual(DEFAULTS.mp3Hls);
  });

  it("MEDIA-14 takes an attribute alone, and leaves the name of the index as it is", () => {
    const media = mediaOf('<MP4HLS><Index Alternates="ON"/></MP4HLS>');
    expect(media.mp4Hls).toMatchObject({ indexName: "index.m3u8", alternates: true });
  });

  it("MEDIA-50 MEDIA-51 MEDIA-60 MEDIA-61 MEDIA-70 to MEDIA-73 MEDIA-90 MEDIA-93 reads the other elements", () => {
    const media = mediaOf(`<MP3HLS Status="Active" Keyword="hls" SegmentType="MP3"><Duration>5</Duration></MP3HLS>
      <UpfrontMP4Header>on</UpfrontMP4Header><UpfrontM4AHeader>ON</UpfrontM4AHeader>
      <MP4Trimming StartParam="starttime" EndParam="ec_end" AllTracks="on" MultiParam="parts" MaxRatio="100">ON</MP4Trimming>
      <M4ATrimming StartParam="s" MultiParam="m">On</M4ATrimming>
      <MP3Trimming EndParam="e" MultiParam="parts">ON</MP3Trimming>`);
    expect(media).toMatchObject({
      mp3Hls: { status: "Active", keyword: "hls", segmentType: "MP3", durationSeconds: 5 },
      upfrontMp4Header: true,
      upfrontM4aHeader: true,
      mp4Trimming: {
        enabled: true,
        startParam: "starttime",
        endParam: "ec_end",
        allTracks: true,
        multiParam: "parts",
        maxRatioPercent: 100,
      },
      m4aTrimming: { enabled: true, startParam: "s", endParam: "end", allTracks: false, multiParam: "m" },
      mp3Trimming: { enabled: true, startParam: "start", endParam: "e", multiParam: "parts" },
    });
  });

  it("reads what is not in the guide", () => {
    const media = mediaOf(`<MP4HLS Status="Active" IFrames="ON" Subtitles="ON" Variants="ON">
        <Encryption Status="Active" Secret="sixteen characters" KeyURI="https://keys.example.com/?u=#URL"/>
      </MP4HLS>
      <DASH Status="Active" Keyword="mpd"><Manifest>film.mpd</Manifest><Duration>4</Duration></DASH>`);
    expect(media).toMatchObject({
      mp4Hls: {
        iframes: true,
        subtitles: true,
        variants: true,
        encryption: { status: "Active", secret: "sixteen characters", keyUri: "https://keys.example.com/?u=#URL" },
      },
      dash: { status: "Active", keyword: "mpd", manifestName: "film.mpd", durationSeconds: 4 },
    });
    expect(mediaOf('<MP4HLS Form="fmp4"/>').mp4Hls.form).toBe("FMP4");
  });

  it("REG-146 CFG-53 inherits leaf by leaf from <VHostDefault>, so that a host overrides what it writes alone", () => {
    const shared = '<MP4HLS Status="Active" Keyword="hls"><Duration>6</Duration></MP4HLS><MP4Trimming>ON</MP4Trimming>';
    const config = accept({
      "server.xml": server(`<VHostDefault><Media>${shared}</Media></VHostDefault>`),
      "vhosts.xml": vhosts(
        vhost("", 'Name="a"'),
        vhost('<Media><MP4HLS Status="Inactive"/><MP4Trimming EndParam="to"/></Media>', 'Name="b"'),
      ),
    });
    const [first, second] = config.vhosts.map(({ media }) => media);
    expect(first?.mp4Hls).toMatchObject({ status: "Active", keyword: "hls", durationSeconds: 6 });
    expect(second?.mp4Hls).toMatchObject({ status: "Inactive", keyword: "hls", durationSeconds: 6 });
    expect(second?.mp4Trimming).toMatchObject({ enabled: true, endParam: "to" });
  });

  it("CFG-31 takes effect without a restart", () => {
    const before = accept(filesWith("<MP4Trimming>OFF</MP4Trimming>"));
    const after = accept(filesWith('<MP4Trimming>ON</MP4Trimming><MP4HLS><Index Ver="1"/></MP4HLS>'));
    const root = "Vhost[www.example.com]/Media";
    expect(diffConfigs(before, after)).toEqual([
      { element: `${root}/MP4HLS/Index@Ver`, from: "3", to: "1", effect: "live" },
      { element: `${root}/MP4Trimming`, from: "OFF", to: "ON", effect: "live" },
    ]);
  });

  it("shows of a secret no more than that it has changed", () => {
    const withSecret = (secret: string) =>
      accept(
        filesWith(`<MP4HLS Status="Active"><Encryption Status="Active" Secret="${secret}" ServeKey="ON"/></MP4HLS>`),
      );
    const changes = JSON.stringify(
      diffConfigs(withSecret("the first of the secrets"), withSecret("another secret one")),
    );
    expect(changes).toContain("Encryption@Secret");
    expect(changes).not.toContain("first of");
    expect(changes).not.toContain("another");
  });
});

describe("what cannot stand in <Media>", () => {
  it.each([
    ['<MP4HLS Status="On"/>', "MP4HLS@Status"],
    ['<MP4HLS Keyword="a/b"/>', "MP4HLS@Keyword"],
    ['<MP4HLS Keyword=".."/>', "MP4HLS@Keyword"],
    ["<MP4HLS><Index>a b.m3u8</Index></MP4HLS>", "MP4HLS/Index"],
    ["<MP4HLS><Index>..</Index></MP4HLS>", "MP4HLS/Index"],
    ['<MP4HLS><Index Ver="2">a</Index></MP4HLS>', "MP4HLS/Index@Ver"],
    ['<MP4HLS><Index Alternates="1">a</Index></MP4HLS>', "MP4HLS/Index@Alternates"],
    ["<MP4HLS><Sequence>-1</Sequence></MP4HLS>", "MP4HLS/Sequence"],
    ["<MP4HLS><Sequence>2147483648</Sequence></MP4HLS>", "MP4HLS/Sequence"],
    ["<MP4HLS><Duration>0</Duration></MP4HLS>", "MP4HLS/Duration"],
    ['<MP4HLS Form="MOV"/>', "MP4HLS@Form"],
    ['<MP3HLS SegmentType="FMP4"/>', "MP3HLS@SegmentType"],
    ["<UpfrontMP4Header>1</UpfrontMP4Header>", "UpfrontMP4Header"],
    ["<MP4Trimming>Active</MP4Trimming>", "MP4Trimming"],
    ['<MP4Trimming StartParam="a=b">ON</MP4Trimming>', "MP4Trimming@StartParam"],
    ['<MP4Trimming EndParam="a&amp;b">ON</MP4Trimming>', "MP4Trimming@EndParam"],
    ['<MP4Trimming MaxRatio="101">ON</MP4Trimming>', "MP4Trimming@MaxRatio"],
    ['<MP3Trimming AllTracks="ON">ON</MP3Trimming>', "MP3Trimming@AllTracks"],
    ["<DASH><Manifest>a/b</Manifest></DASH>", "DASH/Manifest"],
    ['<MP4HLS><Encryption Secret="short"/></MP4HLS>', "MP4HLS/Encryption@Secret"],
    ['<MP4HLS><Encryption Key="abc"/></MP4HLS>', "MP4HLS/Encryption@Key"],
    ['<MP4HLS><Encryption KeyURI="/a&quot;b"/></MP4HLS>', "MP4HLS/Encryption@KeyURI"],
    ['<MP4HLS><Encryption KeyURI="ftp://a/"/></MP4HLS>', "MP4HLS/Encryption@KeyURI"],
    [
      '<MP4HLS><Index Alternates="ON">a.m3u8</Index><AlternatesName>a.m3u8</AlternatesName></MP4HLS>',
      "MP4HLS/AlternatesName",
    ],
    ['<MP4Trimming StartParam="t" EndParam="t">ON</MP4Trimming>', "MP4Trimming"],
    ['<MP3Trimming StartParam="t" MultiParam="t">ON</MP3Trimming>', "MP3Trimming"],
  ])("CFG-30 refuses %s", (xml, place) => {
    expect(problemsOf(filesWith(xml)).map(({ element }) => element)).toContain(`Vhosts/Vhost/Media/${place}`);
  });

  it.each([
    '<MP4HLS><Index Alternates="ON">a.m3u8</Index><AlternatesName>A.m3u8</AlternatesName></MP4HLS>',
    '<MP4Trimming StartParam="t" EndParam="T">ON</MP4Trimming>',
  ])("KEY-04 refuses %s where the case of URLs does not count", (xml) => {
    expect(problemsOf(filesWith(xml))).toEqual([]);
    expect(problemsOf(filesWith(xml, "<Options><CaseSensitive>OFF</CaseSensitive></Options>"))).toHaveLength(1);
  });

  it.each([
    ["nothing to make keys of", 'ServeKey="ON"'],
    ["two things to make keys of", `Key="${"0".repeat(32)}" Secret="sixteen characters" ServeKey="ON"`],
    ["a key that nobody serves", 'Secret="sixteen characters"'],
    ["an encrypted key that is said to be plain", `Key="${"A".repeat(60)}" ServeKey="ON"`],
  ])("refuses an <Encryption> with %s, once it is on", (_, attributes) => {
    const xml = (status: string) => `<MP4HLS Status="Active"><Encryption Status="${status}" ${attributes}/></MP4HLS>`;
    expect(problemsOf(filesWith(xml("Active")))).not.toEqual([]);
    expect(problemsOf(filesWith(xml("Inactive")))).toEqual([]);
  });
});

describe("warnings about <Media>", () => {
  const both = (mp3: string) => `<MP4HLS Status="Active" Keyword="hls"/><MP3HLS Status="Active" Keyword="${mp3}"/>`;

  it("MEDIA-52 tells of MP3 HLS with the keyword of MP4 HLS", () => {
    expect(warningsOf(filesWith(both("hls")))).toEqual([
      expect.stringContaining("<MP4HLS> has the keyword hls too: <MP3HLS> does not work."),
    ]);
    expect(warningsOf(filesWith(both("HLS")))).toEqual([]);
    const folded = "<Options><CaseSensitive>OFF</CaseSensitive></Options>";
    expect(warningsOf(filesWith(both("HLS"), folded))).toHaveLength(1);
  });

  it.each([
    ['<Dims Status="Active" Keyword="hls"/>', "<Dims> has the keyword hls too: <MP4HLS> does not work."],
    ['<Drm Status="Active" Keyword="hls"><Token>secret</Token></Drm>', "<Drm> has the keyword hls too"],
  ])("tells of a keyword that is one of %s", (element, message) => {
    const options = `<Options>${element}</Options>`;
    expect(warningsOf(filesWith('<MP4HLS Status="Active" Keyword="hls"/>', options))).toEqual([
      expect.stringContaining(message),
    ]);
    expect(warningsOf(filesWith('<MP4HLS Status="Inactive" Keyword="hls"/>', options))).toEqual([]);
  });

  it.each([
    ['<MP4HLS Status="Active" IFrames="ON"><Index Alternates="ON"/></MP4HLS>', ['with Form="FMP4" only']],
    ['<MP4HLS Status="Active" IFrames="ON" Form="FMP4"><Index Alternates="ON"/></MP4HLS>', []],
    ['<MP4HLS Status="Active" Subtitles="ON"/>', ["Only a master playlist"]],
    [
      '<MP4HLS Status="Active" IFrames="ON" Form="FMP4"><Index Alternates="ON"/><Encryption Status="Active" Secret="sixteen characters" ServeKey="ON"/></MP4HLS>',
      ["Encrypted segments have no playlist of key frames."],
    ],
    [
      '<MP4HLS Status="Active"><Encryption Status="Active" Secret="sixteen characters" ServeKey="ON"/></MP4HLS><DASH Status="Active"/>',
      ["Segments of <DASH> are not encrypted."],
    ],
    ['<MP4HLS IFrames="ON" Subtitles="ON"/>', []],
    ['<MP4HLS Status="Active" Subtitles="ON" Variants="ON"/>', []],
  ])("tells of what does not work together: %s", (xml, messages) => {
    expect(warningsOf(filesWith(xml))).toEqual(messages.map((message) => expect.stringContaining(message)));
  });

  it("tells of what is inherited where a host adds the other half", () => {
    const warnings = warningsOf({
      "server.xml": server('<VHostDefault><Media><MP4HLS Status="Active" Keyword="x"/></Media></VHostDefault>'),
      "vhosts.xml": vhosts(vhost('<Options><Dims Status="Active" Keyword="x"/></Options>')),
    });
    expect(warnings).toEqual([expect.stringContaining("<Dims> has the keyword x too")]);
  });

  it("tells of it in server.xml for all hosts together", () => {
    const warnings = warningsOf({ "server.xml": server(`<VHostDefault><Media>${both("hls")}</Media></VHostDefault>`) });
    expect(warnings).toEqual([expect.stringContaining("server.xml")]);
  });
});

describe("encrypted keys of <Media>", () => {
  let home = "";
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "basalt-media-keys-"));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  const settle = async (attributes: string) => {
    const outcome = load(
      filesWith(`<MP4HLS Status="Active"><Encryption Status="Active" ServeKey="ON" ${attributes}/></MP4HLS>`),
    );
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
    return settleSecrets(outcome.config, outcome.provenance, home);
  };

  it("are decrypted before they are used", async () => {
    const { config, problems } = await settle(
      `Secret="${await encryptPassword(home, "a secret of the film")}" SecretType="enc"`,
    );
    expect(problems).toEqual([]);
    expect(onlyVhost(config).media.mp4Hls.encryption).toMatchObject({
      secret: "a secret of the film",
      secretType: "plain",
    });
    const key = "00112233445566778899aabbccddeeff";
    const keyed = await settle(`Key="${await encryptPassword(home, key)}" KeyType="enc"`);
    expect(onlyVhost(keyed.config).media.mp4Hls.encryption).toMatchObject({ key, keyType: "plain" });
  });

  it("are refused where they cannot be, and told nothing of", async () => {
    const unsound = await settle(`Key="${await encryptPassword(home, "no key at all")}" KeyType="enc"`);
    expect(unsound.problems).toMatchObject([
      { severity: "error", element: "Vhosts/Vhost/Media/MP4HLS/Encryption@Key", line: 1 },
    ]);
    expect(JSON.stringify(unsound.problems)).not.toContain("no key");
    const foreign = await settle(`Secret="${"A".repeat(60)}" SecretType="enc"`);
    expect(foreign.problems).toMatchObject([
      { severity: "error", message: expect.stringContaining("cannot be decrypted") },
    ]);
  });
});
