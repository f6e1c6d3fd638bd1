import { describe, expect, it } from "vitest";
import type { Segmenting } from "../../src/index.ts";
import { buildMovie, concat } from "../support/boxes.ts";
import { pictures, single, sound } from "../support/films.ts";
import { FilmAtHand, playlistTask, segmentingOf } from "../support/mediaTasks.ts";
import { openFile } from "../support/openFile.ts";

const B_FRAMES = [2, 4, 1, 1];
const tracks = [
  pictures(25 * 30, 75, B_FRAMES, { edits: [{ duration: 30_000, mediaTime: 1024 }], rotationDegrees: 90 }),
  sound(30, { edits: [{ duration: 30_000, mediaTime: 1024 }], language: "kor" }),
];
const { file } = buildMovie({ tracks });
const source = openFile(file);
const fmp4 = segmentingOf("fmp4", 10);

/** The initialisation section and all segments in one file. */
function streamOf(film: FilmAtHand, segmenting: Segmenting, cut?: ReturnType<typeof single>): Uint8Array {
  const init = film.bytesOf({ kind: "init", segmenting, cut });
  return concat(init, ...film.segmentsOf({ segmenting, cut, encryption: undefined }));
}

describe("a film in fragments", () => {
  it("has the samples of the source with their times, bytes and marks", () => {
    const bytes = streamOf(new FilmAtHand(file), fmp4);
    const stream = openFile(bytes);
    expect(stream.isFragmented).toBe(true);
    expect(stream.tracks.map(({ kind }) => kind)).toEqual(["video", "audio"]);
    for (const [position, track] of stream.tracks.entries()) {
      const original = source.tracks[position];
      if (original === undefined) throw new Error("a track too many");
      expect(track.sampleCount).toBe(original.sampleCount);
      expect(track.codec).toEqual(original.codec);
      expect([track.widthPixels, track.heightPixels, track.rotationDegrees, track.language]).toEqual([
        original.widthPixels,
        original.heightPixels,
        original.rotationDegrees,
        original.language,
      ]);
      const dataOf = (from: Uint8Array, of: typeof track, sample: number) =>
        from.subarray(of.offsetOf(sample), of.offsetOf(sample) + of.sizeOf(sample));
      for (let sample = 0; sample < track.sampleCount; sample++) {
        expect(track.decodeTimeOf(sample)).toBe(original.decodeTimeOf(sample));
        expect(track.compositionOffsetOf(sample)).toBe(original.compositionOffsetOf(sample));
        expect(track.isSync(sample)).toBe(original.isSync(sample));
        if (sample % 25 === 0) expect(dataOf(bytes, track, sample)).toEqual(dataOf(file, original, sample));
      }
    }
  });

  it("sound and picture are apart as in the source, and nothing is earlier than 0", () => {
    const [video, audio] = openFile(streamOf(new FilmAtHand(file), fmp4)).tracks;
    const startOf = (track: typeof video): number =>
      track === undefined ? Number.NaN : (track.compositionOffsetOf(0) + track.delayUnits) / track.timescale;
    expect(startOf(video)).toBeCloseTo(1, 9);
    expect(startOf(audio)).toBeCloseTo(1 - 1024 / 48_000, 9);
  });

  it("MEDIA-100 a section in fragments", () => {
    const stream = openFile(streamOf(new FilmAtHand(file), fmp4, single("9-18")));
    expect(stream.tracks[0]?.sampleCount).toBe(225);
    expect(stream.tracks[1]?.sampleCount).toBeCloseTo((9 * 48_000) / 1024, -1);
  });

  it("types of content", () => {
    const film = new FilmAtHand(file);
    expect(film.run({ kind: "init", segmenting: fmp4, cut: undefined })).toMatchObject({ contentType: "video/mp4" });
    const alone: Segmenting = { ...fmp4, tracks: "audio" };
    expect(film.run({ kind: "init", segmenting: alone, cut: undefined })).toMatchObject({ contentType: "audio/mp4" });
    expect(film.run({ kind: "init", segmenting: segmentingOf("ts", 10), cut: undefined })).toEqual({ kind: "absent" });
  });

  it("the byte range of a key frame ends with it", () => {
    const film = new FilmAtHand(file);
    const text = film.textOf(playlistTask(fmp4, { list: "iframes" }));
    const entries = [...text.matchAll(/#EXTINF:(.*),\n#EXT-X-BYTERANGE:(\d+)@0\n.*\/(\d+)\.m4s/g)];
    expect(entries.map(([, seconds]) => seconds)).toEqual(["9.000", "9.000", "9.000", "3.000"]);
    const video = source.tracks[0];
    for (const [, , length, number] of entries) {
      const segment = film.bytesOf({
        kind: "segment",
        number: Number(number),
        segmenting: fmp4,
        cut: undefined,
        encryption: undefined,
      });
      const key = Number(number) * 225;
      const start = video?.offsetOf(key) ?? 0;
      const size = video?.sizeOf(key) ?? 0;
      expect(segment.subarray(Number(length) - size, Number(length))).toEqual(file.subarray(start, start + size));
    }
  });
});

/** As the first `tfdt` says. */
function decodeTimeIn(segment: Uint8Array): number {
  const at = Buffer.from(segment).indexOf("tfdt");
  return Number(new DataView(segment.buffer, segment.byteOffset).getBigUint64(at + 8));
}

describe("a DASH manifest", () => {
  const uris = { prefix: "/a&b$.mp4/dash/", suffix: "?token=<1>" };
  const manifest = (of: Uint8Array) =>
    new FilmAtHand(of).textOf({ kind: "manifest", segmenting: fmp4, cut: undefined, uris });

  it("lists pictures and sound apart", () => {
    expect(manifest(file).split("\n")).toEqual([
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" mediaPresentationDuration="PT30.000S" maxSegmentDuration="PT10.005S" minBufferTime="PT10.005S">',
      '  <Period id="0" start="PT0S">',
      '    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">',
      '      <SegmentTemplate timescale="12800" presentationTimeOffset="12800" startNumber="0" initialization="/a&#38;b$$.mp4/dash/video-init.mp4?token=&#60;1&#62;" media="/a&#38;b$$.mp4/dash/video-$Number$.m4s?token=&#60;1&#62;">',
      "        <SegmentTimeline>",
      '          <S t="12800" d="115200" r="2"/>',
      '          <S d="38400"/>',
      "        </SegmentTimeline>",
      "      </SegmentTemplate>",
      expect.stringMatching(
        /^ {6}<Representation id="video" bandwidth="\d+" codecs="avc1.64000b" width="120" height="160" frameRate="25"\/>$/,
      ),
      "    </AdaptationSet>",
      '    <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" lang="kor" segmentAlignment="true" startWithSAP="1">',
      expect.stringContaining('timescale="48000" presentationTimeOffset="48000" startNumber="0"'),
      "        <SegmentTimeline>",
      '          <S t="46976" d="480256"/>',
      '          <S d="479232" r="1"/>',
      '          <S d="1024"/>',
      "        </SegmentTimeline>",
      "      </SegmentTemplate>",
      expect.stringMatching(
        /^ {6}<Representation id="audio" bandwidth="\d+" codecs="mp4a.40.2" audioSamplingRate="48000"\/>$/,
      ),
      "    </AdaptationSet>",
      "  </Period>",
      "</MPD>",
      "",
    ]);
  });

  it.each(["video", "audio"] as const)("its times are those of the segments: %s", (kind) => {
    const film = new FilmAtHand(file);
    const text = manifest(file).split("<AdaptationSet")[kind === "video" ? 1 : 2] ?? "";
    const own: Segmenting = { ...fmp4, tracks: kind };
    const init = film.bytesOf({ kind: "init", segmenting: own, cut: undefined });
    let time = Number(/ t="(\d+)"/.exec(text)?.[1]);
    const segments = film.segmentsOf({ segmenting: own, cut: undefined, encryption: undefined });
    const durations = [...text.matchAll(/ d="(\d+)"(?: r="(\d+)")?/g)].flatMap(([, duration, repeats]) =>
      Array.from({ length: Number(repeats ?? 0) + 1 }, () => Number(duration)),
    );
    expect(durations).toHaveLength(segments.length);
    for (const [index, segment] of segments.entries()) {
      const [track] = openFile(concat(init, segment)).tracks;
      expect(decodeTimeIn(segment) + (track?.compositionOffsetOf(0) ?? 0)).toBe(time);
      time += durations[index] ?? 0;
    }
  });

  it("pictures and sound count from the same 0, though only the sound begins before it", () => {
    const edits = [{ duration: 30_000, mediaTime: 1024 }];
    const text = manifest(buildMovie({ tracks: [pictures(25 * 30, 75), sound(30, { edits })] }).file);
    expect(
      [...text.matchAll(/timescale="(\d+)" presentationTimeOffset="(\d+)"/g)].map(([, ...units]) => units),
    ).toEqual([
      ["12800", "12800"],
      ["48000", "48000"],
    ]);
  });

  it("sound alone has one set", () => {
    const text = manifest(buildMovie({ tracks: [sound(5)] }).file);
    expect(text.match(/<AdaptationSet/g)).toHaveLength(1);
    expect(text).not.toContain("frameRate");
  });
});
