import { describe, expect, it } from "vitest";
import { HeldMovies } from "../src/delivery/heldMovies.ts";
import { indexOfFilm, makeFilm } from "./support/film.ts";
import { turns } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const index = Buffer.from((indexOfFilm(makeFilm(360, 2, 0)) ?? new SharedArrayBuffer(0)).slice(0));
/** As long as that of a film of some hours. */
const longIndex = Buffer.concat([index, Buffer.alloc(5 * MIB)]);

const use = async (movies: HeldMovies, film: string, bytes: Uint8Array | undefined): Promise<number> => {
  let brought = 0;
  movies.used(film, async () => {
    brought++;
    return bytes;
  });
  await turns(3);
  return brought;
};

describe("films in a worker's memory", () => {
  it("MEDIA-70: come with their second use, and those that were used longest ago give way", async () => {
    const movies = new HeldMovies();
    for (const film of ["1/1", "1/2", "1/3", "1/4"]) {
      expect([await use(movies, film, longIndex), movies.find(film)]).toEqual([0, undefined]);
      expect([await use(movies, film, longIndex), movies.find(film)?.tracks.length]).toEqual([1, 1]);
    }
    expect(movies.find("1/1")).toBeDefined();
    for (let turn = 0; turn < 2; turn++) await use(movies, "1/5", longIndex);
    expect(["1/1", "1/2", "1/3", "1/4", "1/5"].map((film) => movies.find(film) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
      true,
    ]);
    expect(movies.bytes).toBeLessThanOrEqual(24 * MIB);
  });

  it("MEDIA-70: are asked for again where they could not be had, and not where they are no use", async () => {
    const movies = new HeldMovies();
    const uses = async (film: string, bytes: Uint8Array | undefined): Promise<number[]> => {
      const brought: number[] = [];
      for (let turn = 0; turn < 4; turn++) brought.push(await use(movies, film, bytes));
      return brought;
    };
    expect(await uses("1/1", undefined)).toEqual([0, 1, 0, 1]);
    expect(await uses("1/2", Buffer.concat([index, Buffer.alloc(12 * MIB)]))).toEqual([0, 1, 0, 0]);
    expect(movies.find("1/2")).toBeUndefined();
    for (let turn = 0; turn < 2; turn++) await use(movies, "1/3", index);
    movies.giveUp("1/3");
    expect([await uses("1/3", index), movies.bytes]).toEqual([[0, 0, 0, 0], 0]);
  });
});
