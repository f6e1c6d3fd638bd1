import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mainDataStartOf, reachBackOf, sideInfoAt } from "../../src/audio/frameHeader.ts";
import { trimAudio } from "../../src/audio/trimAudio.ts";
import type { Cut, MediaOutcome } from "../../src/index.ts";
import { factsOf } from "../files.ts";
import {
  answered,
  assembled,
  audioFrame,
  audioFrames,
  digest,
  framesOf,
  HEADERS,
  id3,
  openedAudio,
  piecesOf,
  reservoirFrames,
  withBitRate,
} from "../support/audioFrames.ts";

type Times = readonly [number | undefined, number | undefined];

const cutOf = (sections: readonly Times[], maxRatioPercent?: number): Cut => ({
  sections: sections.map(([startSeconds, endSeconds]) => ({ startSeconds, endSeconds })),
  allTracks: false,
  maxRatioPercent,
});

const trimmed = (source: Uint8Array, cut: Cut): MediaOutcome =>
  answered(source, (pieces) => trimAudio(openedAudio(source), cut, pieces));

/** MPEG-1 at 48 kHz: 24 ms and 384 bytes each. */
const HEADER = 0xfffb9400;
const FRAME_SECONDS = 0.024;
const FRAME_BYTES = 384;

/** A minute of frames that need nothing of each other, behind a tag. */
const MINUTE = Buffer.concat([id3(100), audioFrames(2_500, HEADER)]);
const firstByte = (frame: number): number => 110 + frame * FRAME_BYTES;

/** Which frames of `MINUTE` a result is made of, besides its summary. */
const spansOf = (outcome: MediaOutcome): number[][] =>
  piecesOf(outcome).flatMap((piece) =>
    piece.kind === "source" ? [[(piece.start - 110) / FRAME_BYTES, (piece.end - 110) / FRAME_BYTES]] : [],
  );

describe("a trimmed file", () => {
  it.each<[string, Times, number[]]>([
    ["MEDIA-74 the beginning where no start is given", [undefined, 30], [0, 1_250]],
    ["MEDIA-74 the end where no end is given", [30, undefined], [1_250, 2_500]],
    ["MEDIA-70 a section", [12, 36], [500, 1_500]],
    ["MEDIA-76 whole frames: the one that sounds at the start, none that sounds behind the end", [0.05, 0.2], [2, 8]],
    ["MEDIA-76 the frame that a rounded start means", [0.0479, 0.0961], [2, 4]],
    ["MEDIA-76 one frame at least", [1.001, 1.002], [41, 42]],
    ["what there is of a section that reaches beyond the end", [59, 1_000], [2_458, 2_500]],
  ])("has %s", (_, section, frames) => {
    expect(spansOf(trimmed(MINUTE, cutOf([section])))).toEqual([frames]);
  });

  it.each<[string, Times]>([
    ["start > end", [50, 10]],
    ["start = end", [10, 10]],
    ["a start behind the end of the file", [61, undefined]],
    ["a negative start", [-5, 10]],
    ["no number", [Number.NaN, 10]],
    ["all of the file", [0, 60]],
  ])("MEDIA-75 is the file itself: %s", (_, section) => {
    expect(trimmed(MINUTE, cutOf([section])).kind).toBe("unchanged");
  });

  it.each<[string, Times[], number[][]]>([
    [
      "MEDIA-90 sections in their order",
      [
        [12, 24],
        [6, 9],
        [36, undefined],
      ],
      [
        [500, 1_000],
        [250, 375],
        [1_500, 2_500],
      ],
    ],
    [
      "MEDIA-91 repeated sections",
      [
        [12, 24],
        [12, 24],
      ],
      [
        [500, 1_000],
        [500, 1_000],
      ],
    ],
    [
      "MEDIA-92 empty sides",
      [
        [48, undefined],
        [undefined, 12],
      ],
      [
        [2_000, 2_500],
        [0, 500],
      ],
    ],
    [
      "sections that go on in one piece",
      [
        [12, 24],
        [24, 36],
      ],
      [[500, 1_500]],
    ],
    [
      "MEDIA-75 the valid sections alone",
      [
        [30, 3],
        [12, 24],
        [70, 80],
      ],
      [[500, 1_000]],
    ],
    [
      "MEDIA-93 what fits into half as much again",
      [
        [0, 48],
        [0, 48],
        [0, 36],
        [0, 6],
      ],
      [
        [0, 2_000],
        [0, 1_500],
        [0, 250],
      ],
    ],
  ])("of several sections has %s", (_, sections, frames) => {
    expect(spansOf(trimmed(MINUTE, cutOf(sections, 50)))).toEqual(frames);
  });

  it("MEDIA-93 may be longer than the file, up to twice", () => {
    const twice = trimmed(
      MINUTE,
      cutOf(
        [
          [undefined, undefined],
          [undefined, undefined],
          [0, 1],
        ],
        100,
      ),
    );
    expect(spansOf(twice)).toEqual([
      [0, 2_500],
      [0, 2_500],
    ]);
    expect(
      trimmed(
        MINUTE,
        cutOf(
          [
            [undefined, undefined],
            [0, 30],
          ],
          0,
        ),
      ).kind,
    ).toBe("unchanged");
  });

  it("MEDIA-77 is complete: it begins with a frame that says how long it is, for players and for BW-24", () => {
    const file = assembled(MINUTE, trimmed(MINUTE, cutOf([[12, 36]])));
    expect(digest(file.subarray(FRAME_BYTES))).toBe(digest(MINUTE.subarray(firstByte(500), firstByte(1_500))));
    const own = openedAudio(file);
    expect([own.frameCount, own.offsetOf(0)]).toEqual([1_000, FRAME_BYTES]);
    expect([file.toString("latin1", 36, 40), file.readUInt32BE(44), file.readUInt32BE(48)]).toEqual([
      "Info",
      1_000,
      file.length,
    ]);
    expect(file[52]).toBe(0);
    expect(file[102]).toBe(128);
    expect(factsOf(file)).toEqual({ headerBytes: FRAME_BYTES, bytesPerSecond: file.length / 24 });
  });

  it("MEDIA-77 tells where the hundredths of its time lie at changing bit rates", () => {
    const low = audioFrames(500, withBitRate(HEADER, 1));
    const high = audioFrames(1_500, withBitRate(HEADER, 14));
    const source = Buffer.concat([low, high]);
    const file = assembled(source, trimmed(source, cutOf([[0, 24]])));
    expect(file.toString("latin1", 36, 40)).toBe("Xing");
    const places = file.subarray(52, 152);
    const halfBytes = file.length - 500 * 960;
    expect(places[50]).toBe(Math.floor((halfBytes * 256) / file.length));
    expect([...places]).toEqual([...places].sort((one, other) => one - other));
    expect(factsOf(file).bytesPerSecond).toBeCloseTo(file.length / 24);
  });

  it("needs nothing of the file for frames that stand for themselves", () => {
    expect(trimAudio(openedAudio(MINUTE), cutOf([[12, 36]]), []).kind).toBe("recipe");
  });

  it("leaves out what stands between frames", () => {
    const source = Buffer.concat([audioFrames(100, HEADER), Buffer.alloc(777, 1), audioFrames(100, HEADER)]);
    const file = assembled(source, trimmed(source, cutOf([[0, 4.5]])));
    expect(openedAudio(file).frameCount).toBe(187);
    expect(file.length).toBe(188 * FRAME_BYTES);
  });

  it("of layer II is the frames alone", () => {
    const source = audioFrames(100, HEADERS.layerTwo192At48000);
    const file = assembled(source, trimmed(source, cutOf([[0.24, 0.48]])));
    expect(digest(file)).toBe(digest(source.subarray(5_760, 11_520)));
  });

  it("MEDIA-06 is the source where that could not be analysed to its end", () => {
    const source = Buffer.concat([audioFrames(100, HEADER), Buffer.alloc(1_100_000, 1)]);
    expect(trimmed(source, cutOf([[0, 1]])).kind).toBe("unchanged");
  });
});

interface MainData {
  /** What the decoder reads for each frame: the bytes from where the frame reaches back to, to its own end. */
  readonly frames: readonly Buffer[];
}

const mainDataOf = (bytes: Buffer): MainData => {
  let stream = Buffer.alloc(0);
  const frames = framesOf(openedAudio(bytes)).map(({ offset, size }) => {
    const header = bytes.readUInt32BE(offset);
    const reach = reachBackOf(header, bytes.readUInt16BE(offset + sideInfoAt(header)));
    const own = bytes.subarray(offset + mainDataStartOf(header), offset + size);
    const start = stream.length - reach;
    const content = Buffer.concat([start < 0 ? Buffer.from("missing") : stream.subarray(start), own]);
    stream = Buffer.concat([stream, own]);
    return content;
  });
  return { frames };
};

describe("the bit reservoir", () => {
  const FORMS = [HEADER, HEADERS.mono64At44100, HEADERS.mono32At22050, HEADERS.mono8At8000];

  it("MEDIA-76 MEDIA-77 gives every frame of a section the bits that it had in the source", () => {
    const rates = fc.array(fc.integer({ min: 1, max: 14 }), { minLength: 30, maxLength: 60 });
    const wishes = fc.array(fc.nat(511), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(
        fc.constantFrom(...FORMS),
        rates,
        wishes,
        fc.integer({ min: 1, max: 28 }),
        (form, bitRates, wish, at) => {
          const source = reservoirFrames(form, bitRates, wish);
          const whole = openedAudio(source);
          const seconds = whole.durationSeconds / whole.frameCount;
          const outcome = trimmed(source, cutOf([[at * seconds, undefined]]));
          const result = mainDataOf(assembled(source, outcome)).frames;
          const wanted = mainDataOf(source).frames.slice(at);
          expect(result.slice(-wanted.length).map(digest)).toEqual(wanted.map(digest));
          expect(result.length - wanted.length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("MEDIA-91 is there for each of several sections, by one silent frame that players skip at the beginning", () => {
    const source = reservoirFrames(
      HEADER,
      Array.from({ length: 200 }, () => 9),
      [300],
    );
    const outcome = trimmed(
      source,
      cutOf(
        [
          [1.2, 2.4],
          [0.24, 0.48],
        ],
        50,
      ),
    );
    const file = assembled(source, outcome);
    const result = mainDataOf(file).frames;
    const wanted = mainDataOf(source).frames;
    expect(result).toHaveLength(62);
    expect(result.slice(1, 51).map(digest)).toEqual(wanted.slice(50, 100).map(digest));
    expect(result.slice(52).map(digest)).toEqual(wanted.slice(10, 20).map(digest));
    const delay = file.readUIntBE(36 + 120 + 21, 3) >>> 12;
    expect([file.toString("latin1", 156, 160), delay]).toEqual(["LAME", 1_152 - 529]);
    expect(file.readUInt32BE(44)).toBe(62);
  });

  it("asks for no more of the source than the frames that hold it", () => {
    const source = reservoirFrames(
      HEADER,
      Array.from({ length: 200 }, () => 9),
      [300],
    );
    const outcome = trimAudio(openedAudio(source), cutOf([[1.2, 2.4]]), []);
    expect(outcome).toEqual({ kind: "needs", ranges: [{ start: 49 * FRAME_BYTES, end: 50 * FRAME_BYTES }] });
  });

  it("is not believed to reach into what is no audio", () => {
    const source = Buffer.concat([
      audioFrames(50, HEADER),
      Buffer.alloc(700, 1),
      audioFrame(HEADER, 0, 400),
      audioFrame(HEADER, 1, 511),
      audioFrames(50, HEADER),
    ]);
    const outcome = trimmed(source, cutOf([[50 * FRAME_SECONDS, undefined]]));
    expect(openedAudio(assembled(source, outcome)).frameCount).toBe(52);
  });

  it("keeps what the encoder says of beginning and end where the section has them", () => {
    const summary = audioFrame(HEADER);
    summary.write("Info", 36, "latin1");
    summary.writeUInt32BE(15, 40);
    summary.write("LAME3.100", 156, "latin1");
    summary.writeUIntBE((576 << 12) | 1_440, 177, 3);
    const source = Buffer.concat([
      summary,
      reservoirFrames(
        HEADER,
        Array.from({ length: 100 }, () => 9),
        [100],
      ),
    ]);
    const delaysOf = (section: Times): number[] => {
      const bits = assembled(source, trimmed(source, cutOf([section]))).readUIntBE(177, 3);
      return [bits >>> 12, bits & 0xfff];
    };
    expect(delaysOf([0, 1])).toEqual([576, 0]);
    expect(delaysOf([1, undefined])).toEqual([623, 1_440]);
  });
});
