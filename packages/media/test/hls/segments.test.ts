import { createDecipheriv } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { box, buildMovie, type SamplePlan, type TrackPlan, u8 } from "../support/boxes.ts";
import { pictureEntry } from "../support/entries.ts";
import { pictures, several, single, sound } from "../support/films.ts";
import { FilmAtHand, playlistTask, segmentingOf } from "../support/mediaTasks.ts";
import { checkTransport } from "../support/transportChecker.ts";

/** A picture that is one NAL unit with its number in it. */
const picture = (index: number, bytes: number, isSync: boolean): Uint8Array => {
  const data = new Uint8Array(4 + bytes).fill(0xaa);
  new DataView(data.buffer).setUint32(0, bytes);
  data[4] = isSync ? 0x65 : 0x41;
  new DataView(data.buffer).setUint32(5, index | 0x01010101);
  return data;
};

const withPictures = (track: TrackPlan): TrackPlan => ({
  ...track,
  samples: track.samples.map(
    (sample, index): SamplePlan => ({ ...sample, data: picture(index, 60 + (index % 400), sample.isSync ?? true) }),
  ),
});

const B_FRAMES = [2, 4, 1, 1];
const tracks = [
  withPictures(pictures(720, 72, B_FRAMES, { edits: [{ duration: 28_800, mediaTime: 1024 }] })),
  sound(28.8),
];
const { file } = buildMovie({ tracks });
const segmenting = segmentingOf("ts", 10);
const plain = { segmenting, cut: undefined, encryption: undefined };

describe("segments of a film", () => {
  it("REG-232 REG-237 REG-243 MEDIA-37 follow each other without a fault, with every picture and every frame of sound once", () => {
    const film = new FilmAtHand(file);
    const report = checkTransport(film.segmentsOf(plain));
    expect(report.problems).toEqual([]);
    const [video, audio] = report.streams;
    expect(video?.packets).toHaveLength(720);
    const shown = video?.packets.map(({ presentationTicks }) => presentationTicks) ?? [];
    const inOrder = [...shown].sort((one, other) => one - other);
    expect(inOrder.map((ticks) => ticks - (inOrder[0] ?? 0))).toEqual(inOrder.map((_, index) => index * 3600));
    expect((audio?.packets[0]?.presentationTicks ?? 0) - (inOrder[0] ?? 0)).toBe(0);
    const soundBytes = tracks[1]?.samples.reduce((bytes, { data }) => bytes + Number(data) + 7, 0);
    expect(audio?.packets.reduce((bytes, { payload }) => bytes + payload.length, 0)).toBe(soundBytes);
    const keys = video?.packets.filter(({ isRandomAccess }) => isRandomAccess) ?? [];
    expect(keys).toHaveLength(10);
  });

  it("MEDIA-23 numbers that there are not", () => {
    const film = new FilmAtHand(file);
    for (const number of [-1, 4, 1.5, 1e15, Number.NaN])
      expect(film.run({ kind: "segment", number, ...plain })).toEqual({ kind: "absent" });
    const shifted = { ...plain, segmenting: segmentingOf("ts", 10, 5) };
    expect(film.run({ kind: "segment", number: 4, ...shifted })).toEqual({ kind: "absent" });
    expect(film.run({ kind: "segment", number: 5, ...shifted })).toMatchObject({
      kind: "bytes",
      contentType: "video/MP2T",
    });
  });

  it("MEDIA-36 is the same each time, with the header in front or behind the media", () => {
    const task = { kind: "segment", number: 2, ...plain } as const;
    const once = new FilmAtHand(file).bytesOf(task);
    const again = new FilmAtHand(file);
    again.bytesOf({ ...task, number: 0 });
    expect(again.bytesOf(task)).toEqual(once);
    expect(new FilmAtHand(buildMovie({ tracks, header: "last" }).file).bytesOf(task)).toEqual(once);
  });

  it("REG-234 MEDIA-37 a header of megabytes changes nothing of the streams, and sound and pictures begin together", () => {
    const large = box("udta", box("free", new Uint8Array(5_000_000)));
    for (const header of ["first", "last"] as const) {
      const film = new FilmAtHand(buildMovie({ tracks, header, headerBoxes: [large] }).file);
      const segments = film.segmentsOf(plain);
      expect(segments).toEqual(new FilmAtHand(file).segmentsOf(plain));
      const [video, audio] = checkTransport(segments).streams;
      const first = (packets: readonly { readonly presentationTicks: number }[] = []): number =>
        Math.min(...packets.map(({ presentationTicks }) => presentationTicks));
      expect(first(audio?.packets)).toBe(first(video?.packets));
    }
  });

  it("REG-215 H.264 without a parameter set, in the header or at all, gives an answer to every task", () => {
    const none = u8(1, 0x64, 0x00, 0x0b, 0xff, 0xe0, 0);
    for (const boxes of [[box("avcC", none)], [box("avcC")], []]) {
      const entries = [pictureEntry("avc1", 160, 120, ...boxes)];
      const [video = pictures(10, 10)] = tracks;
      for (const beside of [[], [sound(28.8)]]) {
        const film = new FilmAtHand(buildMovie({ tracks: [{ ...video, entries }, ...beside] }).file);
        for (const form of ["ts", "fmp4"] as const) {
          const own = { segmenting: segmentingOf(form, 10), cut: undefined };
          for (const task of [
            playlistTask(own.segmenting),
            { kind: "segment", number: 0, ...own, encryption: undefined },
            { kind: "segment", number: 99, ...own, encryption: undefined },
            { kind: "init", ...own },
          ] as const) {
            expect(["bytes", "unreadable", "absent"]).toContain(film.run(task).kind);
          }
        }
      }
    }
  });

  it("MEDIA-42 asks once, for little more than the samples of the segment", () => {
    const film = new FilmAtHand(file);
    const segment = film.bytesOf({ kind: "segment", number: 1, ...plain });
    const [ranges = []] = film.asked;
    expect(film.asked).toHaveLength(1);
    expect(ranges.reduce((bytes, { start, end }) => bytes + end - start, 0)).toBeLessThanOrEqual(segment.length);
  });

  it("MEDIA-41 playlists and initialisation sections ask for nothing", () => {
    const film = new FilmAtHand(file);
    film.bytesOf({ kind: "init", segmenting: segmentingOf("fmp4", 10), cut: undefined });
    expect(film.asked).toEqual([]);
  });

  it("MEDIA-100 MEDIA-104 of sections run on without a fault, too", () => {
    const film = new FilmAtHand(file);
    for (const [cut, count] of [
      [single("10-20"), 216],
      [several("0-6,20-30,3-6"), 144 + 288 + 72],
    ] as const) {
      const report = checkTransport(film.segmentsOf({ ...plain, cut }));
      expect(report.problems).toEqual([]);
      expect(report.streams[0]?.packets).toHaveLength(count);
    }
  });

  it("AES-128: the number is the initialisation vector", () => {
    const film = new FilmAtHand(file);
    const key = Uint8Array.from({ length: 16 }, (_, index) => index);
    const task = { kind: "segment", number: 3, ...plain } as const;
    const sealed = film.bytesOf({ ...task, encryption: { key, keyUri: "key" } });
    const vector = Uint8Array.from({ length: 16 }, (_, index) => (index === 15 ? 3 : 0));
    const opener = createDecipheriv("aes-128-cbc", key, vector);
    expect(new Uint8Array(Buffer.concat([opener.update(sealed), opener.final()]))).toEqual(film.bytesOf(task));
    expect(film.run({ kind: "key", key })).toEqual({
      kind: "bytes",
      body: key,
      contentType: "application/octet-stream",
    });
  });

  it("REG-231 pictures that no transport stream carries are refused, and so is half a file", () => {
    const film = new FilmAtHand(file.subarray(0, Math.floor(file.length * 0.9)));
    expect(film.run({ kind: "segment", number: 0, ...plain })).toMatchObject({ kind: "unreadable" });
    expect(
      new FilmAtHand(file).run({ kind: "segment", number: 0, ...plain, segmenting: segmentingOf("mp3", 10) }),
    ).toMatchObject({
      kind: "unreadable",
    });
  });

  it("REG-230 REG-232 REG-242 MEDIA-37 whatever the film is like, its segments are one stream with all its pictures", () => {
    const given = fc.record({
      groups: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }),
      soundSeconds: fc.double({ min: 0.1, max: 6, noNaN: true }),
      seconds: fc.integer({ min: 1, max: 4 }),
      mediaTime: fc.constantFrom(0, 1024),
    });
    fc.assert(
      fc.property(given, ({ groups, soundSeconds, seconds, mediaTime }) => {
        const samples = groups.flatMap((frames) => pictures(frames, frames, [2, 4, 1, 1]).samples);
        const edits = [{ duration: samples.length * 40, mediaTime }];
        const video = withPictures({ ...pictures(0, 1), samples, edits });
        const film = new FilmAtHand(buildMovie({ tracks: [video, sound(soundSeconds)] }).file);
        const own = { ...plain, segmenting: segmentingOf("ts", seconds) };
        const report = checkTransport(film.segmentsOf(own));
        expect(report.problems).toEqual([]);
        expect(report.streams[0]?.packets).toHaveLength(samples.length);
      }),
      { numRuns: 25 },
    );
  });
});
