import { describe, expect, it } from "vitest";
import type { MovieTrack } from "../../src/index.ts";
import { ascii, box, buildMovie, concat, type TrackPlan, u8, u16, u32, zeros } from "../support/boxes.ts";
import {
  AAC_CONFIG,
  AVC_PICTURE_SET,
  AVC_SEQUENCE_SET,
  aacEntry,
  avcEntry,
  avcRecord,
  hevcRecord,
  mp3Entry,
  pictureEntry,
  soundEntry,
  streamDescription,
} from "../support/entries.ts";
import { openFile } from "../support/openFile.ts";

const trackOf = (handler: TrackPlan["handler"], entry: Uint8Array): MovieTrack | undefined => {
  const samples = [{ data: 10, duration: 100 }];
  return openFile(buildMovie({ tracks: [{ handler, timescale: 1000, entries: [entry], samples }] }).file).tracks[0];
};

const picture = (type: string, ...boxes: readonly Uint8Array[]): MovieTrack | undefined =>
  trackOf("vide", pictureEntry(type, 160, 120, ...boxes));

const sound = (entry: Uint8Array): MovieTrack | undefined => trackOf("soun", entry);

describe("codecs of pictures", () => {
  it.each([1, 2, 4] as const)("H.264 with its parameter sets and lengths of %i bytes", (nalLengthBytes) => {
    const track = picture("avc1", box("avcC", avcRecord(nalLengthBytes)));
    expect(track?.codec).toEqual({
      kind: "avc",
      nalLengthBytes,
      sequenceSets: [AVC_SEQUENCE_SET],
      pictureSets: [AVC_PICTURE_SET],
    });
    expect(track?.codecs).toBe("avc1.64000b");
  });

  it("H.264 whose parameter sets are in the stream", () => {
    const track = picture("avc3", box("avcC", u8(1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0)));
    expect(track?.codec).toEqual({ kind: "avc", nalLengthBytes: 4, sequenceSets: [], pictureSets: [] });
    expect(track?.codecs).toBe("avc3.42c01e");
  });

  it.each(["hvc1", "hev1"])("HEVC as %s", (type) => {
    const track = picture(type, box("hvcC", hevcRecord()));
    const parameterSets = [0x40, 0x42, 0x44].map((header) => u8(header, 1, 7));
    expect(track?.codec).toEqual({ kind: "hevc", nalLengthBytes: 4, parameterSets });
    expect(track?.codecs).toBe(`${type}.1.6.L93.90`);
  });

  it("AV1", () => {
    const track = picture("av01", box("av1C", u8(0x81, 0x08, 0x4c, 0)));
    expect([track?.codec.kind, track?.codecs]).toEqual(["av1", "av01.0.08M.10"]);
  });

  it("VP9", () => {
    const track = picture("vp09", box("vpcC", u32(0x01000000), u8(2, 31, 0xa2, 1, 1, 1, 0, 0)));
    expect([track?.codec, track?.codecs]).toEqual([{ kind: "other", fourCharacters: "vp09" }, "vp09.02.31.10"]);
  });

  it.each([
    ["without its record", pictureEntry("avc1", 160, 120)],
    ["with a record that is cut off", pictureEntry("avc1", 160, 120, box("avcC", avcRecord().subarray(0, 20)))],
    ["with lengths of three bytes", pictureEntry("avc1", 160, 120, box("avcC", u8(1, 66, 0, 30, 0xfe, 0xe0, 0)))],
  ])("H.264 %s is not read", (_, entry) => {
    expect(trackOf("vide", entry)?.codec).toEqual({ kind: "other", fourCharacters: "avc1" });
  });

  it("the first of several entries counts", () => {
    expect(trackOf("vide", avcEntry(320, 240))?.widthPixels).toBe(320);
  });
});

describe("codecs of sound", () => {
  it.each([
    ["AAC-LC", AAC_CONFIG, { objectType: 2, frequencyIndex: 3, sampleRateHz: 48_000, channelConfiguration: 2 }, "2"],
    [
      "mono at 44.1 kHz",
      u8(0x12, 0x08),
      { objectType: 2, frequencyIndex: 4, sampleRateHz: 44_100, channelConfiguration: 1 },
      "2",
    ],
    [
      "with explicit SBR",
      u8(0x2b, 0x11, 0x88, 0x00),
      { objectType: 2, frequencyIndex: 6, sampleRateHz: 24_000, channelConfiguration: 2 },
      "5",
    ],
    [
      "with explicit SBR and PS",
      u8(0xeb, 0x09, 0x88, 0x00),
      { objectType: 2, frequencyIndex: 6, sampleRateHz: 24_000, channelConfiguration: 1 },
      "29",
    ],
    [
      "with SBR that older decoders skip",
      u8(0x13, 0x10, 0x56, 0xe5, 0x98),
      { objectType: 2, frequencyIndex: 6, sampleRateHz: 24_000, channelConfiguration: 2 },
      "2",
    ],
    [
      "with a rate in full that has an index",
      u8(0x17, 0x80, 0x5d, 0xc0, 0x10),
      { objectType: 2, frequencyIndex: 3, sampleRateHz: 48_000, channelConfiguration: 2 },
      "2",
    ],
    [
      "with a rate that has none",
      u8(0x17, 0x80, 0x27, 0x10, 0x10),
      { objectType: 2, frequencyIndex: 15, sampleRateHz: 20_000, channelConfiguration: 2 },
      "2",
    ],
  ])("AAC %s", (_, config, facts, objectType) => {
    const track = sound(aacEntry(config));
    expect(track?.codec).toEqual({ kind: "aac", config, ...facts });
    expect(track?.codecs).toBe(`mp4a.40.${objectType}`);
  });

  it.each([
    ["an object type behind the escape", u8(0xf9, 0x46, 0x40), "mp4a.40.42"],
    ["ELD", u8(0xf8, 0xe6, 0x40), "mp4a.40.39"],
  ])("AAC with %s has no ADTS header", (_, config, codecs) => {
    const track = sound(aacEntry(config));
    expect([track?.codec, track?.codecs]).toEqual([{ kind: "other", fourCharacters: "mp4a" }, codecs]);
  });

  it("AAC without a configuration is not read", () => {
    expect(sound(aacEntry(zeros(0)))?.codec.kind).toBe("other");
    expect(sound(soundEntry("mp4a", 2, 44_100))?.codec.kind).toBe("other");
  });

  it("AAC of QuickTime, within its own boxes", () => {
    const fields = concat(
      zeros(6),
      u16(1),
      u16(1),
      zeros(6),
      u16(2),
      u16(16),
      zeros(4),
      u16(44_100),
      u16(0),
      zeros(16),
    );
    const wave = box("wave", box("frma", ascii("mp4a")), streamDescription(0x40, AAC_CONFIG), u32(8, 0));
    expect(sound(box("mp4a", fields, wave))?.codec.kind).toBe("aac");
  });

  it.each([
    ["mp3", mp3Entry(), "mp4a.6B"],
    ["mp3", soundEntry(".mp3", 2, 44_100), "mp4a.6B"],
    ["ac3", soundEntry("ac-3", 2, 48_000, box("dac3", zeros(3))), "ac-3"],
    ["eac3", soundEntry("ec-3", 2, 48_000, box("dec3", zeros(5))), "ec-3"],
    ["other", soundEntry("Opus", 2, 48_000, box("dOps", zeros(11))), "opus"],
    ["other", soundEntry("fLaC", 2, 48_000), "fLaC"],
    ["other", soundEntry("alac", 2, 48_000), "alac"],
    ["other", soundEntry("sowt", 2, 48_000), undefined],
  ] as const)("%s", (kind, entry, codecs) => {
    const track = sound(entry);
    expect([track?.codec.kind, track?.codecs]).toEqual([kind, codecs]);
  });
});
