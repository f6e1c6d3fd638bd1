import { describe, expect, it } from "vitest";
import { type Codec, isTransportCodec, type TransportCodec, writeTransportSegment } from "../../src/index.ts";
import { adtsFramesOf } from "../support/byteStreamChecker.ts";
import { checkTransport, type TransportReport } from "../support/transportChecker.ts";
import { aacCodec, filler, type TestSample, transportSegment } from "../support/transportInput.ts";

const reportOf = (codec: TransportCodec, samples: readonly TestSample[], language = "und"): TransportReport =>
  checkTransport([
    writeTransportSegment(
      transportSegment(0, [{ codec, language, samples, endTicks: (samples.at(-1)?.decodeTicks ?? 0) + 1 }]),
    ),
  ]);

const evenly = (frames: readonly Uint8Array[], frameTicks: number): TestSample[] =>
  frames.map((bytes, index) => ({ bytes, decodeTicks: Math.round(index * frameTicks) }));

describe("MEDIA-37 AAC as ADTS", () => {
  it.each<[string, number, number, number]>([
    ["mono", 1, 4, 44_100],
    ["stereo", 2, 3, 48_000],
    ["5.1", 6, 3, 48_000],
    ["7.1", 7, 3, 48_000],
    ["96 kHz", 2, 0, 96_000],
    ["the core of HE-AAC", 2, 6, 24_000],
    ["8 kHz", 1, 11, 8_000],
  ])("MEDIA-37 names configuration and sampling rate: %s", (_, channels, frequencyIndex, rateHz) => {
    const frames = [filler(300), filler(1), filler(8_184)];
    const report = reportOf(aacCodec(channels, frequencyIndex, rateHz), evenly(frames, 92_160_000 / rateHz));
    expect(report.problems).toEqual([]);
    const [stream] = report.streams;
    expect(stream?.streamType).toBe(0x0f);
    const header = stream?.packets[0]?.payload ?? new Uint8Array(0);
    const [, , third = 0, fourth = 0] = header;
    expect(third >> 6).toBe(1);
    expect((third >> 2) & 15).toBe(frequencyIndex);
    expect(((third & 1) << 2) | (fourth >> 6)).toBe(channels);
    expect(stream?.packets.flatMap(({ payload }) => adtsFramesOf(payload) ?? [])).toEqual(frames);
  });

  it("leaves out frames without bytes and frames that ADTS has no length for", () => {
    const report = reportOf(aacCodec(), evenly([filler(5), filler(0), filler(8_185), filler(6)], 1_920));
    expect(report.problems).toEqual([]);
    expect(report.streams[0]?.packets.flatMap(({ payload }) => adtsFramesOf(payload)?.map((f) => f.length))).toEqual([
      5, 6,
    ]);
  });

  it.each<[string, Partial<Extract<Codec, { kind: "aac" }>>, boolean]>([
    ["LC", {}, true],
    ["channels that the stream describes itself", { channelConfiguration: 0 }, false],
    ["22.2 channels", { channelConfiguration: 13 }, false],
    ["a sampling rate without a number", { frequencyIndex: 15 }, false],
    ["xHE-AAC", { objectType: 42 }, false],
    ["frames of 960 samples", { config: Uint8Array.of(0x11, 0x94) }, false],
    ["HE-AAC", { config: Uint8Array.of(0x2b, 0x11, 0x88, 0x00) }, true],
    ["HE-AAC with frames of 960 samples", { config: Uint8Array.of(0x2b, 0x11, 0x8a, 0x00) }, false],
    ["an empty configuration", { config: new Uint8Array(0) }, true],
  ])("MEDIA-37 carries what ADTS can name: %s", (_, changes, expected) => {
    const codec: Codec = {
      kind: "aac",
      config: Uint8Array.of(0x11, 0x90),
      objectType: 2,
      frequencyIndex: 3,
      sampleRateHz: 48_000,
      channelConfiguration: 2,
      ...changes,
    };
    expect(isTransportCodec(codec)).toBe(expected);
  });

  it("MEDIA-02 refuses what a transport stream of ours has no place for", () => {
    const others: Codec[] = [{ kind: "av1" }, { kind: "tx3g" }, { kind: "other", fourCharacters: "Opus" }];
    expect(others.map((codec) => isTransportCodec(codec))).toEqual([false, false, false]);
  });
});

describe("MEDIA-37 PES packets of sound", () => {
  it("MEDIA-37 hold several frames, 100 ms and 2,880 bytes at most", () => {
    const few = reportOf(aacCodec(), evenly(new Array(40).fill(filler(100)), 1_920));
    expect(few.streams[0]?.packets.map(({ payload }) => adtsFramesOf(payload)?.length)).toEqual(new Array(10).fill(4));
    const large = reportOf(aacCodec(), evenly(new Array(40).fill(filler(1_433)), 1_920));
    expect(large.streams[0]?.packets.map(({ payload }) => adtsFramesOf(payload)?.length)).toEqual(
      new Array(20).fill(2),
    );
    expect([...few.problems, ...large.problems]).toEqual([]);
  });

  it("REG-245 MEDIA-37 begin anew where frames are irregular (RN 2.0.5), not where times are rounded", () => {
    const ticks = [0, 1_890, 3_870, 5_760, 7_680, 12_000, 13_920, 15_500];
    const report = reportOf(
      aacCodec(),
      ticks.map((decodeTicks) => ({ bytes: filler(50), decodeTicks })),
    );
    expect(report.problems).toEqual([]);
    const starts = report.streams[0]?.packets.map(({ presentationTicks }) => presentationTicks - 126_000);
    expect(starts).toEqual([0, 7_680, 12_000, 15_500]);
  });
});

describe("MEDIA-02 other sound as it is", () => {
  const mpegFrame = (second: number, third: number): Uint8Array =>
    Uint8Array.of(0xff, second, third, 0, ...filler(200));
  const ac3Frame = Uint8Array.of(0x0b, 0x77, 1, 2, 0x00, 0x40, ...filler(300));

  it.each<[string, "mp3" | "ac3" | "eac3", Uint8Array, number, number, string | undefined]>([
    ["MP3 of 44.1 kHz", "mp3", mpegFrame(0xfb, 0x90), (1_152 * 90_000) / 44_100, 0x03, undefined],
    ["MP3 of 22.05 kHz", "mp3", mpegFrame(0xf3, 0x90), (576 * 90_000) / 22_050, 0x04, undefined],
    ["MP3 of 8 kHz", "mp3", mpegFrame(0xe3, 0x98), (576 * 90_000) / 8_000, 0x04, undefined],
    ["AC-3", "ac3", ac3Frame, 2_880, 0x81, "AC-3"],
    ["E-AC-3", "eac3", ac3Frame, 2_880, 0x87, "EAC3"],
  ])("MEDIA-51 MEDIA-37 %s", (_, kind, frame, frameTicks, streamType, registration) => {
    const frames = new Array<Uint8Array>(12).fill(frame);
    const report = reportOf({ kind }, evenly(frames, frameTicks), "deu");
    expect(report.problems).toEqual([]);
    const [stream] = report.streams;
    expect(stream).toMatchObject({ streamType, registration, language: "deu" });
    expect(stream?.packets.length).toBe(Math.ceil(12 / Math.floor(9_000 / frameTicks)));
    const carried = stream?.packets.flatMap(({ payload }) => [...payload]);
    expect(carried).toEqual(frames.flatMap((bytes) => [...bytes]));
  });

  it("gives a packet each to frames that do not say how long they are, and none to what is no frame", () => {
    const unknown = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2);
    const samples = evenly([unknown, unknown, Uint8Array.of(1), new Uint8Array(70_000)], 2_000);
    expect(reportOf({ kind: "mp3" }, samples).streams[0]?.packets.length).toBe(2);
  });
});
