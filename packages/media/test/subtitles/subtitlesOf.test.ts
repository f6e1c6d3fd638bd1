import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MediaOutcome, type Movie, timelineOf, wholeTimeline } from "../../src/index.ts";
import { subtitlesOf } from "../../src/subtitles/subtitlesOf.ts";
import { readTimedText } from "../../src/subtitles/timedText.ts";
import { ascii, box, buildMovie, concat, type TrackPlan, u8, u16, u32, zeros } from "../support/boxes.ts";
import { textEntry } from "../support/entries.ts";
import { pictures, several, single, sound } from "../support/films.ts";
import { openFile } from "../support/openFile.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const timedText = (text: Uint8Array, ...modifiers: Uint8Array[]): Uint8Array =>
  concat(u16(text.length), text, ...modifiers);

const style = (start: number, end: number, face: number): Uint8Array =>
  concat(u16(start), u16(end), u16(1), u8(face, 18), u32(0xffffffff));

const SUBTITLES: TrackPlan = {
  handler: "sbtl",
  timescale: 1000,
  entries: [textEntry()],
  samples: [
    { data: timedText(utf8("")), duration: 1000 },
    { data: timedText(utf8("Grüße <an> alle & jeden")), duration: 4500 },
    { data: timedText(utf8("two\r\n\r\nlines")), duration: 6500 },
    { data: timedText(utf8("")), duration: 2000 },
    { data: timedText(utf8("last"), box("styl", u16(1), style(0, 4, 3))), duration: 9_000 },
  ],
};

const FILM = buildMovie({ tracks: [pictures(500, 50), sound(20), SUBTITLES] }).file;

const textOf = (outcome: MediaOutcome): string =>
  outcome.kind === "bytes" ? new TextDecoder().decode(outcome.body) : outcome.kind;

const made = (movie: Movie, file: Uint8Array, cut?: string): string => {
  const timeline =
    cut === undefined
      ? wholeTimeline(movie, { allTracks: true })
      : timelineOf(movie, cut.includes(",") ? several(cut, 100, true) : single(cut, true));
  if (typeof timeline !== "object") {
    throw new Error(`the timeline is ${timeline}`);
  }
  const asked = subtitlesOf(movie, timeline, []);
  if (asked.kind !== "needs") {
    return textOf(asked);
  }
  return textOf(
    subtitlesOf(
      movie,
      timeline,
      asked.ranges.map(({ start, end }) => ({ start, bytes: file.subarray(start, end) })),
    ),
  );
};

describe("subtitles as WebVTT", () => {
  it("gives the cues of a film at their times, escaped, without empty lines, with their faces", () => {
    expect(made(openFile(FILM), FILM)).toBe(
      [
        "WEBVTT",
        "00:00:01.000 --> 00:00:05.500\nGrüße &lt;an&gt; alle &amp; jeden",
        "00:00:05.500 --> 00:00:12.000\ntwo\nlines",
        "00:00:14.000 --> 00:00:20.000\n<b><i>last</i></b>\n",
      ].join("\n\n"),
    );
  });

  it("MEDIA-100 gives those of a section, cut where the section is", () => {
    expect(made(openFile(FILM), FILM, "4-16")).toBe(
      [
        "WEBVTT",
        "00:00:00.000 --> 00:00:01.500\nGrüße &lt;an&gt; alle &amp; jeden",
        "00:00:01.500 --> 00:00:08.000\ntwo\nlines",
        "00:00:10.000 --> 00:00:12.000\n<b><i>last</i></b>\n",
      ].join("\n\n"),
    );
  });

  it("MEDIA-91 gives those of several sections", () => {
    expect(made(openFile(FILM), FILM, "18-,4-6,4-6")).toBe(
      [
        "WEBVTT",
        "00:00:00.000 --> 00:00:02.000\n<b><i>last</i></b>",
        "00:00:02.000 --> 00:00:03.500\nGrüße &lt;an&gt; alle &amp; jeden",
        "00:00:03.500 --> 00:00:04.000\ntwo\nlines",
        "00:00:04.000 --> 00:00:05.500\nGrüße &lt;an&gt; alle &amp; jeden",
        "00:00:05.500 --> 00:00:06.000\ntwo\nlines\n",
      ].join("\n\n"),
    );
  });

  it("reads tracks of WebVTT cues", () => {
    const cue = box("vttc", box("sttg", ascii("line:0  align:left")), box("payl", ascii("<v Ann>hi\n\nthere")));
    const track: TrackPlan = {
      handler: "text",
      timescale: 1000,
      entries: [box("wvtt", zeros(6), u16(1), box("vttC", ascii("WEBVTT")))],
      samples: [
        { data: box("vtte"), duration: 2000 },
        { data: concat(cue, cue), duration: 3000 },
      ],
    };
    const { file } = buildMovie({ tracks: [pictures(500, 50), track] });
    const block = "00:00:02.000 --> 00:00:05.000 line:0 align:left\n<v Ann>hi\nthere";
    expect(made(openFile(file), file)).toBe(`WEBVTT\n\n${block}\n\n${block}\n`);
  });

  it("is absent without a track of text", () => {
    const { file } = buildMovie({ tracks: [pictures(500, 50)] });
    expect(made(openFile(file), file)).toBe("absent");
  });

  it.each([
    ["UTF-16, big end first", concat(u8(0xfe, 0xff), u8(0, 0x48, 0x20, 0xac)), "H€"],
    ["UTF-16, little end first", concat(u8(0xff, 0xfe), u8(0x48, 0, 0xac, 0x20)), "H€"],
    ["broken UTF-8", u8(0x48, 0xff, 0x49), "H\ufffdI"],
  ])("reads %s", (_, bytes, expected) => {
    expect(readTimedText(timedText(bytes)).text).toBe(expected);
  });

  it("counts characters of styles, not bytes", () => {
    const text = timedText(utf8("a😀b<c>"), box("styl", u16(2), style(1, 2, 4), style(3, 6, 1)));
    expect(readTimedText(text).text).toBe("a<u>😀</u>b<b>&lt;c&gt;</b>");
  });

  it("never throws, whatever a sample holds", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => !readTimedText(bytes).text.includes("\n\n")));
  });
});
