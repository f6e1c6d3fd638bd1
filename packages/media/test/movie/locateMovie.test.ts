import { describe, expect, it } from "vitest";
import { locateMovie } from "../../src/index.ts";
import { box, buildFragmentedMovie, buildMovie, concat, fullBox, u16, u32, zeros } from "../support/boxes.ts";
import { locate, openFile, tryOpen } from "../support/openFile.ts";
import { FILM, PICTURES, SOUND } from "../support/sampleFilm.ts";

/** Starts of all ranges that a search foretells. */
const foretoldIn = (file: Uint8Array): readonly number[] => {
  const search = locateMovie(file.length);
  const foretold: number[] = [];
  let step = search.next();
  while (step.done !== true) {
    for (const range of step.value.ahead ?? []) foretold.push(range.start);
    step = search.next(file.subarray(step.value.start, step.value.end));
  }
  return foretold;
};

/** `sidx` of parts that follow it; with 2^31 as their kind they are indexes themselves. */
const index = (sizes: readonly number[], kind: number): Uint8Array =>
  fullBox("sidx", 0, 0, u32(1, 1000, 0, 0), u16(0), u16(sizes.length), ...sizes.map((size) => u32(kind + size, 1, 0)));

describe("what is asked for", () => {
  it("MEDIA-41 is the header and a few bytes", () => {
    const boxes = [box("mdat", zeros(3_000_000))];
    const { file } = buildMovie({ ...FILM, boxesBeforeMedia: boxes, header: "last" });
    const { steps, layout } = locate(file);
    expect(steps.length).toBeLessThanOrEqual(5);
    expect(steps.every((step) => step.end - step.start <= 65_536)).toBe(true);
    const asked = layout?.ranges.reduce((sum, range) => sum + range.end - range.start, 0) ?? 0;
    expect(asked).toBeLessThan(32 + 4096 + 10_000);
  });

  it("of fragments is one step each, and foretold where an index names them far apart", () => {
    const samples = Array.from({ length: 12 }, () => ({ data: 2_200_000, duration: 512 }));
    const { file } = buildFragmentedMovie(
      { tracks: [{ ...PICTURES, samples }] },
      { samplesPerFragment: 1, hasIndex: true },
    );
    const { steps, layout } = locate(file);
    expect(layout?.fragments).toHaveLength(12);
    expect(steps.length).toBeLessThan(17);
    for (const fragment of layout?.fragments.slice(9) ?? []) expect(foretoldIn(file)).toContain(fragment.start);
  });

  it.each(["of an index of indexes", "at the end"])("of fragments far apart is foretold by the index %s", (place) => {
    const samples = Array.from({ length: 12 }, () => ({ data: 2_200_000, duration: 512 }));
    const isLast = place === "at the end";
    const built = buildFragmentedMovie(
      { tracks: [{ ...PICTURES, samples }] },
      { samplesPerFragment: 1, hasRandomAccess: isLast },
    );
    const first = locate(built.file).layout?.fragments ?? [];
    const at = first[0]?.start ?? 0;
    const sizes = first.map((fragment, index) => (first[index + 1]?.start ?? built.file.length) - fragment.start);
    const inner = index(sizes, 0);
    const outer = index([inner.length], 2 ** 31);
    const file = isLast ? built.file : concat(built.file.subarray(0, at), outer, inner, built.file.subarray(at));
    const { layout } = locate(file);
    expect(layout?.fragments).toHaveLength(12);
    for (const fragment of layout?.fragments.slice(9) ?? []) expect(foretoldIn(file)).toContain(fragment.start);
  });

  it("REG-217 REG-214 MEDIA-06 comes to an end soon where indexes name one another over and over", () => {
    const repeated = Array.from({ length: 64 }, () => 0);
    const tables = [index(repeated, 2 ** 31), index(repeated, 2 ** 31), index(Array(5_400).fill(8), 0)];
    const fragments = Array.from({ length: 8 }, () => box("moof", zeros(16)));
    const front = [box("ftyp", zeros(8)), box("moov", fullBox("mvhd", 0, 0, zeros(96)), box("mvex", zeros(8)))];
    const file = concat(...front, ...tables, ...fragments, ...Array.from({ length: 60_000 }, () => box("free")));
    const { layout, steps } = locate(file);
    expect(layout?.fragments).toHaveLength(8);
    expect(steps.length).toBeLessThan(250);
  });

  it("of many small fragments is the rest of the file in few ranges", () => {
    const samples = Array.from({ length: 900 }, () => ({ data: 5_000, duration: 512 }));
    const { file } = buildFragmentedMovie({ tracks: [{ ...PICTURES, samples }] }, { samplesPerFragment: 1 });
    const { steps, layout } = locate(file);
    expect(layout?.fragments).toHaveLength(900);
    expect(steps.length).toBeLessThan(110);
  });
});

describe("files that end early", () => {
  it("REG-220 REG-231 are read up to where they end", () => {
    const built = buildMovie(FILM);
    const movie = openFile(built.file.subarray(0, built.file.length - 700));
    expect(movie.isTruncated).toBe(true);
    for (const [index, track] of movie.tracks.entries()) {
      const last = track.sampleCount - 1;
      expect(track.offsetOf(last) + track.sizeOf(last)).toBeLessThanOrEqual(movie.fileBytes);
      expect(track.offsetOf(last)).toBe(built.positions[index]?.[last]);
    }
    expect(movie.tracks[1]?.sampleCount).toBeLessThan(SOUND.samples.length);
  });

  it("are read up to their last whole fragment", () => {
    const { file } = buildFragmentedMovie(FILM);
    const movie = openFile(file.subarray(0, file.length - 300));
    expect(movie.isTruncated).toBe(true);
    expect(movie.tracks[1]?.sampleCount).toBeGreaterThan(40);
  });

  it.each([
    ["more than half of the samples is missing", (file: Uint8Array) => file.subarray(0, file.length - 4_800)],
    ["no samples", (file: Uint8Array) => file.subarray(0, new TextDecoder("latin1").decode(file).indexOf("mdat") + 10)],
  ])("are unreadable when %s", (detail, cut) => {
    expect(tryOpen(cut(buildMovie(FILM).file))).toBe(detail);
  });

  it("are no movie without a whole header", () => {
    const { file } = buildMovie({ ...FILM, header: "last" });
    expect(tryOpen(file.subarray(0, file.length - 10))).toBe("not located");
    expect(tryOpen(file.subarray(0, 500))).toBe("not located");
  });
});
