import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AUDIO_TICKS_PER_SECOND } from "../../src/audio/contract.ts";
import { AudioIndexer, isAudioIndex, openAudioFile } from "../../src/index.ts";
import { corpusFile } from "../files.ts";
import {
  audioFrame,
  audioFrames,
  framesOf,
  HEADERS,
  id3,
  id3v1,
  indexAudio,
  openedAudio,
  withBitRate,
  withPadding,
} from "../support/audioFrames.ts";

const FRAME_BYTES = 417;

const apeTag = (isHeader: boolean, contentBytes: number): Buffer => {
  const part = (flags: number): Buffer => {
    const data = Buffer.alloc(32);
    data.write("APETAGEX", 0, "latin1");
    data.writeUInt32LE(2_000, 8);
    data.writeUInt32LE(contentBytes + 32, 12);
    data.writeUInt32LE(flags, 20);
    return data;
  };
  const content = Buffer.alloc(contentBytes, "y");
  return isHeader ? Buffer.concat([part(0xa0000000), content, part(0x80000000)]) : Buffer.concat([content, part(0)]);
};

const footerTag = (contentBytes: number): Buffer => {
  const tag = Buffer.concat([id3(contentBytes), Buffer.from("3DI\u0004\0\u0010\0\0\0\0", "latin1")]);
  tag[5] = 0x10;
  return tag;
};

/** As some old writers have it: the size as a plain number. */
const plainTag = (contentBytes: number): Buffer => {
  const tag = id3(contentBytes);
  tag.writeUInt32BE(contentBytes, 6);
  return tag;
};

describe("the frames of a file", () => {
  it.each([
    ["MPEG-1 layer III", HEADERS.stereo128At44100, 417, 1_152 / 44_100, 44_100, 2],
    ["MPEG-1 layer III of one channel", HEADERS.mono64At44100, 208, 1_152 / 44_100, 44_100, 1],
    ["MPEG-2 layer III", HEADERS.mono32At22050, 104, 576 / 22_050, 22_050, 1],
    ["MPEG-2.5 layer III", HEADERS.mono8At8000, 72, 576 / 8_000, 8_000, 1],
    ["layer II", HEADERS.layerTwo192At48000, 576, 1_152 / 48_000, 48_000, 2],
    ["frames with a checksum", HEADERS.withChecksum, 417, 1_152 / 44_100, 44_100, 2],
  ])("MEDIA-50 are found: %s", (_, header, byteCount, seconds, sampleRateHz, channelCount) => {
    const file = openedAudio(audioFrames(100, header));
    expect(file).toMatchObject({ frameCount: 100, sampleRateHz, channelCount, isVariable: false, isComplete: true });
    expect(file.durationSeconds).toBeCloseTo(100 * seconds, 9);
    expect(file.audioBytes).toBe(100 * byteCount);
    expect(framesOf(file)).toEqual(
      Array.from({ length: 100 }, (__, frame) => ({ offset: frame * byteCount, size: byteCount })),
    );
    expect(file.ticksOf(50)).toBe(file.durationTicks / 2);
    expect(file.frameAt(file.ticksOf(50))).toBe(50);
    expect(file.frameAt(file.ticksOf(50) - 1)).toBe(49);
    expect([file.frameAt(-1), file.frameAt(1e15)]).toEqual([0, 99]);
  });

  it("MEDIA-50 are found at changing bit rates, with padding, and their sum of time is exact", () => {
    const headers = Array.from({ length: 1_000 }, (_, index) => {
      const header = withBitRate(HEADERS.stereo128At44100, 1 + (index % 14));
      return index % 3 === 0 ? withPadding(header) : header;
    });
    const bytes = Buffer.concat(headers.map((header, index) => audioFrame(header, index, index % 512)));
    const file = openedAudio(bytes);
    expect(file).toMatchObject({ frameCount: 1_000, isVariable: true, peakBitsPerSecond: 320_000 });
    expect(file.durationTicks).toBe((1_000 * 1_152 * AUDIO_TICKS_PER_SECOND) / 44_100);
    expect(file.meanBitsPerSecond).toBe(Math.round((bytes.length * 8) / file.durationSeconds));
    let offset = 0;
    for (const [frame, header] of headers.entries()) {
      expect([file.offsetOf(frame), file.reachBackOf(frame)]).toEqual([offset, frame % 512]);
      expect(file.headerOf(frame)).toBe(header);
      offset += file.sizeOf(frame);
    }
    expect(file.rangesOf(10, 900)).toEqual([{ start: file.offsetOf(10), end: file.offsetOf(900) }]);
  });

  it.each([
    ["ID3v2", id3(300), Buffer.alloc(0)],
    ["several ID3v2, one with a footer", Buffer.concat([id3(300), footerTag(20_000), id3(5)]), Buffer.alloc(0)],
    ["ID3v2 with a plain size", plainTag(40_000), Buffer.alloc(0)],
    ["ID3v2 and padding", Buffer.concat([id3(300), Buffer.alloc(700)]), Buffer.alloc(0)],
    ["ID3v1", Buffer.alloc(0), id3v1()],
    ["APE tags with header and footer", apeTag(true, 100), Buffer.concat([apeTag(true, 5_000), id3v1()])],
    ["an APE tag with a footer", Buffer.alloc(0), apeTag(false, 1_000)],
    ["garbage", Buffer.from("RIFF, or whatever stands there".repeat(20)), Buffer.alloc(5_000, 0xaa)],
  ])("MEDIA-50 are found beside %s", (_, front, behind) => {
    const file = openedAudio(Buffer.concat([front, audioFrames(20), behind]));
    expect([file.frameCount, file.offsetOf(0), file.isComplete]).toEqual([20, front.length, true]);
  });

  it("MEDIA-50 are not those of tags: a tag that holds whole frames", () => {
    const tag = id3(10_000);
    audioFrames(10).copy(tag, 100);
    const file = openedAudio(Buffer.concat([tag, audioFrames(20)]));
    expect([file.frameCount, file.offsetOf(0)]).toEqual([20, tag.length]);
  });

  it("MEDIA-50 follow a gap, and only where two of them do", () => {
    const lone = audioFrame(withBitRate(HEADERS.mono32At22050, 5));
    const gap = Buffer.concat([Buffer.alloc(1_000, 0x11), lone, Buffer.alloc(500, 0x22)]);
    const file = openedAudio(Buffer.concat([audioFrames(70), gap, audioFrames(70)]));
    expect(file.frameCount).toBe(140);
    expect(file.durationTicks).toBe(140 * file.ticksOf(1));
    expect(file.rangesOf(0, 140)).toEqual([
      { start: 0, end: 70 * FRAME_BYTES },
      { start: 70 * FRAME_BYTES + gap.length, end: 140 * FRAME_BYTES + gap.length },
    ]);
    expect([file.runStartOf(69), file.runStartOf(70), file.runStartOf(139)]).toEqual([0, 70, 70]);
    expect(file.bytesOf(69, 71)).toBe(2 * FRAME_BYTES);
  });

  it("MEDIA-50 may change their form: times follow, and the file stays in one piece", () => {
    const file = openedAudio(Buffer.concat([audioFrames(50), audioFrames(50, HEADERS.mono32At22050)]));
    expect(file.frameCount).toBe(100);
    expect(file.durationSeconds).toBeCloseTo((50 * 1_152) / 44_100 + (50 * 576) / 22_050, 9);
    expect(file.rangesOf(0, 100)).toHaveLength(1);
    expect(file.frameAt(file.ticksOf(75) + 5)).toBe(75);
  });

  it("MEDIA-07 end with the file: a frame that is cut is none", () => {
    const bytes = audioFrames(10);
    expect(openedAudio(bytes.subarray(0, bytes.length - 1)).frameCount).toBe(9);
    expect(indexAudio(bytes.subarray(0, bytes.length - 1), [50], -1)?.frameCount).toBe(9);
    expect(openedAudio(audioFrame(HEADERS.stereo128At44100)).frameCount).toBe(1);
  });

  it("do not count the frame with a summary, which says what the encoder added", () => {
    const summary = audioFrame(HEADERS.stereo128At44100);
    summary.write("Xing", 36, "latin1");
    summary.writeUInt32BE(15, 40);
    summary.write("LAME3.100", 36 + 120, "latin1");
    summary.writeUIntBE((576 << 12) | 1_440, 36 + 120 + 21, 3);
    const file = openedAudio(Buffer.concat([summary, audioFrames(5)]));
    expect(file).toMatchObject({ frameCount: 5, encoderDelaySamples: 576, encoderPaddingSamples: 1_440 });
    const vbri = audioFrame(HEADERS.stereo128At44100);
    vbri.write("VBRI", 36, "latin1");
    expect(openedAudio(Buffer.concat([vbri, audioFrames(5)]))).toMatchObject({
      frameCount: 5,
      encoderDelaySamples: undefined,
    });
  });

  it.each([
    ["constant.mp3", undefined],
    ["variable.mp3", 576],
  ])("MEDIA-50 are those that an encoder wrote: %s", (name, delaySamples) => {
    const bytes = corpusFile(name);
    const file = openedAudio(bytes);
    expect(file.durationSeconds).toBeGreaterThan(3.9);
    expect(file.durationSeconds).toBeLessThan(4.2);
    expect(file.encoderDelaySamples).toBe(delaySamples);
    expect(file.offsetOf(file.frameCount - 1) + file.sizeOf(file.frameCount - 1)).toBe(bytes.length);
  });
});

describe("an analysis", () => {
  it.each([
    ["text", Buffer.from("no sound at all ".repeat(1_000))],
    ["nothing", Buffer.alloc(0)],
    ["zeros", Buffer.alloc(10_000)],
    ["ones", Buffer.alloc(10_000, 0xff)],
    ["a tag alone", id3(5_000)],
    [
      "free format",
      audioFrames(3, withBitRate(HEADERS.stereo128At44100, 1)).map((byte, at) => (at % 104 === 2 ? 0 : byte)),
    ],
    ["layer I", Buffer.from("fffe9000".repeat(500), "hex")],
    ["a lone frame in something else", Buffer.concat([audioFrame(HEADERS.stereo128At44100), Buffer.alloc(900, 1)])],
  ])("finds no audio in %s", (_, bytes) => {
    expect(indexAudio(bytes)).toBeUndefined();
  });

  it("MEDIA-53 keeps what it has found up to something else", () => {
    const file = openedAudio(Buffer.concat([audioFrames(100), Buffer.alloc(1_100_000, 0x33), audioFrames(100)]));
    expect([file.frameCount, file.isComplete]).toEqual([100, false]);
  });

  it("MEDIA-53 MEDIA-54 keeps what has come of a file that ends early, or of which bytes are left out", () => {
    const bytes = audioFrames(100);
    const early = indexAudio(bytes.subarray(0, 50 * FRAME_BYTES + 10), [1_000], bytes.length);
    expect([early?.frameCount, early?.isComplete, early?.fileBytes]).toEqual([50, false, bytes.length]);
    const indexer = new AudioIndexer(bytes.length);
    indexer.push(0, bytes.subarray(0, 50 * FRAME_BYTES));
    indexer.push(60 * FRAME_BYTES, bytes.subarray(60 * FRAME_BYTES));
    const result = indexer.finish();
    const file = result.kind === "indexed" ? openAudioFile(result.memory) : undefined;
    expect([file?.frameCount, file?.isComplete]).toEqual([50, false]);
  });

  it("takes 2 bytes for a frame", () => {
    const indexer = new AudioIndexer(-1);
    indexer.push(0, audioFrames(10_000, HEADERS.mono8At8000));
    const result = indexer.finish();
    const memory = result.kind === "indexed" ? result.memory : new SharedArrayBuffer(0);
    expect(memory.byteLength).toBeLessThan(10_000 * 2.3);
    expect([
      isAudioIndex(memory),
      isAudioIndex(new SharedArrayBuffer(0)),
      isAudioIndex(new SharedArrayBuffer(99)),
    ]).toEqual([true, false, false]);
  });

  const SOURCES = ["constant.mp3", "variable.mp3"].map((name) => corpusFile(name));
  const MIXED = Buffer.concat([
    id3(500),
    audioFrames(5),
    Buffer.alloc(900, 0xff),
    audioFrames(5, HEADERS.mono32At22050),
    apeTag(true, 3_500),
    audioFrames(5, HEADERS.layerTwo192At48000),
    id3v1(),
  ]);

  it("MEDIA-36 finds the same whatever pieces a file comes in", () => {
    for (const source of [...SOURCES, MIXED]) {
      const whole = framesOf(openedAudio(source));
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 6_000 }), { minLength: 1, maxLength: 12 }), (pieceBytes) => {
          const file = indexAudio(source, pieceBytes);
          expect(file === undefined ? [] : framesOf(file)).toEqual(whole);
        }),
        { numRuns: 30 },
      );
    }
    expect(openedAudio(MIXED).frameCount).toBe(15);
  });

  const expectSound = (bytes: Uint8Array, fileBytes: number): void => {
    const file = indexAudio(bytes, [4_000], fileBytes);
    if (file === undefined) return;
    let end = 0;
    for (const { offset, size } of framesOf(file)) {
      expect(offset).toBeGreaterThanOrEqual(end);
      end = offset + size;
    }
    expect(end).toBeLessThanOrEqual(bytes.length);
    expect(file.rangesOf(0, file.frameCount).reduce((sum, range) => sum + range.end - range.start, 0)).toBe(
      file.audioBytes,
    );
    expect(file.durationTicks).toBeGreaterThan(0);
  };

  it("is led nowhere by damage", () => {
    const source = fc.constantFrom(...SOURCES, MIXED);
    const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { maxLength: 20 });
    fc.assert(
      fc.property(source, damage, fc.double({ min: 0, max: 1, noNaN: true }), (whole, changes, share) => {
        const bytes = Buffer.from(whole.subarray(0, Math.ceil(whole.length * share)));
        for (const [at, value] of changes) bytes[Math.floor(at * (bytes.length - 1))] = value;
        expectSound(bytes, bytes.length);
      }),
      { numRuns: 300, seed: 10 },
    );
  });

  it("takes any bytes", () => {
    const noise = fc.array(fc.constantFrom(0xff, 0xfb, 0x90, 0, 0x49, 0x44, 0x33, 0x54, 0x41, 0x47, 0x50), {
      maxLength: 3_000,
    });
    fc.assert(
      fc.property(noise, fc.integer({ min: -1, max: 5_000 }), (bytes, fileBytes) => {
        expectSound(Uint8Array.from(bytes), fileBytes);
      }),
    );
  });
});
