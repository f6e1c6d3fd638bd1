import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanMedia } from "../src/index.ts";
import { box, corpusFile, FTYP, factsOf, frame, id3, longMovieHeader, movieHeader } from "./files.ts";

const CORPUS = ["front.mp4", "behind.mp4", "fragments.mp4", "sound.m4a", "constant.mp3", "variable.mp3"];

/** Where the content of the first box of that type begins, 8 bytes behind the box itself. */
const contentAt = (file: Buffer, type: string): number => file.indexOf(type, 0, "latin1") + 4;

describe("MP4 and M4A", () => {
  it.each(["front.mp4", "sound.m4a"])("BW-16 BW-26 finds the header in front of %s and its bit rate", (name) => {
    const file = corpusFile(name);
    const mdat = contentAt(file, "mdat");
    const { headerBytes, bytesPerSecond = 0 } = factsOf(file);
    expect(headerBytes).toBe(contentAt(file, "moov") - 8 + file.readUInt32BE(contentAt(file, "moov") - 8));
    expect(bytesPerSecond).toBeGreaterThan(((file.length - mdat) / 4) * 0.99);
    expect(bytesPerSecond).toBeLessThan(((file.length - mdat) / 4) * 1.01);
  });

  it("BW-16 has no header in front where sound and picture come first, and BW-26 still a bit rate", () => {
    const file = corpusFile("behind.mp4");
    const front = factsOf(corpusFile("front.mp4"));
    const { headerBytes, bytesPerSecond = 0 } = factsOf(file);
    expect(headerBytes).toBe(0);
    expect(bytesPerSecond / (front.bytesPerSecond ?? 0)).toBeCloseTo(1, 2);
    expect(factsOf(file.subarray(0, 2_000), undefined, file.length)).toEqual({
      headerBytes: 0,
      bytesPerSecond: undefined,
    });
  });

  it("BW-16 takes the header of a file in fragments", () => {
    const file = corpusFile("fragments.mp4");
    expect(factsOf(file).headerBytes).toBe(
      contentAt(file, "moov") - 8 + file.readUInt32BE(contentAt(file, "moov") - 8),
    );
  });

  it("reads durations of 64 bits and those of fragments", () => {
    const media = box("mdat", Buffer.alloc(40_000));
    const long = Buffer.concat([FTYP, box("moov", longMovieHeader(1_000, 8_000n)), media]);
    expect(factsOf(long).bytesPerSecond).toBe(40_008 / 8);
    const mehd = box("mehd", Buffer.from([0, 0, 0, 0, 0, 0, 0x1f, 0x40]));
    const moov = box("moov", movieHeader(1_000, 0), box("trak", Buffer.alloc(50)), box("mvex", mehd));
    expect(factsOf(Buffer.concat([FTYP, moov, media])).bytesPerSecond).toBe(40_008 / 8);
  });

  it("reads boxes with lengths of 64 bits, and the last one without any", () => {
    const large = Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from("free"), Buffer.alloc(8), Buffer.alloc(20)]);
    large.writeBigUInt64BE(36n, 8);
    const endless = Buffer.concat([Buffer.from([0, 0, 0, 0]), Buffer.from("mdat"), Buffer.alloc(40_000)]);
    const moov = box("moov", movieHeader(1, 8));
    const file = Buffer.concat([FTYP, large, moov, endless]);
    const headerBytes = FTYP.length + large.length + moov.length;
    expect(factsOf(file)).toEqual({ headerBytes, bytesPerSecond: (file.length - headerBytes) / 8 });
  });

  it.each([
    ["a box that is longer than the file", box("moov", movieHeader(1, 8)), 100],
    ["a box that is shorter than its own head", Buffer.from([0, 0, 0, 4, 0x66, 0x72, 0x65, 0x65, 0, 0, 0, 0]), 5_000],
    ["nothing but padding", Buffer.concat(Array.from({ length: 300 }, () => box("free"))), 5_000],
  ])("takes %s for no media file", (_, tail, totalBytes) => {
    const file = Buffer.concat([FTYP, tail]);
    expect(factsOf(file, undefined, totalBytes)).toEqual({ headerBytes: 0, bytesPerSecond: undefined });
  });

  it.each([
    ["no time scale", movieHeader(0, 8)],
    ["no duration", movieHeader(1, 0)],
    ["an unknown duration", movieHeader(1, 0xffffffff)],
    ["a duration that leaves nothing per second", movieHeader(1, 0xfffffffe)],
    ["no header of its own", box("trak", Buffer.alloc(40))],
  ])("BW-26 knows no bit rate of a movie with %s", (_, content) => {
    const moov = box("moov", content);
    const facts = factsOf(Buffer.concat([FTYP, moov, box("mdat", Buffer.alloc(5_000))]));
    expect(facts).toEqual({ headerBytes: FTYP.length + moov.length, bytesPerSecond: undefined });
  });

  it("believes in no header that is longer than any, and says so at once", () => {
    const huge = 3_000_000_000;
    const moov = box("moov", movieHeader(1, 8));
    moov.writeUInt32BE(huge, 0);
    expect(factsOf(Buffer.concat([FTYP, moov]), undefined, huge + 1_000).headerBytes).toBe(0);
    const free = Buffer.from([0xb2, 0xd0, 0x5e, 0, 0x66, 0x72, 0x65, 0x65]);
    const scanner = scanMedia(2 ** 40);
    scanner.push(0, Buffer.concat([FTYP, free]));
    scanner.push(huge + FTYP.length, Buffer.alloc(100));
    expect(scanner.facts.headerBytes).toBe(0);
  });

  it("needs the length of the file for its bit rate only", () => {
    const file = corpusFile("front.mp4");
    expect(factsOf(file, undefined, -1)).toEqual({ headerBytes: factsOf(file).headerBytes, bytesPerSecond: undefined });
  });
});

describe("MP3", () => {
  it("BW-16 BW-26 reads tag, first frame and the summary of a file of variable bit rate", () => {
    const file = corpusFile("variable.mp3");
    const { headerBytes = 0, bytesPerSecond = 0 } = factsOf(file);
    const tagBytes = 10 + ((file[8] ?? 0) << 7) + (file[9] ?? 0);
    expect(headerBytes).toBeGreaterThan(tagBytes);
    expect(headerBytes).toBeLessThan(tagBytes + 500);
    expect((bytesPerSecond * 4.075) / (file.length - tagBytes)).toBeCloseTo(1, 1);
  });

  it("BW-26 takes the bit rate of the first frame where all have the same", () => {
    expect(factsOf(corpusFile("constant.mp3")).bytesPerSecond).toBe(2_000);
  });

  it("BW-16 skips tags and padding", () => {
    const file = Buffer.concat([id3(300), id3(20_000), Buffer.alloc(7), frame(), frame(0xfffb9200), frame()]);
    expect(factsOf(file)).toEqual({ headerBytes: 310 + 20_010 + 7 + 417, bytesPerSecond: 16_000 });
  });

  it("BW-24 believes a summary before it has seen what follows", () => {
    const first = frame();
    first.write("Xing", 36, "latin1");
    first.writeUInt32BE(3, 40);
    first.writeUInt32BE(1_000, 44);
    first.writeUInt32BE(500_000, 48);
    const rate = 500_000 / ((1_000 * 1_152) / 44_100);
    expect(factsOf(first, undefined, 500_000)).toEqual({ headerBytes: 417, bytesPerSecond: rate });
  });

  it("reads the summary of another encoder", () => {
    const first = frame();
    first.write("VBRI", 36, "latin1");
    first.writeUInt32BE(441_000, 46);
    first.writeUInt32BE(3_828, 50);
    expect(factsOf(Buffer.concat([first, frame()])).bytesPerSecond).toBeCloseTo(441_000 / ((3_828 * 1_152) / 44_100));
  });

  it.each([
    ["text", Buffer.from("this is a text and nothing that sounds".repeat(10))],
    ["one frame before something else", Buffer.concat([frame(), Buffer.alloc(500, 1)])],
    [
      "a damaged tag",
      Buffer.concat([Buffer.from("ID3\u0004\0\0\u00ff\u00ff\u00ff\u00ff", "latin1"), frame(), frame()]),
    ],
    ["a tag without an end", Buffer.concat([id3(2 ** 26 + 1).subarray(0, 100), frame()])],
    ["a few bytes", Buffer.from("ID3")],
    ["nothing", Buffer.alloc(0)],
  ])("takes %s for no media file", (_, file) => {
    expect(factsOf(file, [64], file.length + 1)).toEqual(
      file.length < 12
        ? { headerBytes: undefined, bytesPerSecond: undefined }
        : { headerBytes: 0, bytesPerSecond: undefined },
    );
  });
});

describe("a scanner", () => {
  it.each(CORPUS)("learns the same of %s whatever pieces it comes in", (name) => {
    const file = corpusFile(name);
    const whole = factsOf(file);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 20 }), (pieceBytes) => {
        expect(factsOf(file, pieceBytes)).toEqual(whole);
      }),
    );
  });

  it.each(CORPUS)("learns the same of %s from a reader that gives only what it wants", (name) => {
    const file = corpusFile(name);
    const scanner = scanMedia(file.length);
    let readBytes = 0;
    while (scanner.wants >= 0) {
      const at = scanner.wants;
      const piece = file.subarray(at, at + 16);
      readBytes += piece.length;
      scanner.push(at, piece);
    }
    expect(scanner.facts).toEqual(factsOf(file));
    expect(readBytes).toBeLessThan(1_500);
  });

  it("knows nothing more of a file of which something is left out", () => {
    const file = corpusFile("front.mp4");
    const scanner = scanMedia(file.length);
    scanner.push(0, file.subarray(0, 20));
    scanner.push(60, file.subarray(60));
    expect(scanner.wants).toBe(-1);
    expect(scanner.facts).toEqual({ headerBytes: 0, bytesPerSecond: undefined });
  });

  it.each(CORPUS)("is led nowhere by damage to %s", (name) => {
    const file = corpusFile(name);
    const damage = fc.array(fc.tuple(fc.nat(Math.min(file.length, 4_000) - 1), fc.nat(255)), { maxLength: 12 });
    fc.assert(
      fc.property(damage, fc.integer({ min: -1, max: 10 ** 6 }), (changes, totalBytes) => {
        const damaged = Buffer.from(file);
        for (const [at, value] of changes) damaged[at] = value;
        const { headerBytes = 0, bytesPerSecond = 1_000 } = factsOf(damaged, [700, 3], totalBytes);
        expect(headerBytes).toBeGreaterThanOrEqual(0);
        expect(headerBytes).toBeLessThanOrEqual(64 * 1024 * 1024 + 2_000);
        expect(bytesPerSecond).toBeGreaterThanOrEqual(1_000);
      }),
    );
  });

  it("takes any bytes", () => {
    const start = fc.constantFrom(Buffer.alloc(0), FTYP, Buffer.from("ID3"), Buffer.from([0xff, 0xfb, 0x90, 0]));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 3_000 }), fc.integer({ min: 1, max: 100 }), (head, tail, piece) => {
        const { bytesPerSecond = 1_000 } = factsOf(Buffer.concat([head, tail]), [piece]);
        expect(Number.isFinite(bytesPerSecond)).toBe(true);
      }),
    );
  });
});
