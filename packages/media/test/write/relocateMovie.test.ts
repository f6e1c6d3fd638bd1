import { describe, expect, it } from "vitest";
import { type Movie, relocateMovie } from "../../src/index.ts";
import { boxesIn, typeOf } from "../../src/write/boxTree.ts";
import { ascii, box, buildFragmentedMovie, buildMovie, type MoviePlan, u32, zeros } from "../support/boxes.ts";
import { assemble, pictures, piecesOf, sound } from "../support/films.ts";
import { openFile, tryOpen } from "../support/openFile.ts";

const FILM: MoviePlan = { tracks: [pictures(100, 25), sound(4)], header: "last" };

const samplesIn = (file: Uint8Array, movie: Movie): string[] =>
  movie.tracks.flatMap((track) =>
    Array.from({ length: track.sampleCount }, (_, sample) => {
      const start = track.offsetOf(sample);
      return `${track.decodeTimeOf(sample)} ${Buffer.from(file.subarray(start, start + track.sizeOf(sample))).toString("hex")}`;
    }),
  );

/** The header is in the middle, and media behind it is missing. */
const truncated = (() => {
  const { file } = buildMovie({ ...FILM, header: "first", boxesInFront: [box("mdat", zeros(9))] });
  return file.subarray(0, file.length - 500);
})();

describe("header in front", () => {
  it.each<[string, Partial<MoviePlan>]>([
    ["a plain file", {}],
    ["64-bit chunk offsets", { hasLongOffsets: true }],
    ["a media box with a 64-bit size", { media: "long" }],
    ["boxes behind the header", { boxesBehind: [box("free", zeros(30)), box("uuid", zeros(40))] }],
    ["boxes in front of the media", { boxesBeforeMedia: [box("wide"), box("free", zeros(99))] }],
    ["no file type", { hasFileType: false }],
    ["metadata", { headerBoxes: [box("udta", box("name", ascii("film")))] }],
  ])("MEDIA-60 MEDIA-61 MEDIA-63 keeps length and samples of %s", (_, more) => {
    const { file } = buildMovie({ ...FILM, ...more });
    const source = openFile(file);
    const relocated = assemble(relocateMovie(source), file);
    expect(relocated.length).toBe(file.length);
    const types = boxesIn(relocated).map(typeOf);
    expect(types.indexOf("moov")).toBe(types[0] === "ftyp" ? 1 : 0);
    expect(types.filter((type) => type !== "moov")).toEqual(
      boxesIn(file)
        .map(typeOf)
        .filter((type) => type !== "moov"),
    );
    expect(samplesIn(relocated, openFile(relocated))).toEqual(samplesIn(file, source));
    expect(relocateMovie(openFile(relocated)).kind).toBe("unchanged");
  });

  it("REG-210 REG-211 MEDIA-63 grows chunk offsets to 64 bits only where they need it", () => {
    const { file } = buildMovie(FILM);
    const source = openFile(file);
    const beyond = 4_294_967_296 - source.header.range.start;
    // As if the media lay so far behind: offsets in the header and the ranges of the file grow by the same.
    const header = Uint8Array.from(source.header.bytes);
    for (let at = 0; at + 8 < header.length; at += 1) {
      if (Buffer.from(header.subarray(at + 4, at + 8)).toString("latin1") === "stco") {
        const view = new DataView(header.buffer, at);
        for (let entry = 0; entry < view.getUint32(12); entry += 1) {
          view.setUint32(16 + entry * 4, view.getUint32(16 + entry * 4) + beyond);
        }
      }
    }
    const far: Movie = {
      ...movieParts(source),
      fileBytes: file.length + beyond,
      firstMediaByte: source.firstMediaByte + beyond,
      header: {
        range: { start: source.header.range.start + beyond, end: source.header.range.end + beyond },
        bytes: header,
      },
    };
    const pieces = piecesOf(relocateMovie(far));
    const total = pieces.reduce(
      (sum, piece) => sum + (piece.kind === "bytes" ? piece.bytes.length : piece.end - piece.start),
      0,
    );
    const [first] = pieces;
    const written = first?.kind === "bytes" ? Buffer.from(first.bytes).toString("latin1") : "";
    const chunks = source.tracks.reduce((sum, track) => sum + Math.ceil(track.sampleCount / 4), 0);
    expect(written.match(/co64/g)).toHaveLength(2);
    expect(written).not.toContain("stco");
    expect(total).toBe(far.fileBytes + chunks * 4);
  });

  it.each<[string, Uint8Array]>([
    ["in front already", buildMovie({ ...FILM, header: "first" }).file],
    ["fragmented", buildFragmentedMovie(FILM).file],
    ["truncated", truncated],
    ["with items by position", buildMovie({ ...FILM, headerBoxes: [box("meta", u32(0), box("iloc", u32(0)))] }).file],
    [
      "with media in other files",
      buildMovie({
        ...FILM,
        tracks: [
          ...FILM.tracks,
          sound(1, { dataReference: box("dref", u32(0, 1), box("url ", u32(0), ascii("x\0"))) }),
        ],
      }).file,
    ],
  ])("MEDIA-64 leaves a file as it is: %s", (_, file) => {
    expect(relocateMovie(openFile(file)).kind).toBe("unchanged");
  });

  it("REG-212 REG-213 MEDIA-64 leaves broken files as they are, and never throws", () => {
    const { file } = buildMovie(FILM);
    const { start } = openFile(file).header.range;
    for (let seed = 1; seed <= 400; seed += 1) {
      const broken = Uint8Array.from(file);
      for (let flip = 0; flip < 3; flip += 1) {
        broken[start + ((seed * 7919 + flip * 104_729) % (file.length - start))] = (seed * 37 + flip) & 0xff;
      }
      const movie = tryOpen(broken);
      if (typeof movie === "object") {
        const outcome = relocateMovie(movie);
        expect(["recipe", "unchanged"]).toContain(outcome.kind);
        expect(outcome.kind === "recipe" ? assemble(outcome, broken).length : broken.length).toBe(broken.length);
      }
    }
  });
});

/** Plain properties of a movie that tests replace. */
const movieParts = ({ fileType, isFragmented, isTruncated, timescale, durationSeconds, tracks }: Movie) => ({
  fileType,
  isTruncated,
  isFragmented,
  timescale,
  durationSeconds,
  tracks,
});
