import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Cut,
  decodeRecipe,
  indexMovie,
  type Movie,
  openMovie,
  timelineOf,
  trimInSlices,
  trimMovie,
} from "../../src/index.ts";
import { boxAt, boxesIn, childrenOf, contentOf, findBox, typeOf } from "../../src/write/boxTree.ts";
import { ascii, box, buildFragmentedMovie, buildMovie, type MoviePlan, type TrackPlan, u32 } from "../support/boxes.ts";
import { avcEntry, textEntry } from "../support/entries.ts";
import { assemble, FRAME_UNITS, pictures, piecesOf, samplesOf, several, single, sound } from "../support/films.ts";
import { locate, openFile, tryOpen } from "../support/openFile.ts";

const B_FRAMES = [2, 4, 1, 2, 4, 1, 2, 4, 1, 1];
const EDITS = { edits: [{ duration: 20_000, mediaTime: 2 * FRAME_UNITS }] };

const FILM: MoviePlan = { tracks: [pictures(500, 50, B_FRAMES, EDITS), sound(20)] };

const bytesOf = (file: Uint8Array, movie: Movie, track: number, sample: number): Buffer => {
  const { [track]: found } = movie.tracks;
  const start = found?.offsetOf(sample) ?? 0;
  return Buffer.from(file.subarray(start, start + (found?.sizeOf(sample) ?? 0)));
};

/** Trims, reads what came out, and compares sample by sample with the timeline. */
const verify = (file: Uint8Array, cut: Cut): { readonly movie: Movie; readonly trimmed: Uint8Array } => {
  const source = openFile(file);
  const timeline = timelineOf(source, cut);
  if (typeof timeline !== "object") {
    throw new Error(`the timeline is ${timeline}`);
  }
  const outcome = trimMovie(source, cut);
  const trimmed = assemble(outcome, file);
  const movie = openFile(trimmed);
  expect(movie.tracks.length).toBe(timeline.tracks.length);
  for (const [position, planned] of timeline.tracks.entries()) {
    const { [position]: written } = movie.tracks;
    const samples = samplesOf(planned);
    const [only] = written === undefined ? [] : [written];
    if (only === undefined) {
      throw new Error("a track is missing");
    }
    expect(only.sampleCount).toBe(samples.length);
    const shift = only.delayUnits - only.mediaStartUnits;
    const differences = samples.filter(({ sample, shownSeconds }, index) => {
      const shown = only.decodeTimeOf(index) + only.compositionOffsetOf(index) + shift;
      return !(
        Math.abs(shown / only.timescale - shownSeconds) < 0.002 &&
        only.isSync(index) === planned.track.isSync(sample) &&
        bytesOf(trimmed, movie, position, index).equals(bytesOf(file, source, planned.track.position, sample))
      );
    });
    expect(differences).toEqual([]);
  }
  return { movie, trimmed };
};

describe("trimmed film", () => {
  it.each([
    ["one section", single("3-13")],
    ["the end", single("10-")],
    ["several sections", several("8-12,8-12,0-3,16-")],
  ])("MEDIA-70 MEDIA-77 MEDIA-90 is a file of its own with the samples of %s", (_, cut) => {
    for (const header of ["first", "last"] as const) {
      const { movie, trimmed } = verify(buildMovie({ ...FILM, header }).file, cut);
      expect(boxesIn(trimmed).map(typeOf)).toEqual(["ftyp", "moov", "mdat"]);
      expect(movie.isFragmented).toBe(false);
    }
  });

  it.each(["long", "toTheEnd"] as const)("REG-224 MEDIA-70 of media data whose size is %s", (media) => {
    for (const header of ["first", "last"] as const) {
      if (media === "toTheEnd" && header === "last") continue;
      const { movie } = verify(buildMovie({ ...FILM, header, media }).file, single("3-13"));
      expect(movie.tracks).toHaveLength(2);
    }
  });

  it("REG-227 MEDIA-77 of sound alone, as M4A has it, is a file of its own with the samples and description of its source", () => {
    const { file } = buildMovie({ tracks: [sound(20)] });
    const { movie, trimmed } = verify(file, single("3-13"));
    const source = openFile(file).tracks[0];
    const [track] = movie.tracks;
    expect([track?.codec, track?.timescale]).toEqual([source?.codec, source?.timescale]);
    expect(Math.abs(movie.durationSeconds - 10)).toBeLessThan(0.05);
    expect(boxesIn(trimmed).map(typeOf)).toEqual(["ftyp", "moov", "mdat"]);
  });

  it("MEDIA-77 of a fragmented film is not fragmented", () => {
    const { movie, trimmed } = verify(buildFragmentedMovie(FILM).file, single("4-13"));
    expect(movie.isFragmented).toBe(false);
    expect(boxAt(trimmed.subarray(boxesIn(trimmed)[0]?.length ?? 0), ["mvex"])).toBeUndefined();
  });

  it("MEDIA-77 states the durations of the section", () => {
    const { movie } = verify(buildMovie(FILM).file, single("3-13"));
    expect(movie.durationSeconds).toBeCloseTo(8 + 2, 2);
    expect(movie.tracks.map(({ durationUnits, timescale }) => durationUnits / timescale)).toEqual([
      expect.closeTo(10, 2),
      expect.closeTo(10, 1),
    ]);
  });

  it("MEDIA-73 leaves out references to tracks that are left out, and chapters, whose times were the source's", () => {
    const text: TrackPlan = {
      handler: "text",
      timescale: 10,
      entries: [textEntry()],
      samples: [{ data: 9, duration: 200 }],
    };
    const references = box("tref", box("chap", u32(3)), box("sync", u32(2)));
    const plan: MoviePlan = {
      tracks: [pictures(500, 50, [0], { trackBoxes: [references] }), sound(20), text],
      headerBoxes: [box("udta", box("chpl", u32(0, 1)), box("name", ascii("film"))), box("meta", u32(0), box("hdlr"))],
    };
    const { file } = buildMovie(plan);
    const referencesIn = (trimmed: Uint8Array) => {
      const [, moov] = boxesIn(trimmed);
      const tracks = childrenOf(moov ?? trimmed).filter((child) => typeOf(child) === "trak");
      const tref = findBox(childrenOf(tracks[0] ?? trimmed), "tref");
      return tref === undefined ? [] : childrenOf(tref).map((one) => [typeOf(one), contentOf(one)[3]]);
    };
    const { trimmed } = verify(file, single("4-9"));
    expect(referencesIn(trimmed)).toEqual([["sync", 2]]);
    expect(referencesIn(verify(file, single("4-9", true)).trimmed)).toEqual([
      ["chap", 3],
      ["sync", 2],
    ]);
    const moov = boxesIn(trimmed)[1] ?? trimmed;
    expect(childrenOf(boxAt(moov, ["udta"]) ?? moov).map(typeOf)).toEqual(["name"]);
    expect(boxAt(moov, ["meta"])).toBeDefined();
  });

  it("MEDIA-77 keeps the sample entries that are used", () => {
    const film = pictures(500, 50);
    const samples = film.samples.map((sample, index) => ({ ...sample, entry: index < 250 ? 0 : 1 }));
    const plan: MoviePlan = { tracks: [{ ...film, samples, entries: [avcEntry(), avcEntry(320, 240)] }] };
    const { file } = buildMovie(plan);
    const entriesOf = (cut: Cut) => {
      const [track] = verify(file, cut).movie.tracks;
      return [track?.sampleEntries.length, track?.widthPixels, track?.entryOf((track?.sampleCount ?? 0) - 1)];
    };
    expect(entriesOf(single("12-15"))[0]).toBe(1);
    expect(entriesOf(single("8-12"))).toEqual([2, expect.any(Number), 1]);
  });

  it("MEDIA-73 does not carry the bytes of tracks that are left out", () => {
    const plan: MoviePlan = { tracks: [...FILM.tracks, { ...sound(20), handler: "meta", entries: [textEntry()] }] };
    const { file } = buildMovie(plan);
    const outcome = trimMovie(openFile(file), single("2-18"));
    const pieces = piecesOf(outcome);
    const source = openFile(file);
    const media = pieces.reduce((sum, piece) => sum + (piece.kind === "source" ? piece.end - piece.start : 0), 0);
    const wanted = timelineOf(source, single("2-18"));
    const needed =
      typeof wanted === "object"
        ? wanted.tracks.flatMap((track) => samplesOf(track).map(({ sample }) => track.track.sizeOf(sample)))
        : [];
    expect(media).toBeLessThanOrEqual(needed.reduce((sum, size) => sum + size, 0) * 1.011);
  });

  it("MEDIA-05 has the length that the recipe says, and asks for bytes inside the file alone", () => {
    const { file } = buildMovie(FILM);
    const fragmented = buildFragmentedMovie(FILM).file;
    const someSections = fc.array(
      fc.tuple(fc.nat(210), fc.nat(210)).map(([start, end]) => `${start / 10}-${end / 10}`),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(someSections, fc.boolean(), (texts, isFragmented) => {
        const bytes = isFragmented ? fragmented : file;
        const outcome = trimMovie(openFile(bytes), several(texts.join(",")));
        if (outcome.kind === "unchanged") {
          return;
        }
        const pieces = piecesOf(outcome);
        expect(pieces.every((piece) => piece.kind === "bytes" || piece.end <= bytes.length)).toBe(true);
        const trimmed = assemble(outcome, bytes);
        expect(outcome.kind === "recipe" ? decodeRecipe(outcome.recipe)?.sizeBytes : undefined).toBe(trimmed.length);
        expect(boxesIn(trimmed).reduce((sum, { length }) => sum + length, 0)).toBe(trimmed.length);
        expect(typeof tryOpen(trimmed)).toBe("object");
      }),
      { numRuns: 40 },
    );
  });

  it("REG-223 MEDIA-07 writes a result beyond 4 GB with sizes and offsets of 64 bits", () => {
    const { file } = buildMovie({ tracks: [pictures(500, 50)], hasLongOffsets: true, samplesPerChunk: 500 });
    // As if each picture had 20 MB: only the header is looked at.
    const sizesAt = Buffer.from(file).indexOf("stsz") + 16;
    const view = new DataView(file.buffer);
    for (let sample = 0; sample < 500; sample += 1) {
      view.setUint32(sizesAt + sample * 4, 20_000_000);
    }
    const { layout } = locate(file, 10_000_100_000);
    const indexed = layout && indexMovie(layout, [{ start: 0, bytes: file }]);
    const outcome = trimMovie(
      openMovie(indexed?.kind === "indexed" ? indexed.memory : new SharedArrayBuffer(0)),
      single("2-18"),
    );
    const pieces = piecesOf(outcome);
    const [header, media] = pieces;
    expect(pieces.length).toBe(2);
    expect(media).toMatchObject({ kind: "source", end: expect.any(Number) });
    const head = header?.kind === "bytes" ? header.bytes : new Uint8Array(0);
    const total = head.length + 8_000_000_000;
    expect(outcome.kind === "recipe" ? decodeRecipe(outcome.recipe)?.sizeBytes : 0).toBe(total);
    const trimmed = locate(head, total).layout;
    const reread = trimmed && indexMovie(trimmed, [{ start: 0, bytes: head }]);
    const [track] = openMovie(reread?.kind === "indexed" ? reread.memory : new SharedArrayBuffer(0)).tracks;
    expect([track?.sampleCount, track?.offsetOf(0), track?.offsetOf(399)]).toEqual([
      400,
      head.length,
      head.length + 399 * 20_000_000,
    ]);
  });

  it("REG-227 MEDIA-77 has an edit list only where the source or the section needs one", () => {
    const listIn = (trimmed: Uint8Array) => boxAt(boxesIn(trimmed)[1] ?? trimmed, ["trak", "edts"]);
    const late = buildMovie({ tracks: [pictures(500, 50, B_FRAMES), sound(20)] }).file;
    expect(listIn(verify(late, single("-10")).trimmed)).toBeUndefined();
    expect(listIn(verify(late, single("4-10")).trimmed)).toBeDefined();
  });

  it("MEDIA-77 shifts negative composition offsets away", () => {
    const { movie } = verify(
      buildMovie({ tracks: [pictures(500, 50, [0, 2, -1, -1], {}), sound(20)] }).file,
      single("3-13"),
    );
    expect(movie.tracks[0]?.lowestCompositionOffset).toBe(0);
    expect(movie.tracks[0]?.mediaStartUnits).toBe(FRAME_UNITS);
  });

  it("MEDIA-75 serves the source where all of it is asked for, or nothing that there is", () => {
    const movie = openFile(buildMovie(FILM).file);
    for (const cut of [single("-"), single("0-30"), single("9-3"), several("30-40")]) {
      expect(trimMovie(movie, cut).kind).toBe("unchanged");
    }
  });

  it("MEDIA-06 makes nothing of a file without sound and picture", () => {
    const text: TrackPlan = {
      handler: "text",
      timescale: 10,
      entries: [textEntry()],
      samples: [{ data: 9, duration: 200 }],
    };
    expect(trimMovie(openFile(buildMovie({ tracks: [text] }).file), single("1-2")).kind).toBe("unreadable");
  });

  it("REG-220 MEDIA-06 serves a truncated file as it is", () => {
    const { file } = buildMovie(FILM);
    expect(trimMovie(openFile(file.subarray(0, file.length - 900)), single("3-13")).kind).toBe("unchanged");
  });

  it("REG-212 REG-218 MEDIA-06 never throws, whatever a header says", () => {
    const { file } = buildMovie(FILM);
    const headerEnd = file.length - 40_000;
    let made = 0;
    for (let seed = 1; seed <= 300; seed += 1) {
      const broken = Uint8Array.from(file);
      for (let flip = 0; flip < 4; flip += 1) {
        const position = (seed * 7919 + flip * 104_729) % Math.max(1, headerEnd);
        broken[position] = (seed * 31 + flip * 17) & 0xff;
      }
      const movie = tryOpen(broken);
      if (typeof movie === "object") {
        for (const cut of [single("3-13"), several("3-13,2-9", 100, true)]) {
          const outcome = trimMovie(movie, cut);
          made += outcome.kind === "recipe" ? 1 : 0;
          expect(outcome.kind !== "recipe" || decodeRecipe(outcome.recipe) !== undefined).toBe(true);
        }
      }
    }
    expect(made).toBeGreaterThan(50);
  });

  it("MEDIA-36 comes in slices as it comes at once, and not at all where it is too long or nothing is left out", () => {
    const movie = openFile(buildMovie({ tracks: [pictures(9000, 50, B_FRAMES, EDITS), sound(360)] }).file);
    const slicesOf = (cut: Cut, mostSamples: number): number => {
      const work = trimInSlices(movie, cut, mostSamples);
      if (work === undefined) return 0;
      for (let slices = 1; ; slices += 1) {
        const step = work.next();
        if (step.done === true) {
          expect(step.value).toEqual(trimMovie(movie, cut));
          return slices;
        }
      }
    };
    expect(slicesOf(single("3-13"), 10_000)).toBe(1);
    expect(slicesOf(single("100-350"), 100_000)).toBeGreaterThan(4);
    expect(slicesOf(several("200-350,0-100,50-"), 100_000)).toBeGreaterThan(4);
    for (const cut of [single("100-350"), single("0-"), several(Array(40).fill("3-4").join())]) {
      expect(slicesOf(cut, 10_000)).toBe(0);
    }
  });

  it("MEDIA-06 is no work in slices where the header of its tracks is much, or many boxes", () => {
    const many = Buffer.concat(Array.from({ length: 2000 }, () => box("abcd")));
    const long = box("abcd", new Uint8Array(70_000));
    for (const more of [many, long, box("udta", many)]) {
      const { file } = buildMovie({ tracks: [sound(20), sound(20, { trackBoxes: [Uint8Array.from(more)] })] });
      const movie = openFile(file);
      expect(trimInSlices(movie, single("3-13"), 100_000)).toBeUndefined();
      expect(trimMovie(movie, single("3-13")).kind).toBe("recipe");
    }
    const usual = buildMovie({ tracks: [sound(20, { trackBoxes: [box("abcd", new Uint8Array(20_000))] })] });
    expect(trimInSlices(openFile(usual.file), single("3-13"), 100_000)).toBeDefined();
  });

  it("MEDIA-06 does not come in slices where it lies in thousands of pieces", () => {
    const between: TrackPlan = { ...pictures(6000, 50), handler: "meta", entries: [textEntry()] };
    const movie = openFile(buildMovie({ tracks: [pictures(6000, 50), between], samplesPerChunk: 1 }).file);
    const work = trimInSlices(movie, single("3-235"), 100_000);
    let step = work?.next();
    while (step?.done === false) step = work?.next();
    expect([step?.value?.kind, trimMovie(movie, single("3-235")).kind]).toEqual(["unreadable", "recipe"]);
  });
});
