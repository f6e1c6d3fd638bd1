import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { indexMovie, locateMovie, type Movie, type MovieLayout, openMovie } from "../../src/index.ts";
import {
  ascii,
  box,
  buildFragmentedMovie,
  buildMovie,
  concat,
  fullBox,
  longBox,
  type MoviePlan,
  u32,
  zeros,
} from "../support/boxes.ts";
import { aacEntry, avcEntry, textEntry } from "../support/entries.ts";
import { locate, openFile, tryOpen } from "../support/openFile.ts";

const FILM: MoviePlan = {
  tracks: [
    {
      handler: "vide",
      timescale: 12_800,
      entries: [avcEntry()],
      edits: [{ duration: 1000, mediaTime: 512 }],
      samples: Array.from({ length: 40 }, (_, index) => ({
        data: 60 + ((index * 13) % 17),
        duration: 512,
        offset: [512, 1024, 0][index % 3] ?? 0,
        isSync: index % 10 === 0,
      })),
    },
    {
      handler: "soun",
      timescale: 48_000,
      entries: [aacEntry()],
      samples: Array.from({ length: 60 }, (_, index) => ({ data: 30 + (index % 7), duration: 1024 })),
    },
    { handler: "text", timescale: 1000, entries: [textEntry()], samples: [{ data: 8, duration: 900 }] },
  ],
};

const FILES = [
  buildMovie(FILM).file,
  buildMovie({ ...FILM, header: "last", hasLongOffsets: true, media: "long" }).file,
  buildFragmentedMovie(FILM, { hasIndex: true, samplesPerFragment: 4 }).file,
  buildFragmentedMovie(FILM, { hasRandomAccess: true, base: "absolute", samplesPerFragment: 7 }).file,
];

/** Steps of one search, and memory of an index, beyond which a file of a few kilobytes has done harm. */
const MOST_STEPS = 5_000;
const MOST_MEMORY_BYTES = 6_000_000;

/** Goes through everything that can be asked of a movie. */
const walk = (movie: Movie): void => {
  for (const track of movie.tracks) {
    const { sampleCount } = track;
    const step = Math.max(1, Math.floor(sampleCount / 500));
    for (let sample = 0; sample < sampleCount; sample += step) {
      const start = track.offsetOf(sample);
      const end = start + track.sizeOf(sample);
      if (!(start >= 0 && end <= movie.fileBytes)) throw new Error(`sample ${sample} lies at ${start} to ${end}`);
      const time = track.decodeTimeOf(sample);
      if (!(track.decodeTimeOf(sample + 1) >= time)) throw new Error(`sample ${sample} ends before it begins`);
      if (track.sampleAt(time) < sample) throw new Error(`sample ${sample} is not found`);
      if (track.isSync(sample) !== (track.syncAtOrBefore(sample) === sample)) throw new Error(`sync ${sample}`);
      if (!Number.isSafeInteger(track.compositionOffsetOf(sample))) throw new Error(`offset of ${sample}`);
      if (track.sampleEntries[track.entryOf(sample)] === undefined) throw new Error(`entry of ${sample}`);
    }
    if (!Number.isFinite(track.delayUnits + track.mediaStartUnits)) throw new Error("no place");
  }
  if (!Number.isFinite(movie.durationSeconds)) throw new Error("no duration");
};

/** Reads what can be read; throws where a promise is broken. */
const survive = (file: Uint8Array): "read" | "refused" => {
  const { layout, steps } = locate(file);
  if (steps.length > MOST_STEPS) throw new Error(`${steps.length} steps`);
  if (layout === undefined) return "refused";
  const pieces = layout.ranges.map(({ start, end }) => ({ start, bytes: file.subarray(start, end) }));
  const result = indexMovie(layout, pieces);
  if (result.kind === "unreadable") return "refused";
  if (result.memory.byteLength > MOST_MEMORY_BYTES) throw new Error(`${result.memory.byteLength} bytes of memory`);
  walk(openMovie(result.memory));
  return "read";
};

/** Numbers that are the same in each run. */
const seeded = (seed: number): ((below: number) => number) => {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

const ABSURD = [0, 1, 7, 8, 0x7fffffff, 0x80000000, 0xffffffff, 0x00ffffff, 0x10000];

const mutate = (file: Uint8Array, seed: number): Uint8Array => {
  const pick = seeded(seed);
  const mutated = file.slice();
  const view = new DataView(mutated.buffer);
  // The tables are what counts, and most of such a small file is not media data.
  for (let count = 1 + pick(3); count > 0; count--) {
    const position = pick(mutated.length - 4);
    const way = pick(5);
    if (way === 0) mutated[position] = (mutated[position] ?? 0) ^ (1 << pick(8));
    else if (way === 1) view.setUint32(position & ~3, ABSURD[pick(ABSURD.length)] ?? 0);
    else if (way === 2) view.setUint32(position, ABSURD[pick(ABSURD.length)] ?? 0);
    else if (way === 3) mutated.copyWithin(position, pick(mutated.length), pick(mutated.length));
    else return mutated.subarray(0, position);
  }
  return mutated;
};

describe("a hostile file", () => {
  it("REG-213 REG-221 of 1,200 mutated movies is read or refused, in bounds", () => {
    const outcomes = { read: 0, refused: 0 };
    for (let seed = 0; seed < 1_200; seed++) {
      const file = FILES[seed % FILES.length] ?? zeros(0);
      outcomes[survive(mutate(file, seed))]++;
    }
    expect(outcomes.read + outcomes.refused).toBe(1_200);
    expect(outcomes.read).toBeGreaterThan(100);
    expect(outcomes.refused).toBeGreaterThan(100);
  });

  it("of arbitrary words in place of a table's is read or refused", () => {
    const [file = zeros(0)] = FILES;
    const text = new TextDecoder("latin1").decode(file);
    const types = ["stts", "ctts", "stss", "stsc", "stsz", "stco", "elst", "mdhd", "tkhd", "stsd", "esds", "avcC"];
    const words = fc.array(fc.oneof(fc.nat(), fc.constantFrom(...ABSURD)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.nat(20), words, (type, skipped, values) => {
        const mutated = file.slice();
        const view = new DataView(mutated.buffer);
        values.forEach((value, index) => {
          view.setUint32(text.indexOf(type) + 4 + skipped + index * 4, value);
        });
        survive(mutated);
      }),
      { numRuns: 300 },
    );
  });

  it("of arbitrary bytes comes to an end", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        survive(bytes);
        survive(concat(box("ftyp", ascii("isom"), u32(0)), bytes));
        survive(box("moov", bytes));
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["a box of size 8 without end", Array.from({ length: 20_000 }, () => box("free"))],
    ["boxes within boxes", [nested(30)]],
    ["a box of 2^63 bytes", [concat(u32(1), ascii("free"), u32(0x7fffffff, 0xffffffff))]],
    ["a box of 64-bit size 0", [concat(u32(1), ascii("free"), zeros(8))]],
    ["a header of 64-bit size", [longBox("moov", fullBox("mvhd", 0, 0, zeros(96)))]],
    ["an empty header", [box("moov")]],
    ["a compressed header", [box("moov", box("cmov", zeros(40)))]],
  ])("with %s is refused", (_, boxes) => {
    expect(typeof tryOpen(concat(box("ftyp", ascii("isom"), u32(0)), ...boxes))).toBe("string");
  });

  it("REG-214 that promises 4,000,000,000 samples is refused", () => {
    const { file } = buildMovie(FILM);
    const text = new TextDecoder("latin1").decode(file);
    const at = text.indexOf("stsz");
    for (const size of [0, 1]) {
      const mutated = file.slice();
      new DataView(mutated.buffer).setUint32(at + 8, size);
      new DataView(mutated.buffer).setUint32(at + 12, 4_000_000_000);
      expect(typeof tryOpen(mutated)).toBe("string");
    }
  });

  it("REG-214 whose 19,000,000 samples take one row of a table takes little memory", () => {
    const chunk = (count: number): Uint8Array =>
      box(
        "stbl",
        fullBox("stsd", 0, 0, u32(1), box("mett", zeros(8))),
        fullBox("stts", 0, 0, u32(1, count, 1)),
        fullBox("stsc", 0, 0, u32(1, 1, count, 1)),
        fullBox("stsz", 0, 0, u32(1, count)),
        fullBox("stco", 0, 0, u32(1, 0)),
      );
    const { file } = buildMovie(FILM);
    const text = new TextDecoder("latin1").decode(file);
    const last = text.lastIndexOf("stbl") - 4;
    const stbl = new DataView(file.buffer).getUint32(last);
    const table = chunk(19_000_000);
    expect(table.length).toBeLessThanOrEqual(stbl);
    const padded = box("stbl", table.subarray(8), box("free", zeros(stbl - table.length - 8)));
    const huge = new Uint8Array(19_100_000);
    huge.set(file);
    huge.set(padded, last);
    const { layout } = locate(huge);
    const result = layout === undefined ? undefined : indexMovie(layout, [{ start: 0, bytes: huge }]);
    expect(result?.kind === "indexed" ? result.memory.byteLength : -1).toBeLessThan(20_000);
    expect(openFile(huge).tracks[2]?.sampleCount).toBe(19_000_000);
  });

  it("whose samples all lie on one another is refused", () => {
    const samples = Array.from({ length: 400 }, () => ({ data: 100, duration: 10 }));
    const { file } = buildMovie({
      tracks: [{ ...FILM.tracks[1], handler: "soun", timescale: 100, entries: [aacEntry()], samples }],
      samplesPerChunk: 1,
    });
    const text = new TextDecoder("latin1").decode(file);
    const view = new DataView(file.buffer);
    const stsz = text.indexOf("stsz");
    const stco = text.indexOf("stco");
    view.setUint32(stsz + 8, 30_000);
    for (let row = 0; row < 400; row++) view.setUint32(stco + 12 + row * 4, 100);
    expect(tryOpen(file)).toBe("samples lie on one another");
  });

  it("of which a piece is not at hand is refused", () => {
    const [file = zeros(0)] = FILES;
    const { layout } = locate(file);
    const refused = (found: MovieLayout | undefined): string => (found === undefined ? "" : indexMovie(found, []).kind);
    expect(refused(layout)).toBe("unreadable");
  });

  it("comes in parts as well as whole", () => {
    for (const file of FILES) {
      const { layout } = locate(file);
      const parts = Array.from({ length: Math.ceil(file.length / 100) }, (_, index) => ({
        start: index * 100,
        bytes: file.subarray(index * 100, (index + 1) * 100),
      }));
      const result = layout === undefined ? undefined : indexMovie(layout, parts.reverse());
      expect(result?.kind).toBe("indexed");
    }
  });

  it("that answers with too little ends the search", () => {
    const search = locateMovie(1_000_000);
    let step = search.next();
    for (let count = 0; count < 100 && step.done !== true; count++) step = search.next(zeros(3));
    expect(step).toEqual({ done: true, value: undefined });
  });
});

function nested(depth: number): Uint8Array {
  return depth === 0 ? box("moov") : box("moov", nested(depth - 1));
}
