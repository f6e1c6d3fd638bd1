import { describe, expect, it } from "vitest";
import { formatOf } from "../src/index.ts";
import { corpusFile } from "./files.ts";
import { audioFrame, audioFrames, HEADERS, id3 } from "./support/audioFrames.ts";

const bytes = (hex: string, text = ""): Buffer => Buffer.concat([Buffer.from(hex, "hex"), Buffer.from(text, "latin1")]);

describe("what a file is by its first bytes", () => {
  it.each(["front.mp4", "behind.mp4", "fragments.mp4", "sound.m4a"])("%s is MP4", (name) => {
    expect(formatOf(corpusFile(name).subarray(0, 12))).toBe("mp4");
  });

  it.each(["constant.mp3", "variable.mp3"])("%s is MPEG audio", (name) => {
    expect([formatOf(corpusFile(name).subarray(0, 12)), formatOf(corpusFile(name))]).toEqual(["mp3", "mp3"]);
  });

  it.each<[string, Buffer, ReturnType<typeof formatOf>]>([
    ["a film of QuickTime that begins with its media", bytes("00000001", "mdat\0\0\0\0"), "mp4"],
    ["a box that is shorter than its head", bytes("00000007", "ftypisom"), undefined],
    ["FLV with sound and picture", bytes("464c56010500000009", "\0\0\0"), "flv"],
    ["FLV with sound", bytes("464c56010400000009"), "flv"],
    ["FLV with a reserved bit", bytes("464c56010d00000009"), undefined],
    ["FLV whose body lies in its header", bytes("464c56010500000008"), undefined],
    ["FLV of version 0", bytes("464c56000500000009"), undefined],
    ["FLV that is cut", bytes("464c560105000000"), undefined],
    ["an ID3 tag", id3(5), "mp3"],
    ["what only begins as an ID3 tag does", Buffer.from("ID3 is a kind of tag"), undefined],
    ["one frame", audioFrame(HEADERS.mono32At22050).subarray(0, 12), "mp3"],
    ["frames", audioFrames(2, HEADERS.layerTwo192At48000), "mp3"],
    ["one frame before something else", Buffer.concat([audioFrame(HEADERS.mono32At22050), Buffer.alloc(9)]), undefined],
    ["AAC in ADTS", bytes("fff15080037ffcde02004c"), undefined],
    ["text", Buffer.from("<html><body>"), undefined],
    ["nothing", Buffer.alloc(0), undefined],
  ])("%s", (_, first, format) => {
    expect(formatOf(first)).toBe(format);
  });
});
