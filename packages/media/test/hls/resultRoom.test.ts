import { describe, expect, it } from "vitest";
import { runMediaTask, type SourcePiece } from "../../src/index.ts";
import { corpusFile } from "../files.ts";
import { buildMovie } from "../support/boxes.ts";
import { pictures, several, single, sound } from "../support/films.ts";
import { FilmAtHand, indexOf, segmentingOf } from "../support/mediaTasks.ts";

const KEY = { key: new Uint8Array(16).fill(3), keyUri: "/key" };
const FILMS = [
  ["made by ffmpeg", corpusFile("front.mp4")],
  ["with sound alone", corpusFile("sound.m4a")],
  ["in fragments", corpusFile("fragments.mp4")],
  ["with B-frames", buildMovie({ tracks: [pictures(100, 25, [2, 4, 1, 1]), sound(4)] }).file],
] as const;
const TASKS = (["ts", "fmp4"] as const).flatMap((form) =>
  [undefined, single("1-3"), several("2-3,0-2")].flatMap((cut) =>
    [undefined, KEY].flatMap((encryption) =>
      [0, 1].map(
        (number) => ({ kind: "segment", number, segmenting: segmentingOf(form, 2), cut, encryption }) as const,
      ),
    ),
  ),
);

describe("a segment that is written into memory that was used before", () => {
  it.each(FILMS)("MEDIA-36 is the same whatever the memory held: a film %s", (_, file) => {
    const film = new FilmAtHand(file);
    let segments = 0;
    for (const task of TASKS) {
      const plain = film.run(task);
      if (plain.kind !== "bytes") continue;
      segments++;
      for (const content of [0, 0x47, 0xff]) {
        const outcome = film.runInUsedMemory(task, content);
        if (outcome.kind !== "bytes") throw new Error(outcome.kind);
        expect(Buffer.compare(outcome.body, plain.body)).toBe(0);
        expect(outcome.body.buffer.byteLength, "it lies in that memory").toBeGreaterThan(outcome.body.byteLength);
      }
    }
    expect(segments).toBeGreaterThan(8);
  });

  it.each(["ts", "fmp4"] as const)(
    "%s: nothing but the room is written, and nothing at all where it is too small",
    (form) => {
      const file = corpusFile("front.mp4");
      const index = indexOf(file);
      const pieces: readonly SourcePiece[] = [{ start: 0, bytes: Uint8Array.from(file) }];
      for (const encryption of [undefined, KEY]) {
        const task = {
          kind: "segment",
          number: 0,
          segmenting: segmentingOf(form, 2),
          cut: undefined,
          encryption,
        } as const;
        const bodyIn = (room?: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
          const outcome = runMediaTask(index, "mp4", task, pieces, room);
          if (outcome.kind !== "bytes") throw new Error(outcome.kind);
          return outcome.body;
        };
        const plain = bodyIn();
        const memory = new Uint8Array(plain.length + 200).fill(0x5a);
        const body = bodyIn(memory.subarray(13, 13 + plain.length));
        expect(Buffer.compare(body, plain)).toBe(0);
        expect(body.buffer).toBe(memory.buffer);
        const around = [...memory.subarray(0, 13), ...memory.subarray(13 + plain.length)];
        expect(new Set(around)).toEqual(new Set([0x5a]));

        const small = new Uint8Array(Math.min(1_000, plain.length - 17)).fill(0x5a);
        expect(Buffer.compare(bodyIn(small), plain)).toBe(0);
        expect(new Set(small)).toEqual(new Set([0x5a]));
      }
      expect(Buffer.compare(pieces[0]?.bytes ?? Buffer.of(), file)).toBe(0);
    },
  );

  it("is told how much room it takes about, never much more than it does", () => {
    const film = new FilmAtHand(corpusFile("front.mp4"));
    for (const task of TASKS) {
      const outcome = film.run(task);
      if (outcome.kind !== "bytes") continue;
      const needs = film.needsOf(task);
      expect(needs.resultBytes).toBeGreaterThanOrEqual(outcome.body.length);
      expect(needs.resultBytes).toBeLessThan(2 * outcome.body.length + 200_000);
    }
  });
});
