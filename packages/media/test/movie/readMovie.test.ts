import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeRecipe,
  indexMovie,
  locateMovie,
  type Movie,
  type MovieTrack,
  openMovie,
  relocateMovie,
  trimMovie,
} from "../../src/index.ts";
import {
  ascii,
  type BuiltMovie,
  box,
  buildFragmentedMovie,
  buildMovie,
  type FragmentPlan,
  fullBox,
  longBox,
  type MoviePlan,
  type SamplePlan,
  type TrackPlan,
  u32,
  zeros,
} from "../support/boxes.ts";
import { AAC_CONFIG, avcEntry, textEntry } from "../support/entries.ts";
import { single } from "../support/films.ts";
import { locate, openFile } from "../support/openFile.ts";
import { FILM, PICTURES, SOUND } from "../support/sampleFilm.ts";

/** What the track says of each sample, beside what was planned. */
const expectSamples = (track: MovieTrack | undefined, plan: TrackPlan, positions: readonly number[] = []): void => {
  expect(track).toBeDefined();
  if (track === undefined) return;
  let time = 0;
  let lastSync = -1;
  expect(track.sampleCount).toBe(plan.samples.length);
  plan.samples.forEach((sample, index) => {
    const isSync = sample.isSync !== false;
    if (isSync) lastSync = index;
    const size = typeof sample.data === "number" ? sample.data : sample.data.length;
    const read = {
      size: track.sizeOf(index),
      time: track.decodeTimeOf(index),
      offset: track.compositionOffsetOf(index),
      position: track.offsetOf(index),
      isSync: track.isSync(index),
      entry: track.entryOf(index),
      before: track.syncAtOrBefore(index),
    };
    const { offset = 0, entry = 0 } = sample;
    expect(read).toEqual({ size, time, offset, position: positions[index], isSync, entry, before: lastSync });
    time += sample.duration;
  });
  expect(track.durationUnits).toBe(time);
  expect(track.syncCount).toBe(plan.samples.filter((sample) => sample.isSync !== false).length);
  expect(track.lowestCompositionOffset).toBe(Math.min(...plan.samples.map((sample) => sample.offset ?? 0)));
};

const expectMovie = (movie: Movie, plan: MoviePlan, built: BuiltMovie): void => {
  expect(movie.fileBytes).toBe(built.file.length);
  expect(movie.tracks).toHaveLength(plan.tracks.length);
  plan.tracks.forEach((track, index) => {
    expectSamples(movie.tracks[index], track, built.positions[index]);
  });
};

const expectRead = (plan: MoviePlan): Movie => {
  const built = buildMovie(plan);
  const movie = openFile(built.file);
  expectMovie(movie, plan, built);
  return movie;
};

describe("a movie is read", () => {
  it.each([
    ["with the header in front", {}],
    ["with the header behind", { header: "last" }],
    ["with positions of 64 bits", { hasLongOffsets: true }],
    ["with media data of 64-bit size", { media: "long" }],
    ["with media data to the end of the file", { media: "toTheEnd" }],
    ["with one sample in each chunk", { samplesPerChunk: 1 }],
    ["with all samples of a track in one chunk", { samplesPerChunk: 1000 }],
    ["without a file type, as QuickTime wrote", { hasFileType: false, boxesInFront: [box("wide")], header: "last" }],
    [
      "among other boxes",
      {
        boxesInFront: [box("free", zeros(5000)), longBox("uuid", zeros(30)), box("skip")],
        boxesBeforeMedia: [box("wide"), box("mdat", zeros(70_000)), fullBox("sidx", 0, 0, zeros(20))],
        boxesBehind: [box("mdat", zeros(9)), box("free")],
        header: "last",
      },
    ],
  ] as readonly [string, Partial<MoviePlan>][])("MEDIA-07 %s", (_, form) => {
    expectRead({ ...FILM, ...form });
  });

  it("REG-222 MEDIA-07 with many tracks", () => {
    const track = { ...SOUND, samples: SOUND.samples.slice(0, 5) };
    expect(expectRead({ tracks: Array.from({ length: 60 }, () => track) }).tracks).toHaveLength(60);
  });

  it("REG-210 REG-211 MEDIA-07 beyond 4 GB, whatever the width of the sizes", () => {
    const gap = 5 * 2 ** 30;
    const built = buildMovie({ ...FILM, header: "last", hasLongOffsets: true });
    // The same file behind a hole: only the parts that are asked for exist.
    const moved = buildMovie({ ...FILM, header: "last", hasLongOffsets: true, boxesInFront: [] });
    expect(moved.file).toEqual(built.file);
    const fileType = 28 + 4;
    const hole = longBox("free", zeros(0));
    new DataView(hole.buffer).setBigUint64(8, BigInt(gap));
    const shifted = shiftChunks(built.file, gap);
    const at = (start: number, end: number): Uint8Array => {
      const bytes = new Uint8Array(end - start);
      const put = (part: Uint8Array, position: number): void => {
        for (let index = 0; index < part.length; index++) {
          const target = position + index - start;
          if (target >= 0 && target < bytes.length) bytes[target] = part[index] ?? 0;
        }
      };
      put(shifted.subarray(0, fileType), 0);
      put(hole, fileType);
      put(shifted.subarray(fileType), fileType + gap);
      return bytes;
    };
    const movie = openAt(gap + built.file.length, at);
    expect(movie.firstMediaByte).toBe(gap + fileType + 8);
    expect(movie.tracks[1]?.offsetOf(93)).toBe((built.positions[1]?.[93] ?? 0) + gap);
    const relocated = relocateMovie(movie);
    expect(relocated.kind === "recipe" ? decodeRecipe(relocated.recipe)?.sizeBytes : 0).toBe(gap + built.file.length);
    const cut = single("0-1");
    const [far, near] = [trimMovie(movie, cut), trimMovie(openFile(built.file), cut)];
    const sizes = [far, near].map((outcome) =>
      outcome.kind === "recipe" ? decodeRecipe(outcome.recipe)?.sizeBytes : outcome.kind,
    );
    expect(sizes[0]).toBe(sizes[1]);
  });

  it("REG-211 beyond 4 GB with sizes and positions of 32 bits: several boxes of media, the header behind them", () => {
    const built = buildMovie({ ...FILM, header: "last" });
    const headerAt = new TextDecoder("latin1").decode(built.file).indexOf("moov") - 4;
    const holeBytes = 3 * 2 ** 30;
    const hole = box("mdat");
    new DataView(hole.buffer).setUint32(0, holeBytes);
    const parts = [
      { position: 0, bytes: built.file.subarray(0, headerAt) },
      { position: headerAt, bytes: hole },
      { position: headerAt + holeBytes, bytes: hole },
      { position: headerAt + 2 * holeBytes, bytes: built.file.subarray(headerAt) },
    ];
    const fileBytes = built.file.length + 2 * holeBytes;
    const at = (start: number, end: number): Uint8Array => {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, fileBytes) - start));
      for (const { position, bytes: part } of parts) {
        const from = Math.max(start, position);
        const to = Math.min(end, position + part.length);
        if (from < to) bytes.set(part.subarray(from - position, to - position), from - start);
      }
      return bytes;
    };
    const movie = openAt(fileBytes, at);
    for (const [index, track] of FILM.tracks.entries())
      expectSamples(movie.tracks[index], track, built.positions[index]);
    expect(movie.header.range.start).toBe(headerAt + 2 * holeBytes);
    const moved = relocateMovie(movie);
    expect(moved.kind === "recipe" ? decodeRecipe(moved.recipe)?.sizeBytes : 0).toBeGreaterThanOrEqual(fileBytes);
  });

  it("says what the header says", () => {
    const movie = expectRead(FILM);
    expect(movie).toMatchObject({ timescale: 1000, durationSeconds: 2, isFragmented: false, isTruncated: false });
    const [pictures, sound] = movie.tracks;
    expect(pictures).toMatchObject({ kind: "video", id: 1, isEnabled: true, codecs: "avc1.64000b", language: "und" });
    expect(pictures).toMatchObject({ widthPixels: 160, heightPixels: 120, mediaStartUnits: 1024, delayUnits: 0 });
    expect(sound).toMatchObject({ kind: "audio", id: 2, codecs: "mp4a.40.2", language: "kor", widthPixels: 0 });
    expect(sound?.codec).toMatchObject({ kind: "aac", objectType: 2, sampleRateHz: 48_000, config: AAC_CONFIG });
    expect([...(movie.fileType ?? [])]).toEqual([...buildMovie(FILM).file.subarray(0, 32)]);
    expect(String.fromCharCode(...movie.header.bytes.subarray(4, 8))).toBe("moov");
    expect(String.fromCharCode(...(pictures?.box.subarray(4, 8) ?? []))).toBe("trak");
    expect(pictures?.sampleEntries[0]).toEqual(avcEntry());
  });

  it("finds samples by time, and key frames around them", () => {
    const track = expectRead(FILM).tracks[0];
    expect([-1, 0, 511, 512, 5_000, 1e9].map((time) => track?.sampleAt(time))).toEqual([-1, 0, 0, 1, 9, 47]);
    expect([-1, 0, 11, 12, 47, 90].map((sample) => track?.syncAtOrBefore(sample))).toEqual([-1, 0, 0, 12, 36, 36]);
    expect([-5, 0, 1, 12, 37, 48].map((sample) => track?.syncAtOrAfter(sample))).toEqual([0, 0, 12, 12, 48, 48]);
  });
});

/** Adds to each position in `co64`. */
const shiftChunks = (file: Uint8Array, by: number): Uint8Array => {
  const shifted = file.slice();
  const view = new DataView(shifted.buffer);
  const name = new TextDecoder("latin1").decode(shifted);
  for (let at = name.indexOf("co64"); at >= 0; at = name.indexOf("co64", at + 4))
    for (let row = 0; row < view.getUint32(at + 8); row++)
      view.setBigUint64(at + 12 + row * 8, view.getBigUint64(at + 12 + row * 8) + BigInt(by));
  return shifted;
};

const openAt = (fileBytes: number, at: (start: number, end: number) => Uint8Array): Movie => {
  const search = locateMovie(fileBytes);
  let step = search.next();
  while (step.done !== true) step = search.next(at(step.value.start, step.value.end));
  if (step.value === undefined) throw new Error("not located");
  const pieces = step.value.ranges.map(({ start, end }) => ({ start, bytes: at(start, end) }));
  const result = indexMovie(step.value, pieces);
  if (result.kind === "unreadable") throw new Error(result.detail);
  return openMovie(result.memory);
};

describe("tables of samples", () => {
  const plain = (count: number, of: (index: number) => Partial<SamplePlan>): readonly SamplePlan[] =>
    Array.from({ length: count }, (_, index) => ({ data: 10, duration: 100, ...of(index) }));

  const read = (change: Partial<TrackPlan>): MovieTrack | undefined =>
    expectRead({ tracks: [{ ...PICTURES, edits: [], ...change }] }).tracks[0];

  it("of equal samples take no room", () => {
    const size = (count: number): number => {
      const { file } = buildMovie({ tracks: [{ ...SOUND, samples: plain(count, () => ({})) }], samplesPerChunk: 5000 });
      const { layout } = locate(file);
      const result = layout === undefined ? undefined : indexMovie(layout, [{ start: 0, bytes: file }]);
      return result?.kind === "indexed" ? result.memory.byteLength : -1;
    };
    expect(size(5000)).toBe(size(50));
  });

  it("with durations of 0, and with a different duration for each sample", () => {
    read({ samples: plain(100, (index) => ({ duration: index % 3 === 0 ? 0 : 7 })) });
    const track = read({ samples: plain(300, (index) => ({ duration: 1 + ((index * 7919) % 61) })) });
    for (let sample = 0; sample < 300; sample++) expect(track?.sampleAt(track.decodeTimeOf(sample))).toBe(sample);
  });

  it("with negative offsets, in version 1 and in version 0", () => {
    const samples = plain(40, (index) => ({ offset: [-100, 200, -50, 70_000][index % 4] ?? 0 }));
    read({ samples });
    read({ samples, compositionVersion: 0 });
  });

  it("with and without a table of key frames, and with an empty one", () => {
    expect(read({ samples: plain(20, () => ({})) })?.syncCount).toBe(20);
    expect(read({ samples: plain(20, () => ({})), syncTable: "always" })?.syncCount).toBe(20);
    const none = read({ samples: plain(20, () => ({ isSync: false })) });
    expect([none?.syncCount, none?.syncAtOrBefore(19), none?.syncAtOrAfter(0)]).toEqual([0, -1, 20]);
  });

  it.each([4, 8, 16] as const)("with sizes of %i bits", (narrowSizeBits) => {
    read({ samples: plain(31, (index) => ({ data: index % 16 })), narrowSizeBits });
  });

  it("with several sample entries", () => {
    const samples = plain(50, (index) => ({ entry: index % 20 < 10 ? 0 : 1 }));
    expect(read({ samples, entries: [avcEntry(), avcEntry(320, 240)] })?.sampleEntries).toHaveLength(2);
  });

  it("with roll groups: their samples are no key frames", () => {
    const groups = fullBox("sbgp", 0, 0, ascii("roll"), u32(1, 20, 1));
    expect(read({ ...PICTURES, tableBoxes: [groups] })?.syncCount).toBe(4);
  });

  it("agree with what was written, whatever that was", () => {
    const sample = fc.record({
      data: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 400 })),
      duration: fc.oneof(fc.constant(512), fc.integer({ min: 0, max: 70_000 })),
      offset: fc.oneof(fc.constant(0), fc.integer({ min: -300, max: 300 }), fc.integer({ min: 0, max: 2 ** 30 })),
      isSync: fc.boolean(),
    });
    const samples = fc.array(sample, { minLength: 1, maxLength: 700 });
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 40 }), fc.boolean(), (list, samplesPerChunk, isLast) => {
        const tracks = [{ ...PICTURES, samples: list }, SOUND];
        expectRead({ tracks, samplesPerChunk, header: isLast ? "last" : "first" });
      }),
      { numRuns: 25 },
    );
  });
});

describe("fragments", () => {
  const read = (form: FragmentPlan, change: Partial<MoviePlan> = {}): Movie => {
    const plan = { ...FILM, ...change };
    const built = buildFragmentedMovie(plan, form);
    const movie = openFile(built.file);
    expectMovie(movie, plan, built);
    expect(movie.isFragmented).toBe(true);
    return movie;
  };

  it.each([
    ["counted from their own header", {}],
    ["with positions of their own", { base: "absolute" }],
    ["one behind the other", { base: "implied" }],
    ["with a segment index", { hasIndex: true }],
    ["with an index for random access at the end", { hasRandomAccess: true }],
    ["without decode times", { hasTimes: false }],
    ["of one sample each", { samplesPerFragment: 1 }],
    ["all in one", { samplesPerFragment: 1000 }],
  ] as readonly [string, FragmentPlan][])("MEDIA-07 %s become one table", (_, form) => {
    expect(read(form).tracks.map((track) => track.delayUnits)).toEqual([0, 0]);
  });

  it("cut out of a longer stream begin at 0, and keep what tracks differ by", () => {
    const movie = read({ firstTimes: [12_288 * 3600, 48_000 * 3600 + 4_800] });
    expect(movie.tracks.map((track) => track.delayUnits)).toEqual([0, 4_800]);
    expect(movie.durationSeconds).toBeLessThan(2.2);
  });

  it("of a track that begins later are delayed", () => {
    expect(read({ firstTimes: [0, 24_000] }).tracks[1]?.delayUnits).toBe(24_000);
  });

  it("that leave a gap lengthen the sample in front of it", () => {
    const plan = { tracks: [SOUND] };
    const { file } = buildFragmentedMovie(plan, { samplesPerFragment: 50 });
    const text = new TextDecoder("latin1").decode(file);
    const second = text.indexOf("tfdt", text.indexOf("tfdt") + 4);
    new DataView(file.buffer).setBigUint64(second + 8, BigInt(50 * 1024 + 9_000));
    const track = openFile(file).tracks[0];
    expect([49, 50, 51].map((sample) => track?.decodeTimeOf(sample))).toEqual([50_176, 60_200, 61_224]);
  });
});

describe("edits, tracks and sizes", () => {
  const edited = (edits: TrackPlan["edits"], hasLongEdits = false): MovieTrack | undefined =>
    openFile(buildMovie({ tracks: [{ ...PICTURES, edits: edits ?? [], hasLongEdits }] }).file).tracks[0];

  it.each([false, true])("the first edit that is not empty counts, empty ones delay (64 bits: %s)", (isLong) => {
    const track = edited(
      [
        { duration: 250, mediaTime: -1 },
        { duration: 1000, mediaTime: 2048 },
        { duration: 500, mediaTime: 9_000 },
      ],
      isLong,
    );
    expect(track).toMatchObject({ mediaStartUnits: 2048, delayUnits: 3072 });
  });

  it("the file lasts as long as its longest edit list", () => {
    const tracks = [PICTURES, { ...SOUND, edits: [{ duration: 1500, mediaTime: 0 }] }];
    expect(openFile(buildMovie({ tracks }).file).durationSeconds).toBe(2);
    const short = tracks.map((track) => ({ ...track, edits: [{ duration: 700, mediaTime: 0 }] }));
    expect(openFile(buildMovie({ tracks: short }).file).durationSeconds).toBe(0.7);
  });

  it.each([0, 90, 180, 270] as const)("pictures turned by %i degrees", (rotationDegrees) => {
    const track = openFile(buildMovie({ tracks: [{ ...PICTURES, rotationDegrees }] }).file).tracks[0];
    expect(track).toMatchObject({ rotationDegrees, widthPixels: 160, heightPixels: 120 });
  });

  it("pixels that are not square", () => {
    const entries = [avcEntry(720, 576, box("pasp", u32(64, 45)))];
    const track = openFile(buildMovie({ tracks: [{ ...PICTURES, entries }] }).file).tracks[0];
    expect(track).toMatchObject({ widthPixels: 1024, heightPixels: 576 });
  });

  it("text, tracks that are off, and others", () => {
    const text: TrackPlan = { ...SOUND, handler: "sbtl", entries: [textEntry()], isEnabled: false };
    const other: TrackPlan = { ...SOUND, handler: "meta", entries: [box("mett", zeros(8))] };
    const movie = expectRead({ tracks: [PICTURES, text, other] });
    expect(movie.tracks[1]).toMatchObject({ kind: "text", isEnabled: false, codec: { kind: "tx3g" } });
    expect(movie.tracks[2]).toMatchObject({ kind: "other", codec: { kind: "other", fourCharacters: "mett" } });
  });

  it("a track whose data are in another file has no samples here", () => {
    const elsewhere = { ...SOUND, dataReference: fullBox("url ", 0, 0, ascii("http://127.0.0.1/a.mp4\0")) };
    const movie = openFile(buildMovie({ tracks: [PICTURES, elsewhere] }).file);
    expect(movie.tracks[1]).toMatchObject({ kind: "other", sampleCount: 0 });
  });

  it("an encrypted track is no sound or picture", () => {
    const entries = [box("encv", avcEntry().subarray(8))];
    const movie = openFile(buildMovie({ tracks: [{ ...PICTURES, entries }, SOUND] }).file);
    expect(movie.tracks[0]).toMatchObject({ kind: "other", codec: { kind: "other", fourCharacters: "encv" } });
  });
});
