import { createDecipheriv } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { audioSegment, cutAudioTimeline } from "../../src/audio/audioSegment.ts";
import { audioSegments } from "../../src/audio/audioSegments.ts";
import type { AudioSegment } from "../../src/audio/contract.ts";
import { TIMESTAMP_TAG_BYTES } from "../../src/audio/packedAudio.ts";
import type { AudioFile, Cut, MediaOutcome, SegmentEncryption, Segmenting } from "../../src/index.ts";
import {
  answered,
  audioFrames,
  digest,
  framesOf,
  HEADERS,
  id3,
  openedAudio,
  withBitRate,
} from "../support/audioFrames.ts";
import { checkTransport } from "../support/transportChecker.ts";

/** MPEG-1 at 48 kHz: 24 ms each. */
const HEADER = 0xfffb9400;

const segmentingOf = (form: Segmenting["form"], durationSeconds = 10, sequence = 0): Segmenting => ({
  form,
  durationSeconds,
  sequence,
});

const segmentsOf = (file: AudioFile, segmenting: Segmenting, cut?: Cut): readonly AudioSegment[] =>
  audioSegments(file, cutAudioTimeline(file, cut), segmenting) ?? [];

interface Wanted {
  readonly number: number;
  readonly segmenting: Segmenting;
  readonly cut?: Cut;
  readonly encryption?: SegmentEncryption;
}

const outcomeOf = (
  source: Uint8Array,
  { number, segmenting, cut, encryption }: Wanted,
  file = openedAudio(source),
): MediaOutcome => answered(source, (pieces) => audioSegment(file, { number, segmenting, cut, encryption }, pieces));

const bodyOf = (source: Uint8Array, wanted: Wanted, file = openedAudio(source)): Buffer => {
  const outcome = outcomeOf(source, wanted, file);
  if (outcome.kind !== "bytes") throw new Error(outcome.kind);
  return Buffer.from(outcome.body);
};

const allOf = (source: Uint8Array, segmenting: Segmenting, cut?: Cut): Buffer[] => {
  const file = openedAudio(source);
  return segmentsOf(file, segmenting, cut).map((_, index) => {
    const number = segmenting.sequence + index;
    return bodyOf(source, cut === undefined ? { number, segmenting } : { number, segmenting, cut }, file);
  });
};

const cutOf = (...sections: [number, number][]): Cut => ({
  sections: sections.map(([startSeconds, endSeconds]) => ({ startSeconds, endSeconds })),
  allTracks: false,
  maxRatioPercent: 100,
});

const soundOf = (
  segments: readonly Buffer[],
): { payload: Buffer; stamps: number[]; streamType: number | undefined } => {
  const { problems, streams } = checkTransport(segments);
  expect(problems).toEqual([]);
  const packets = streams[0]?.packets ?? [];
  return {
    payload: Buffer.concat(packets.map(({ payload }) => payload)),
    stamps: packets.map(({ presentationTicks }) => presentationTicks),
    streamType: streams[0]?.streamType,
  };
};

describe("where a file is cut", () => {
  it("MEDIA-30 MEDIA-35 at the last frame that begins no later than the duration", () => {
    const segments = segmentsOf(openedAudio(audioFrames(2_000, HEADER)), segmentingOf("ts"));
    expect(segments.map(({ firstFrame, endFrame }) => [firstFrame, endFrame])).toEqual([
      [0, 416],
      [416, 832],
      [832, 1_248],
      [1_248, 1_664],
      [1_664, 2_000],
    ]);
    expect(segments[1]).toEqual({
      startSeconds: 9.984,
      durationSeconds: 9.984,
      firstFrame: 416,
      endFrame: 832,
      byteCount: 416 * 384,
    });
  });

  it("MEDIA-35 exactly at the duration where a frame begins there", () => {
    const [first] = segmentsOf(openedAudio(audioFrames(2_000, HEADER)), segmentingOf("mp3", 12));
    expect(first?.durationSeconds).toBe(12);
  });

  it("MEDIA-28 without gaps, for any duration, and its sum is the length of the file", () => {
    const source = Buffer.concat([audioFrames(300, HEADER), audioFrames(400, HEADERS.mono32At22050)]);
    const file = openedAudio(source);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 30, noNaN: true }), (duration) => {
        const segments = segmentsOf(file, segmentingOf("ts", duration));
        expect(segments.map(({ firstFrame }) => firstFrame)).toEqual([
          0,
          ...segments.slice(0, -1).map(({ endFrame }) => endFrame),
        ]);
        const sum = segments.reduce((seconds, { durationSeconds }) => seconds + durationSeconds, 0);
        expect(sum).toBeCloseTo(file.durationSeconds, 6);
        expect(segments.reduce((bytes, { byteCount }) => bytes + byteCount, 0)).toBe(source.length);
      }),
      { numRuns: 25 },
    );
  });

  it("MEDIA-100 trims first", () => {
    const segments = segmentsOf(
      openedAudio(audioFrames(2_500, HEADER)),
      segmentingOf("ts", 5),
      cutOf([12, 24], [48, 54]),
    );
    expect(segments.map(({ durationSeconds }) => durationSeconds)).toEqual([4.992, 4.992, 4.992, 3.024]);
  });
});

describe("a segment of packed audio", () => {
  const source = Buffer.concat([id3(1_000), audioFrames(1_000, HEADER)]);

  it("MEDIA-51 holds the frames of the source: together all of them, exactly", () => {
    const bodies = allOf(source, segmentingOf("mp3"));
    expect(bodies.length).toBe(3);
    const frames = Buffer.concat(bodies.map((body) => body.subarray(TIMESTAMP_TAG_BYTES)));
    expect(digest(frames)).toBe(digest(source.subarray(1_010)));
    expect(framesOf(openedAudio(bodies[1] ?? Buffer.alloc(0)))).toHaveLength(416);
  });

  it("MEDIA-51 says by a tag when it begins (RFC 8216 3.4)", () => {
    const [, body = Buffer.alloc(0)] = allOf(source, segmentingOf("mp3"));
    expect(body.toString("latin1", 0, 20)).toBe("ID3\u0004\0\0\0\0\0\u003fPRIV\0\0\0\u0035\0\0");
    expect(body.toString("latin1", 20, 65)).toBe("com.apple.streaming.transportStreamTimestamp\0");
    expect(body.readBigUInt64BE(65)).toBe(BigInt(9.984 * 90_000));
    expect(body.readUInt32BE(73)).toBe(HEADER);
  });

  it("MEDIA-91 keeps the order of sections that go back", () => {
    const [body = Buffer.alloc(0)] = allOf(source, segmentingOf("mp3", 60), cutOf([12, 18], [6, 12]));
    const at = (frame: number): number => 1_010 + frame * 384;
    const frames = Buffer.concat([source.subarray(at(500), at(750)), source.subarray(at(250), at(500))]);
    expect(digest(body.subarray(TIMESTAMP_TAG_BYTES))).toBe(digest(frames));
  });
});

describe("a segment of a transport stream", () => {
  const source = Buffer.concat([
    id3(1_000),
    audioFrames(300, HEADER),
    Buffer.alloc(50, 1),
    audioFrames(300, withBitRate(HEADER, 5)),
  ]);
  const frames = Buffer.concat([source.subarray(1_010, 1_010 + 300 * 384), source.subarray(1_060 + 300 * 384)]);

  it("REG-240 MEDIA-37 MEDIA-51 carries all frames of the source, at times that go on", () => {
    const { payload, stamps, streamType } = soundOf(allOf(source, segmentingOf("ts", 5)));
    expect(payload.equals(frames)).toBe(true);
    expect(streamType).toBe(3);
    expect(stamps[0]).toBe(126_000);
    const steps = stamps.slice(1).map((stamp, index) => stamp - (stamps[index] ?? 0));
    expect(steps.every((step) => step > 0 && step % 2_160 === 0)).toBe(true);
  });

  it("MEDIA-91 carries sections that repeat, at times of their own", () => {
    const { payload, stamps } = soundOf(allOf(source, segmentingOf("ts", 30), cutOf([0, 2.4], [0, 2.4])));
    expect(payload.equals(Buffer.concat([frames.subarray(0, 100 * 384), frames.subarray(0, 100 * 384)]))).toBe(true);
    expect(stamps).toEqual([...stamps].sort((one, other) => one - other));
  });
});

describe("a segment", () => {
  const source = audioFrames(1_000, HEADER);

  it.each(["ts", "mp3"] as const)("MEDIA-36 is the same each time, and asks for its own frames alone: %s", (form) => {
    const segmenting = segmentingOf(form, 10, 5);
    const request = { number: 6, segmenting, cut: undefined, encryption: undefined };
    expect(audioSegment(openedAudio(source), request, [])).toEqual({
      kind: "needs",
      ranges: [{ start: 416 * 384, end: 832 * 384 }],
    });
    const body = bodyOf(source, { number: 6, segmenting });
    expect(digest(bodyOf(source, { number: 6, segmenting }))).toBe(digest(body));
    expect(digest(allOf(source, segmenting)[1] ?? Buffer.alloc(0))).toBe(digest(body));
  });

  it.each([4, 8, -1, 1.5])("MEDIA-23 MEDIA-16 is absent outside of the list: %d", (number) => {
    expect(outcomeOf(source, { number, segmenting: segmentingOf("ts", 10, 5) }).kind).toBe("absent");
  });

  it("REG-236 MEDIA-53 is served up to where a file could be analysed", () => {
    const damaged = Buffer.concat([source, Buffer.alloc(1_200_000, 1), source]);
    expect(allOf(damaged, segmentingOf("mp3")).map(digest)).toEqual(allOf(source, segmentingOf("mp3")).map(digest));
  });

  it.each(["ts", "mp3"] as const)("is encrypted with its number: %s", (form) => {
    const key = Buffer.from("0123456789abcdef");
    const segmenting = segmentingOf(form);
    const encrypted = bodyOf(source, { number: 1, segmenting, encryption: { key, keyUri: "/key" } });
    const vector = Buffer.alloc(16);
    vector[15] = 1;
    const decipher = createDecipheriv("aes-128-cbc", key, vector);
    const plain = Buffer.concat([decipher.update(encrypted), decipher.final()]);
    expect(digest(plain)).toBe(digest(bodyOf(source, { number: 1, segmenting })));
  });

  it("is not made as a fragment of MP4", () => {
    expect(outcomeOf(source, { number: 0, segmenting: segmentingOf("fmp4") }).kind).toBe("unreadable");
  });
});
