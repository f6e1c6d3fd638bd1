import { describe, expect, it } from "vitest";
import { ratesOf } from "../src/hls/playlistTexts.ts";
import { segmentsOf } from "../src/hls/segmentsOf.ts";
import { TrackSequence } from "../src/hls/trackSequence.ts";
import { indexMovie, openMovie, relocateMovie, trimMovie } from "../src/index.ts";
import { decodeRecipe } from "../src/recipe.ts";
import { subtitlesOf } from "../src/subtitles/subtitlesOf.ts";
import { behindLeadingPictures } from "../src/timeline/sectionOf.ts";
import { boxesIn, typeOf } from "../src/write/boxTree.ts";
import { movieInCode, trackInCode, wholeTrack } from "./hls/filmInCode.ts";
import {
  ascii,
  box,
  buildFragmentedMovie,
  buildMovie,
  concat,
  fullBox,
  type TrackPlan,
  u8,
  u16,
  u32,
  zeros,
} from "./support/boxes.ts";
import { avcEntry, hevcRecord, pictureEntry } from "./support/entries.ts";
import { assemble, pictures, single } from "./support/films.ts";
import { FilmAtHand, playlistTask, segmentingOf } from "./support/mediaTasks.ts";
import { openFile, tryOpen } from "./support/openFile.ts";

const film = (more: Partial<TrackPlan>): Uint8Array => buildMovie({ tracks: [{ ...pictures(10, 10), ...more }] }).file;

describe("MEDIA-06 a file that names absurdly many", () => {
  it("pictures in front of a key frame: they are passed over up to a bound", () => {
    const leading = Array.from({ length: 3_000 }, () => ({ data: 1, duration: 1, isSync: false }));
    const samples = [{ data: 1, duration: 1, offset: 5_000 }, ...leading, { data: 1, duration: 9_000 }];
    const [track] = openFile(film({ samples })).tracks;
    expect(track && behindLeadingPictures(track, 0, samples.length)).toBe(1_025);
  });

  it("REG-241 key frames that are never shown later: the search for a cut gives up", () => {
    const track = trackInCode({ kind: "video", timescale: 1, samples: [{ duration: 0 }] }, 0);
    const sampleCount = 20_000_000;
    let asked = 0;
    const sequence = new TrackSequence({
      ...wholeTrack({
        ...track,
        sampleCount,
        sampleAt: () => sampleCount - 1,
        syncAtOrBefore: (sample) => sample,
        syncAtOrAfter: (sample) => {
          asked++;
          return sample;
        },
      }),
      runs: [{ first: 0, end: sampleCount, decodeTime: 0 }],
    });
    expect(segmentsOf(sequence, 0, 100, 10)?.count).toBe(1);
    expect(asked).toBeLessThan(1_000_100);
  });

  it("data references, for many sample entries: both are gone through once", () => {
    const references = new Uint8Array(8 * 65_535);
    const view = new DataView(references.buffer);
    for (let at = 0; at < references.length; at += 8) view.setUint32(at, 8);
    const entry = avcEntry();
    new DataView(entry.buffer).setUint16(14, 65_535);
    const file = film({ entries: Array.from({ length: 256 }, () => entry), dataReference: references });
    expect(openFile(file).tracks[0]?.kind).toBe("video");
  });

  it("data references: one of another file that any entry names makes the track foreign", () => {
    const own = fullBox("url ", 0, 1);
    const second = avcEntry();
    new DataView(second.buffer).setUint16(14, 2);
    const entries = [avcEntry(), second];
    const kindOf = (...references: readonly Uint8Array[]) =>
      openFile(
        buildMovie({ tracks: [pictures(2, 2), { ...pictures(2, 2), entries, dataReference: concat(...references) }] })
          .file,
      ).tracks[1]?.kind;
    expect(kindOf(own, own)).toBe("video");
    expect(kindOf(own, fullBox("url ", 0, 0, zeros(8)))).toBe("other");
    expect(kindOf(own, own, fullBox("url ", 0, 0, zeros(8)))).toBe("video");
    expect(kindOf(own)).toBe("video");
  });

  it("empty parameter sets: the codec is not known", () => {
    const record = concat(hevcRecord().subarray(0, 22), u8(1, 0x20), u16(60_000), zeros(120_000));
    const { file } = buildMovie({
      tracks: [{ ...pictures(2, 2), entries: [pictureEntry("hvc1", 16, 16, box("hvcC", record))] }],
    });
    expect(openFile(file).tracks[0]?.codec).toEqual({ kind: "other", fourCharacters: "hvc1" });
  });

  it("changes of the sample entry: a fragment has a bounded number of runs", () => {
    const samples = Array.from({ length: 5_000 }, (_, index) => ({ data: 1, duration: 1, entry: index % 2 }));
    const stream = new FilmAtHand(film({ entries: [avcEntry(), avcEntry()], samples }));
    const segment = stream.bytesOf({
      kind: "segment",
      number: 0,
      segmenting: segmentingOf("fmp4", 10),
      cut: undefined,
      encryption: undefined,
    });
    expect(Buffer.from(segment).toString("latin1").split("traf").length - 1).toBe(1_000);
  });

  it("lines of text: as many as fit into a bound are read", () => {
    const movie = movieInCode([{ kind: "text", timescale: 1000, samples: [{ duration: 1 }] }]);
    const sampleCount = 20_000_000;
    const tracks = movie.tracks.map((track) => ({
      ...track,
      sampleCount,
      decodeTimeOf: (sample: number) => sample,
      sizeOf: () => 3,
      offsetOf: (sample: number) => sample * 3,
    }));
    const timeline = { durationSeconds: 20_000, tracks: tracks.map(wholeTrack) };
    expect(subtitlesOf({ ...movie, tracks }, timeline, [])).toEqual({
      kind: "needs",
      ranges: [{ start: 0, end: 300_000 }],
    });
  });

  it("boxes: those behind the first thousands say nothing, and such a header is not moved", () => {
    const boxes = concat(...Array.from({ length: 20_000 }, () => box("free")));
    const { file } = buildMovie({ tracks: [{ ...pictures(50, 10), trackBoxes: [boxes] }], header: "last" });
    expect(boxesIn(boxes)).toHaveLength(16_384);
    expect(relocateMovie(openFile(file)).kind).toBe("unchanged");
  });

  it("boxes in one another: the header is moved all the same", () => {
    const nested = new Uint8Array(8 * 50_000);
    for (let at = 0; at < nested.length; at += 8) {
      new DataView(nested.buffer).setUint32(at, nested.length - at);
      nested.set(ascii("stbl"), at + 4);
    }
    const { file } = buildMovie({ tracks: [{ ...pictures(50, 10), tableBoxes: [nested] }], header: "last" });
    expect(boxesIn(assemble(relocateMovie(openFile(file)), file)).map(typeOf)).toEqual(["ftyp", "moov", "mdat"]);
  });

  it("tracks of one number in a file of fragments: it is refused", () => {
    const { file } = buildFragmentedMovie({ tracks: [pictures(10, 5), { ...pictures(10, 5), id: 1 }] });
    expect(tryOpen(file)).toBe("two tracks have one number");
  });

  it("REG-222 tracks: thousands of them are read, trimmed and moved, or refused, with bounds", () => {
    const sample = { data: 40, duration: 512, isSync: true };
    for (const count of [1_000, 5_000]) {
      const track = { ...pictures(2, 2), samples: [sample, sample] };
      const { file } = buildMovie({ tracks: Array.from({ length: count }, () => track), header: "last" });
      const movie = tryOpen(file);
      if (typeof movie === "string") continue;
      expect(movie.tracks.length).toBeLessThanOrEqual(count);
      expect(["recipe", "unchanged"]).toContain(relocateMovie(movie).kind);
      expect(["recipe", "unchanged", "unreadable"]).toContain(trimMovie(movie, single("0-0.03")).kind);
      const film = new FilmAtHand(file);
      const segment = film.run({
        kind: "segment",
        number: 0,
        segmenting: segmentingOf("ts", 10),
        cut: undefined,
        encryption: undefined,
      });
      expect(segment.kind === "bytes" ? segment.body.length : 0).toBeLessThan(1_000_000);
    }
  });

  it("MEDIA-103 long parameters in the URIs of many segments: the playlist is refused", () => {
    const { file } = buildMovie({ tracks: [pictures(25 * 200, 25)] });
    const segmenting = segmentingOf("ts", 1);
    const playlist = (length: number, list: "segments" | "master") =>
      new FilmAtHand(file).run(playlistTask(segmenting, { list, uris: { prefix: "/", suffix: "x".repeat(length) } }));
    expect(playlist(1_000, "segments").kind).toBe("bytes");
    expect(playlist(200_000, "segments")).toEqual({ kind: "unreadable", detail: "too long a playlist" });
    expect(playlist(200_000, "master").kind).toBe("bytes");
  });

  it("segments that are short beside one: their rates are added up once", () => {
    const bounds = [...Array.from({ length: 100_001 }, (_, second) => second), 300_000];
    const bytes = bounds.slice(1).map((_, index) => (index % 2 === 0 ? 1_000 : 3_000));
    expect(ratesOf(bytes, bounds).peakBitsPerSecond).toBe(16_000);
    expect(ratesOf([1_000, 9_000, 1_000], [0, 10, 20, 30]).peakBitsPerSecond).toBe(7_200);
  });

  it("MEDIA-63 tables of chunks that would grow one after the other: all grow at once", () => {
    const count = 500;
    const headerOf = (offsets: readonly number[]): Uint8Array => {
      const tables = offsets.map((offset) => fullBox("stco", 0, 0, u32(1, offset)));
      const { file } = buildMovie({ tracks: [{ ...pictures(2, 2), tableBoxes: tables }], hasFileType: false });
      return file.subarray(0, new DataView(file.buffer).getUint32(0));
    };
    const headerBytes = headerOf(Array(count).fill(0)).length;
    const bytes = headerOf(Array.from({ length: count }, (_, index) => 2 ** 32 - headerBytes - 4 * index));
    const start = 2 ** 32 + 100_000;
    const header = { start, end: start + headerBytes };
    const indexed = indexMovie(
      {
        fileBytes: header.end,
        fileType: undefined,
        header,
        isFragmented: false,
        endsEarly: false,
        fragments: [],
        ranges: [header],
      },
      [{ start, bytes }],
    );
    if (indexed.kind !== "indexed") throw new Error(indexed.detail);
    const outcome = relocateMovie(openMovie(indexed.memory));
    if (outcome.kind !== "recipe") throw new Error(JSON.stringify(outcome));
    // The track's own table grows too.
    expect(decodeRecipe(outcome.recipe)?.sizeBytes).toBe(header.end + 4 * (count + 1));
  });
});
