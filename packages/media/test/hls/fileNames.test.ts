import { describe, expect, it } from "vitest";
import { initFileName, readStreamFileName, segmentFileName } from "../../src/index.ts";

describe("names of what a playlist lists", () => {
  it.each([
    ["ts", "0.ts", { tracks: undefined, number: 0 }],
    ["ts", "163.ts", { tracks: undefined, number: 163 }],
    ["mp3", "7.mp3", { tracks: undefined, number: 7 }],
    ["fmp4", "7.m4s", { tracks: undefined, number: 7 }],
    ["fmp4", "video-7.m4s", { tracks: "video", number: 7 }],
    ["fmp4", "audio-init.mp4", { tracks: "audio", number: undefined }],
    ["fmp4", "init.mp4", { tracks: undefined, number: undefined }],
  ] as const)("MEDIA-23 of %s, %s", (form, name, expected) => {
    const found = readStreamFileName(form, name);
    expect(found).toEqual(expected);
    const { tracks, number } = expected;
    const named = tracks === undefined ? { form } : { form, tracks };
    expect(number === undefined ? initFileName(named) : segmentFileName(named, number)).toBe(name);
  });

  it.each([
    ["ts", "00.ts"],
    ["ts", "-1.ts"],
    ["ts", "1.mp3"],
    ["ts", "1.ts/"],
    ["ts", "video-1.ts"],
    ["ts", "init.mp4"],
    ["mp3", "1.ts"],
    ["fmp4", "1.ts"],
    ["fmp4", "1e3.m4s"],
    ["fmp4", "99999999999999999999.m4s"],
    ["fmp4", "text-1.m4s"],
  ] as const)("MEDIA-23 none of %s: %s", (form, name) => {
    expect(readStreamFileName(form, name)).toBeUndefined();
  });
});
