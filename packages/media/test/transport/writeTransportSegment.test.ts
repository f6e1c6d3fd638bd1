import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TRANSPORT_START_TICKS, writeTransportSegment } from "../../src/index.ts";
import { adtsFramesOf, nalUnitsOf } from "../support/byteStreamChecker.ts";
import { checkTransport } from "../support/transportChecker.ts";
import {
  aacCodec,
  avcCodec,
  avcPicture,
  filler,
  pictureSample,
  type TestSample,
  type TestStream,
  transportSegment,
} from "../support/transportInput.ts";

const AAC_FRAME_TICKS = 1_920;
const AWKWARD_SIZES = [0, 1, 2, 20, 150, 183, 184, 185, 368, 5_000, 65_536];

const write = (segments: readonly (readonly TestStream[])[]): Uint8Array[] =>
  segments.map((streams, number) => writeTransportSegment(transportSegment(number, streams)));

/** Pictures of equal distance, the first one a key frame. */
const pictures = (sizes: readonly number[], startTicks: number, frameTicks: number): TestStream => ({
  codec: avcCodec(),
  samples: sizes.map((size, index) => ({
    bytes: size === 0 ? new Uint8Array(0) : pictureSample(avcPicture(size, index === 0, index)),
    decodeTicks: startTicks + index * frameTicks,
    isKey: index === 0,
  })),
  endTicks: startTicks + sizes.length * frameTicks,
});

const sound = (sizes: readonly number[], startTicks: number): TestStream => ({
  codec: aacCodec(),
  samples: sizes.map((size, index) => ({
    bytes: filler(size, index),
    decodeTicks: startTicks + index * AAC_FRAME_TICKS,
  })),
  endTicks: startTicks + sizes.length * AAC_FRAME_TICKS,
});

describe("MEDIA-37 transport stream segments", () => {
  it("REG-237 MEDIA-37 begins with PAT and PMT, and is free of faults over segments", () => {
    const segments = [0, 1, 2].map((number) => [
      pictures([4_000, 900, 50, 1_200, 700], number * 18_000, 3_600),
      sound([300, 341, 340, 12, 500, 333, 321, 200, 351], number * 9 * AAC_FRAME_TICKS),
    ]);
    const report = checkTransport(write(segments));
    expect(report.problems).toEqual([]);
    expect(report.streams.map(({ pid, streamType }) => [pid, streamType])).toEqual([
      [0x100, 0x1b],
      [0x101, 0x0f],
    ]);
    expect(report.clockPid).toBe(0x100);
  });

  it("REG-247 MEDIA-02 MEDIA-37 carries any sizes of frames unchanged, its counters continuous from segment to segment", () => {
    const sizes = fc.array(fc.constantFrom(...AWKWARD_SIZES), { maxLength: 6 });
    const segment = fc.record({ pictureSizes: sizes, soundSizes: sizes });
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (plan) => {
        let pictureTicks = 0;
        let soundTicks = 0;
        const segments = plan.map(({ pictureSizes, soundSizes }) => {
          const streams = [pictures(pictureSizes, pictureTicks, 3_600), sound(soundSizes, soundTicks)];
          pictureTicks += pictureSizes.length * 3_600;
          soundTicks += soundSizes.length * AAC_FRAME_TICKS;
          return streams;
        });
        const written = segments.filter((streams) => streams[0]?.samples.length !== 0);
        const report = checkTransport(write(written));
        // Sizes are drawn for each stream by itself, so that one may run far ahead of the clock.
        expect(report.problems.filter((problem) => !/at clock|PCR goes/.test(problem))).toEqual([]);
        const [foundPictures, foundSound] = report.streams;
        const units = written.flatMap(([stream]) =>
          (stream?.samples ?? []).map(({ bytes }) => (bytes.length === 0 ? [] : [bytes.slice(4)])),
        );
        const isPicture = (unit: Uint8Array): boolean => [1, 5].includes((unit[0] ?? 0) & 31);
        expect(foundPictures?.packets.map(({ payload }) => nalUnitsOf(payload).filter(isPicture)) ?? []).toEqual(units);
        const frames = written.flatMap(([, stream]) => (stream?.samples ?? []).map(({ bytes }) => bytes));
        const carried = frames.filter(({ length }) => length > 0 && length < 8_185);
        expect(foundSound?.packets.flatMap(({ payload }) => adtsFramesOf(payload) ?? []) ?? []).toEqual(carried);
      }),
      { numRuns: 60 },
    );
  });

  it.each([1, 183, 184, 185, 65_536, 1_048_576])("MEDIA-37 splits a picture of %i bytes", (size) => {
    const unit = avcPicture(size, true);
    const stream = { ...pictures([], 0, 0), samples: [{ bytes: pictureSample(unit), decodeTicks: 0, isKey: true }] };
    const report = checkTransport(write([[stream]]));
    expect(report.problems).toEqual([]);
    expect(nalUnitsOf(report.streams[0]?.packets[0]?.payload ?? new Uint8Array(0)).at(-1)).toEqual(unit);
  });

  it("MEDIA-37 pads each stream to sixteen packets also with the smallest frames", () => {
    const segments = [0, 1, 2, 3].map((number) => [
      pictures([0], number * 3_600, 3_600),
      sound([1], number * AAC_FRAME_TICKS),
    ]);
    const written = write(segments);
    expect(checkTransport(written).problems).toEqual([]);
    expect(written.map(({ length }) => length / 188)).toEqual([34, 34, 34, 34]);
  });

  it("REG-243 MEDIA-37 gives B-frames both times, and others a PTS alone", () => {
    const order = [0, 3, 1, 2, 6, 4, 5];
    const samples = order.map(
      (shown, index): TestSample => ({
        bytes: pictureSample(avcPicture(500, index === 0)),
        decodeTicks: (index - 1) * 3_600,
        presentationTicks: shown * 3_600,
        isKey: index === 0,
      }),
    );
    const report = checkTransport(write([[{ codec: avcCodec(), samples, endTicks: 6 * 3_600 }]]));
    expect(report.problems).toEqual([]);
    const found = report.streams[0]?.packets ?? [];
    expect(found.map(({ presentationTicks }) => (presentationTicks - TRANSPORT_START_TICKS) / 3_600)).toEqual(order);
    expect(found.map(({ decodeTicks }) => (decodeTicks - TRANSPORT_START_TICKS) / 3_600)).toEqual([
      -1, 0, 1, 2, 3, 4, 5,
    ]);
  });

  it("MEDIA-37 lets times go on at 0 after 26.5 hours", () => {
    const startTicks = 2 ** 33 - TRANSPORT_START_TICKS - 3_600;
    const { streams } = checkTransport(write([[pictures([100, 100, 100], startTicks, 3_600)]]));
    expect(streams[0]?.packets.map(({ decodeTicks }) => decodeTicks)).toEqual([2 ** 33 - 3_600, 0, 3_600]);
  });

  it("MEDIA-36 makes equal bytes of equal requests, however the source is cut into pieces", () => {
    const request = transportSegment(7, [pictures([3_000, 200, 900], 0, 3_600), sound([300, 200, 100], 0)]);
    const whole = writeTransportSegment(request);
    const { samples } = request.streams[0] ?? { samples: undefined };
    const cut = (samples?.positions[1] ?? 0) - 1_000;
    const [piece] = request.pieces;
    if (piece === undefined) throw new Error("no piece");
    const pieces = [
      { start: 0, bytes: new Uint8Array(900) },
      { start: 1_000, bytes: piece.bytes.slice(0, cut) },
      { start: 1_000 + cut, bytes: piece.bytes.slice(cut) },
    ];
    expect(writeTransportSegment({ ...request, pieces })).toEqual(whole);
    expect(writeTransportSegment(request)).toEqual(whole);
  });

  it("leaves out samples that no piece has whole", () => {
    const request = transportSegment(0, [pictures([300, 200, 100], 0, 3_600)]);
    const [piece] = request.pieces;
    const pieces = [{ start: 1_000, bytes: piece?.bytes.slice(0, 600) ?? new Uint8Array(0) }];
    const report = checkTransport([writeTransportSegment({ ...request, pieces })]);
    expect(report.problems).toEqual([]);
    expect(report.streams[0]?.packets.length).toBe(2);
    expect(checkTransport([writeTransportSegment({ ...request, pieces: [] })]).streams[0]?.packets).toEqual([]);
  });

  it("describes sixteen streams in tables of two packets, and leaves out more", () => {
    const stream = (index: number): TestStream => ({
      ...sound([100, 100], 0),
      codec: { kind: "ac3" },
      language: "deu",
      samples: [{ bytes: Uint8Array.of(0x0b, 0x77, 0, 0, 0, index), decodeTicks: 0 }],
    });
    const streams = Array.from({ length: 20 }, (_, index) => stream(index));
    const written = [0, 1, 2].map((number) => writeTransportSegment(transportSegment(number, streams)));
    const problems = checkTransport(written).problems.filter((problem) => !/DTS|PCR/.test(problem));
    expect(problems).toEqual([]);
    expect(checkTransport(written).streams.length).toBe(16);
  });
});

describe("MEDIA-37 the clock", () => {
  it.each([
    ["stills of 10 s", 900_000],
    ["5 pictures a second", 18_000],
    ["10 pictures a second", 9_000],
    ["24 pictures a second", 3_750],
    ["120 pictures a second", 750],
  ])("MEDIA-37 comes every 100 ms with %s, over segments", (_, frameTicks) => {
    const segments = [0, 1, 2].map((number) => {
      const startTicks = number * 2 * frameTicks;
      const soundCount = Math.floor((2 * frameTicks) / AAC_FRAME_TICKS);
      return [pictures([500, 100], startTicks, frameTicks), sound(new Array(soundCount).fill(100), startTicks)];
    });
    const report = checkTransport(write(segments));
    expect(report.problems).toEqual([]);
    const spanTicks = 6 * frameTicks;
    expect(report.clockTicks.length).toBeLessThan(6 + spanTicks / 2_700);
  });

  it("REG-239 MEDIA-37 is with the sound where there are no pictures", () => {
    const count = 40;
    const segments = [0, 1, 2].map((number) => [sound(new Array(count).fill(200), number * count * AAC_FRAME_TICKS)]);
    const report = checkTransport(write(segments));
    expect(report.problems).toEqual([]);
    expect(report.clockPid).toBe(0x100);
  });

  it("MEDIA-37 goes on by the sound when the pictures have ended", () => {
    const lasting = 40 * AAC_FRAME_TICKS;
    const segments = [0, 1, 2].map((number) => [
      { ...pictures(number === 0 ? [500, 100] : [], 0, 3_600), endTicks: (number + 1) * lasting },
      sound(new Array(40).fill(200), number * lasting),
    ]);
    const report = checkTransport(write(segments));
    expect(report.problems).toEqual([]);
    expect(report.clockTicks.at(-1)).toBeGreaterThan(2 * lasting);
  });

  it("is bounded for times that no film has", () => {
    const stream = pictures([100, 100, 100], 0, 2 ** 40);
    expect(write([[stream]])[0]?.length).toBeLessThan(2_000_000);
    const backwards = { ...stream, samples: stream.samples.toReversed() };
    expect(write([[backwards]])[0]?.length).toBeLessThan(2_000_000);
  });
});
