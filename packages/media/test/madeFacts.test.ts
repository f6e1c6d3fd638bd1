import { describe, expect, it } from "vitest";
import { type Movie, relocateMovie, trimMovie } from "../src/index.ts";
import { factsOf } from "./files.ts";
import { buildMovie, type MoviePlan } from "./support/boxes.ts";
import { assemble, pictures, several, single, sound } from "./support/films.ts";
import { openFile } from "./support/openFile.ts";

const FILM: MoviePlan = { tracks: [pictures(500, 25), sound(20)], header: "last" };

const headerBytesOf = (movie: Movie): number => movie.header.range.end;

describe("what is made of a film", () => {
  it.each([
    ["a section", single("5-15"), 10],
    ["several sections", several("5-10,0-5,5-10"), 15],
  ])("BW-16 BW-18 BW-24 tells its header and its bit rate while it is sent: %s", (_, cut, seconds) => {
    const { file: source } = buildMovie(FILM);
    const film = assemble(trimMovie(openFile(source), cut), source);
    for (const pieceBytes of [[film.length], [100, 7, 3_000]]) {
      const { headerBytes, bytesPerSecond = 0 } = factsOf(film, pieceBytes);
      expect(headerBytes).toBe(headerBytesOf(openFile(film)));
      expect(bytesPerSecond / ((film.length - (headerBytes ?? 0)) / seconds)).toBeCloseTo(1, 1);
    }
  });

  it("BW-16 BW-24 has its header in front as soon as that was moved there", () => {
    const { file: source } = buildMovie(FILM);
    expect(factsOf(source).headerBytes).toBe(0);
    const film = assemble(relocateMovie(openFile(source)), source);
    const { headerBytes, bytesPerSecond = 0 } = factsOf(film);
    expect(headerBytes).toBe(headerBytesOf(openFile(film)));
    expect(bytesPerSecond / (factsOf(source).bytesPerSecond ?? 1)).toBeCloseTo(1, 1);
  });
});
