import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TransportCodec } from "../../src/index.ts";
import { writeTransportSegment } from "../../src/index.ts";
import { nalUnitsOf } from "../support/byteStreamChecker.ts";
import { checkTransport } from "../support/transportChecker.ts";
import {
  AVC_PICTURE_SET,
  AVC_SEQUENCE_SET,
  avcCodec,
  avcPicture,
  filler,
  lengthPrefixed,
  type TestSample,
  transportSegment,
} from "../support/transportInput.ts";

const avcUnit = (type: number, seed = 1): Uint8Array => {
  const unit = filler(20, seed);
  unit[0] = 0x60 | type;
  return unit;
};

const hevcUnit = (type: number, seed = 1): Uint8Array => {
  const unit = filler(20, seed);
  unit[0] = type << 1;
  unit[1] = 1;
  return unit;
};

const reportOf = (codec: TransportCodec, samples: readonly TestSample[]) =>
  checkTransport([writeTransportSegment(transportSegment(0, [{ codec, samples, endTicks: samples.length * 3_600 }]))]);

/** Types of the units of each picture. */
const typesOf = (codec: TransportCodec, samples: readonly TestSample[]): number[][] => {
  const report = reportOf(codec, samples);
  expect(report.problems).toEqual([]);
  const isAvc = codec.kind === "avc";
  return (report.streams[0]?.packets ?? []).map(({ payload }) =>
    nalUnitsOf(payload).map(([header = 0]) => (isAvc ? header & 31 : (header >> 1) & 63)),
  );
};

const samplesOf = (units: readonly (readonly Uint8Array[])[], keys: readonly number[] = []): TestSample[] =>
  units.map((sample, index) => ({
    bytes: lengthPrefixed(sample),
    decodeTicks: index * 3_600,
    isKey: keys.includes(index),
  }));

describe("MEDIA-37 H.264", () => {
  it.each<[string, number[], number[]]>([
    ["a key frame without any", [6, 5], [9, 7, 8, 6, 5]],
    ["a key frame with both", [7, 8, 5], [9, 7, 8, 5]],
    ["a key frame with both behind a delimiter", [9, 7, 8, 6, 5], [9, 7, 8, 6, 5]],
    ["a key frame that lacks the picture set", [7, 6, 5], [9, 7, 6, 8, 5]],
    ["a key frame that lacks the sequence set", [8, 5], [9, 7, 8, 5]],
    ["a picture with a delimiter that is not in front", [6, 9, 1], [9, 6, 1]],
  ])("REG-235 MEDIA-37 puts parameter sets in front, not doubled: %s", (_, given, expected) => {
    const first = samplesOf([[avcUnit(5)]], [0]);
    const sets = new Map([
      [7, AVC_SEQUENCE_SET],
      [8, AVC_PICTURE_SET],
    ]);
    const second = given.map((type) => sets.get(type) ?? avcUnit(type));
    const samples = [...first, { bytes: lengthPrefixed(second), decodeTicks: 3_600, isKey: given.includes(5) }];
    expect(typesOf(avcCodec(), samples)[1]).toEqual(expected);
  });

  it("REG-235 MEDIA-37 gives sets to the first picture of a segment, to an open key frame, and to an IDR that no list names", () => {
    const samples = samplesOf([[avcUnit(1)], [avcUnit(1)], [avcUnit(6), avcUnit(1)], [avcUnit(5)]], [2]);
    expect(typesOf(avcCodec(), samples)).toEqual([
      [9, 7, 8, 1],
      [9, 1],
      [9, 7, 8, 6, 1],
      [9, 7, 8, 5],
    ]);
    expect(reportOf(avcCodec(), samples).streams[0]?.packets.map(({ isRandomAccess }) => isRandomAccess)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it.each([1, 2, 4] as const)("MEDIA-02 reads lengths of %i bytes", (lengthBytes) => {
    const units = [AVC_SEQUENCE_SET, AVC_PICTURE_SET, avcPicture(200, true)];
    const samples = [{ bytes: lengthPrefixed(units, lengthBytes), decodeTicks: 0, isKey: true }];
    const [packet] = reportOf(avcCodec(lengthBytes), samples).streams[0]?.packets ?? [];
    expect(nalUnitsOf(packet?.payload ?? new Uint8Array(0)).slice(1)).toEqual(units);
  });

  it("drops the rest of a sample behind a broken length, and units without bytes", () => {
    const broken = Uint8Array.of(
      ...lengthPrefixed([avcUnit(1), new Uint8Array(0), avcUnit(1, 2)]),
      0,
      0,
      1,
      0,
      65,
      2,
      3,
    );
    expect(typesOf(avcCodec(), [{ bytes: broken, decodeTicks: 0 }])).toEqual([[9, 7, 8, 1, 1]]);
    expect(typesOf(avcCodec(), [{ bytes: Uint8Array.of(255, 255, 255, 255, 65), decodeTicks: 0 }])).toEqual([
      [9, 7, 8],
    ]);
  });

  it("drops what follows more units than any picture has", () => {
    const bytes = new Uint8Array(2_000_000).map((_, index) => (index % 2 === 0 ? 1 : 0x41));
    const [packet] = reportOf(avcCodec(1), [{ bytes, decodeTicks: 0 }]).streams[0]?.packets ?? [];
    expect(nalUnitsOf(packet?.payload ?? new Uint8Array(0)).length).toBe(3 + 4_096);
  });

  it("carries on with any bytes as samples", () => {
    const bytes = fc.uint8Array({ maxLength: 600 });
    const lengthBytes = fc.constantFrom<(1 | 2 | 4)[]>(1, 2, 4);
    const hevc = (nalLengthBytes: 1 | 2 | 4): TransportCodec => ({ kind: "hevc", nalLengthBytes, parameterSets: [] });
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 8 }), lengthBytes, fc.boolean(), (parts, count, isAvc) => {
        const samples = parts.map((part, index) => ({ bytes: part, decodeTicks: index * 3_600 }));
        const report = reportOf(isAvc ? avcCodec(count) : hevc(count), samples);
        const ofPackets = report.problems.filter((problem) => !/parameter set|unit/.test(problem));
        expect(ofPackets).toEqual([]);
        expect(report.streams[0]?.packets.length).toBe(parts.length);
      }),
      { numRuns: 200 },
    );
  });
});

describe("MEDIA-37 HEVC", () => {
  const codec: TransportCodec = {
    kind: "hevc",
    nalLengthBytes: 4,
    parameterSets: [
      hevcUnit(34, 3),
      hevcUnit(32, 1),
      hevcUnit(33, 2),
      Uint8Array.of(0x4e, 1, 5, 9, 9),
      Uint8Array.of(0x4e, 1, 137, 9, 9),
    ],
  };

  it("MEDIA-37 puts sets in their order in front of key frames, with messages about the sequence", () => {
    const samples = samplesOf([[hevcUnit(19)], [hevcUnit(1)], [hevcUnit(21)]], [0, 2]);
    expect(typesOf(codec, samples)).toEqual([
      [35, 32, 33, 34, 39, 19],
      [35, 1],
      [35, 32, 33, 34, 39, 21],
    ]);
  });

  it("MEDIA-37 leaves a key frame as it is that has its own sets", () => {
    const own = [hevcUnit(35), hevcUnit(32, 4), hevcUnit(33, 5), hevcUnit(34, 6), hevcUnit(20)];
    expect(typesOf(codec, samplesOf([own], [0]))).toEqual([[35, 32, 33, 34, 20]]);
  });
});
