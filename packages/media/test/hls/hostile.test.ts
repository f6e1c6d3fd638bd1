import { describe, expect, it } from "vitest";
import type { MediaOutcome, MediaTask } from "../../src/index.ts";
import { buildFragmentedMovie, buildMovie } from "../support/boxes.ts";
import { textEntry } from "../support/entries.ts";
import { pictures, several, single, sound } from "../support/films.ts";
import { FilmAtHand, playlistTask, segmentingOf } from "../support/mediaTasks.ts";

const text = {
  handler: "text",
  timescale: 1000,
  entries: [textEntry()],
  samples: [{ data: 8, duration: 900 }],
} as const;
const plan = { tracks: [pictures(100, 25, [2, 4, 1, 1]), sound(4), text] };
const FILES = [buildMovie(plan).file, buildFragmentedMovie(plan, { samplesPerFragment: 9 }).file];

const TASKS: readonly MediaTask[] = (["ts", "fmp4"] as const).flatMap((form): MediaTask[] => {
  const segmenting = segmentingOf(form, 1);
  const uris = { prefix: "/", suffix: "" };
  const cuts = [undefined, single("1-3"), several("2-3,0-2")];
  return cuts.flatMap((cut): MediaTask[] => [
    playlistTask(segmenting, { cut }),
    playlistTask(segmenting, { cut, list: "master", iframesName: "i", subtitlesName: "s" }),
    playlistTask(segmenting, { cut, list: "iframes" }),
    { kind: "segment", number: 0, segmenting, cut, encryption: undefined },
    { kind: "segment", number: 2, segmenting, cut, encryption: undefined },
    { kind: "init", segmenting, cut },
    { kind: "manifest", segmenting, cut, uris },
    { kind: "subtitles", list: "webvtt", segmenting, cut, uris },
  ]);
});

/** Numbers between 0 and 1, the same for the same seed. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** Some bytes of the header changed: to 0, to 255, or by one bit. */
function mutate(file: Uint8Array, seed: number): Uint8Array {
  const next = numbers(seed);
  const random = (below: number): number => Math.floor(next.next().value * below);
  const mutated = file.slice();
  const header = Buffer.from(file).indexOf("moov");
  for (let count = 1 + random(6); count > 0; count--) {
    const at = header + random(Math.min(2200, file.length - header));
    mutated[at] = [0, 255, (mutated[at] ?? 0) ^ (1 << random(8))][random(3)] ?? 0;
  }
  return mutated;
}

/** What a film of some kilobytes is made into is no larger than that, whatever its header claims. */
const MOST_BYTES = 4_000_000;

describe("damaged films", () => {
  it("REG-213 REG-221 MEDIA-06 give an answer to every task, of a bounded size", () => {
    let readable = 0;
    for (let seed = 0; seed < 60; seed++) {
      const film = filmOf(mutate(FILES[seed % FILES.length] ?? new Uint8Array(), seed));
      if (film === undefined) continue;
      readable++;
      for (const task of TASKS) {
        const outcome = film.run(task);
        expect(outcome.kind, `seed ${seed}`).not.toBe("needs");
        if (task.kind === "segment")
          expect(isSame(outcome, film.runInUsedMemory(task, 0xa5)), `seed ${seed}`).toBe(true);
        if (outcome.kind === "bytes" && outcome.body.length > MOST_BYTES)
          throw new Error(`seed ${seed}, ${task.kind}: ${outcome.body.length} bytes`);
      }
    }
    expect(readable).toBeGreaterThan(20);
  }, 60_000);
});

/** Nothing of what the memory held before is in a result. */
const isSame = (one: MediaOutcome, other: MediaOutcome): boolean =>
  one.kind === "bytes" && other.kind === "bytes" ? Buffer.compare(one.body, other.body) === 0 : one.kind === other.kind;

function filmOf(file: Uint8Array): FilmAtHand | undefined {
  try {
    return new FilmAtHand(file);
  } catch {
    return undefined;
  }
}
