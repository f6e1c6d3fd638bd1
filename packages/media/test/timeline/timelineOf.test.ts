import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Movie, type MovieTimeline, timelineOf, wholeTimeline } from "../../src/index.ts";
import { buildFragmentedMovie, buildMovie, type MoviePlan, type TrackPlan } from "../support/boxes.ts";
import { aacEntry, textEntry } from "../support/entries.ts";
import {
  FRAME_UNITS,
  pictures,
  SOUND_FRAME_UNITS,
  SOUND_TIMESCALE,
  samplesOf,
  several,
  single,
  sound,
  trackOf,
} from "../support/films.ts";
import { openFile } from "../support/openFile.ts";

const movieOf = (...tracks: TrackPlan[]): Movie => openFile(buildMovie({ tracks }).file);

/** A minute, a key frame every two seconds. */
const FILM = movieOf(pictures(1500, 50), sound(60));
/** Pictures in the order I P B B, shown two frames late, which the edit list takes back. */
const B_FRAMES = [2, 4, 1, 2, 4, 1, 2, 4, 1, 1];
const SHOWN_LATE = { edits: [{ duration: 60_000, mediaTime: 2 * FRAME_UNITS }] };
const FILM_WITH_B_FRAMES = movieOf(pictures(1500, 50, B_FRAMES, SHOWN_LATE), sound(60));
const SOUND_FRAME_SECONDS = SOUND_FRAME_UNITS / SOUND_TIMESCALE;

const lengthOf = (timeline: MovieTimeline | "whole" | undefined): number | string | undefined =>
  typeof timeline === "object" ? Math.round(timeline.durationSeconds * 1000) / 1000 : timeline;

const videoRuns = (timeline: MovieTimeline | "whole" | undefined) =>
  trackOf(timeline, "video").runs.map(({ first, end }) => [first / 25, end / 25]);

describe("timeline of one section", () => {
  it.each<[string, number | string, string]>([
    ["-60", "whole", "MEDIA-74 without a start, to the end"],
    ["-30", 30, "MEDIA-74 from the beginning"],
    ["20-", 40, "MEDIA-74 to the end"],
    ["3-13", 10, "MEDIA-76 between the key frames at 2 and 12"],
    ["4-14", 10, "MEDIA-76 exactly at key frames"],
    ["4.999-15.001", 10, "MEDIA-76 fractions"],
    ["50-59.5", 8, "REG-226 MEDIA-76 end at the last key frame before it"],
    ["0-9.999", 8, "REG-226 MEDIA-76 an end just in front of a key frame is not moved to it"],
    ["0-8.001", 8, "REG-226 MEDIA-76 nor one just behind it to the next"],
    ["50-100", 10, "MEDIA-76 never beyond the end"],
    ["5-5.5", 2, "MEDIA-76 one group of pictures at least"],
    ["59-59.5", 2, "MEDIA-76 the last group of pictures"],
    ["50-10", "whole", "MEDIA-75 start > end"],
    ["10-10", "whole", "MEDIA-75 start = end"],
    ["60-", "whole", "MEDIA-75 start at the end"],
    ["70-80", "whole", "MEDIA-75 start behind the end"],
    ["x-", "whole", "MEDIA-75 no number"],
    ["0-x", "whole", "MEDIA-75 no number"],
    ["-", "whole", "MEDIA-74 nothing given"],
  ])("takes of a minute %s: %s (%s)", (text, expected) => {
    expect(lengthOf(timelineOf(FILM, single(text)))).toBe(expected);
    expect(lengthOf(timelineOf(FILM_WITH_B_FRAMES, single(text)))).toBe(expected);
  });

  it("MEDIA-75 takes the whole file for a negative start", () => {
    const cut = { ...single("-"), sections: [{ startSeconds: -1, endSeconds: 20 }] };
    expect(timelineOf(FILM, cut)).toBe("whole");
  });

  it.each([
    ["without B frames", FILM],
    ["with B frames and an edit list", FILM_WITH_B_FRAMES],
  ])("MEDIA-77 begins at 0 with sound and picture in step, %s", (_, movie) => {
    const timeline = timelineOf(movie, single("3-13"));
    const shown = samplesOf(trackOf(timeline, "video"));
    expect(shown[0]).toMatchObject({ sample: 50, shownSeconds: 0, decodeSeconds: 0 });
    expect(shown.at(-1)?.sample).toBe(299);
    const heard = samplesOf(trackOf(timeline, "audio"));
    const shifts = heard.map(
      ({ sample, shownSeconds }) => shownSeconds - (sample * SOUND_FRAME_UNITS) / SOUND_TIMESCALE,
    );
    expect(Math.max(...shifts)).toBeCloseTo(-2, 4);
    expect(Math.min(...shifts)).toBeCloseTo(-2, 4);
    expect(heard[0]?.shownSeconds).toBeLessThanOrEqual(0);
    expect(Math.abs((heard.at(-1)?.shownSeconds ?? 0) + SOUND_FRAME_SECONDS - 10)).toBeLessThan(SOUND_FRAME_SECONDS);
  });

  it("MEDIA-76 leaves out pictures that need the group in front (open GOP)", () => {
    const openGop = [3, 0, 0, ...Array<number>(47).fill(3)];
    const edits = [{ duration: 20_000, mediaTime: 3 * FRAME_UNITS }];
    const movie = movieOf(pictures(500, 50, openGop, { edits }), sound(20));
    const timeline = timelineOf(movie, single("6-10"));
    const samples = samplesOf(trackOf(timeline, "video"));
    expect(samples.slice(0, 3).map(({ sample }) => sample)).toEqual([150, 153, 154]);
    expect(samples[0]?.shownSeconds).toBe(0);
    expect(samples.every(({ shownSeconds }) => shownSeconds >= 0)).toBe(true);
    expect(samplesOf(trackOf(timelineOf(movie, single("-10")), "video")).map(({ sample }) => sample)).toEqual(
      Array.from({ length: 250 }, (_, index) => index),
    );
  });

  it("MEDIA-76 finds key frames by when they are shown", () => {
    const movie = movieOf(pictures(1500, 50, [10], { edits: [] }), sound(60));
    expect(videoRuns(timelineOf(movie, single("4.3-10.3")))).toEqual([[2, 8]]);
    expect(videoRuns(timelineOf(movie, single("4.4-10.4")))).toEqual([[4, 10]]);
  });

  it("MEDIA-76 cuts sound alone at its frames", () => {
    const timeline = timelineOf(movieOf(sound(60)), single("10-20"));
    const samples = samplesOf(trackOf(timeline, "audio"));
    expect(samples[0]).toMatchObject({ sample: 468, shownSeconds: 0 });
    expect(samples.at(-1)?.sample).toBe(936);
    expect(lengthOf(timeline)).toBeCloseTo(10, 1);
  });

  it("REG-225 MEDIA-73 keeps other tracks only with AllTracks, shortened to the section", () => {
    const text: TrackPlan = {
      handler: "sbtl",
      timescale: 1000,
      entries: [textEntry()],
      samples: [
        { data: 12, duration: 5000 },
        { data: 2, duration: 3000 },
        { data: 12, duration: 52_000 },
      ],
    };
    const movie = movieOf(pictures(1500, 50), sound(60), text);
    const kinds = (timeline: MovieTimeline | "whole" | undefined) =>
      typeof timeline === "object" ? timeline.tracks.map(({ track }) => track.kind) : timeline;
    expect(kinds(timelineOf(movie, single("3-13")))).toEqual(["video", "audio"]);
    const all = timelineOf(movie, single("3-13", true));
    expect(kinds(all)).toEqual(["video", "audio", "text"]);
    expect(samplesOf(trackOf(all, "text"))).toEqual([
      { sample: 0, decodeSeconds: 0, shownSeconds: 0 },
      { sample: 1, decodeSeconds: 3, shownSeconds: 3 },
      { sample: 2, decodeSeconds: 6, shownSeconds: 6 },
    ]);
  });

  it("MEDIA-77 keeps a sound that begins later", () => {
    const late = sound(50, {
      edits: [
        { duration: 5000, mediaTime: -1 },
        { duration: 50_000, mediaTime: 0 },
      ],
    });
    const movie = movieOf(pictures(1500, 50), late);
    expect(samplesOf(trackOf(timelineOf(movie, single("2-20")), "audio"))[0]).toMatchObject({
      sample: 0,
      shownSeconds: 3,
    });
    expect(samplesOf(trackOf(timelineOf(movie, single("-20")), "audio"))[0]).toMatchObject({
      sample: 0,
      shownSeconds: 5,
    });
  });

  it("MEDIA-77 takes the later half of a film in fragments that begins at any time", () => {
    const plan: MoviePlan = { tracks: [pictures(500, 50), sound(20)] };
    const timeline = timelineOf(openFile(buildFragmentedMovie(plan).file), single("10-"));
    expect(lengthOf(timeline)).toBe(10);
    expect(samplesOf(trackOf(timeline, "video"))[0]).toMatchObject({ sample: 250, shownSeconds: 0 });
  });

  it("has nothing without sound and picture", () => {
    const text: TrackPlan = {
      handler: "sbtl",
      timescale: 10,
      entries: [textEntry()],
      samples: [{ data: 5, duration: 9 }],
    };
    expect(timelineOf(movieOf(text), single("1-2", true))).toBeUndefined();
  });
});

describe("timeline of several sections", () => {
  it.each([
    ["0-30,210-270,525-555", 120, 600],
    ["17-20,17-20,17-20,17-20", 16, 60],
    ["1000-1200,500-623,1900-2000", 422, 2200],
    ["600-,400-600", 400, 800],
  ])("MEDIA-90 MEDIA-91 MEDIA-92 takes %s in that order: %s s of %s", (text, expected, seconds) => {
    const movie = movieOf(pictures(seconds * 5, 10, [0], { timescale: FRAME_UNITS * 5 }));
    expect(lengthOf(timelineOf(movie, several(text)))).toBe(expected);
  });

  it("MEDIA-93 passes over sections that make it too long, and takes later ones that fit", () => {
    const taken = (text: string, ratio: number) => videoRuns(timelineOf(FILM, several(text, ratio)));
    expect(taken("0-60,0-40,10-40", 50)).toEqual([
      [0, 60],
      [10, 40],
    ]);
    expect(taken("0-40,0-40,0-20", 0)).toEqual([
      [0, 40],
      [0, 20],
    ]);
    expect(lengthOf(timelineOf(FILM, several("0-60,0-60,0-2", 100)))).toBe(120);
  });

  it("MEDIA-75 passes over sections that name nothing, and takes all if none is left", () => {
    expect(videoRuns(timelineOf(FILM, several("50-10,4-8,70-80,x-3")))).toEqual([[4, 8]]);
    expect(timelineOf(FILM, several("50-10,70-80"))).toBe("whole");
    expect(timelineOf(FILM, several("0-60"))).toBe("whole");
  });

  it.each([
    ["without B frames", FILM],
    ["with B frames", FILM_WITH_B_FRAMES],
  ])("MEDIA-91 keeps a hundred sections in step, %s", (_, movie) => {
    const places = Array.from({ length: 50 }, (_, index) => (index * 14) % 56);
    const timeline = timelineOf(movie, several(places.map((start) => `${start}-${start + 2}`).join(",")));
    expect(lengthOf(timeline)).toBe(100);
    const shown = samplesOf(trackOf(timeline, "video"));
    const heard = samplesOf(trackOf(timeline, "audio"));
    const drifts = heard.map(({ sample, shownSeconds }) => {
      const source = (sample * SOUND_FRAME_UNITS) / SOUND_TIMESCALE;
      const section = Math.min(49, Math.max(0, Math.floor((shownSeconds + SOUND_FRAME_SECONDS / 2) / 2)));
      return Math.abs(shownSeconds - section * 2 - source + (places[section] ?? 0));
    });
    expect(Math.max(...drifts)).toBeLessThanOrEqual(SOUND_FRAME_SECONDS);
    expect(shown.length).toBe(2500);
    expect(Math.abs(heard.length * SOUND_FRAME_SECONDS - 100)).toBeLessThan(2 * SOUND_FRAME_SECONDS);
  });

  it("decodes every track in order of time, whatever the sections", () => {
    const someSections = fc.array(
      fc.tuple(fc.nat(650), fc.nat(650)).map(([start, end]) => `${start / 10}-${end / 10}`),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(someSections, fc.nat(100), fc.boolean(), (texts, ratio, hasBFrames) => {
        const movie = hasBFrames ? FILM_WITH_B_FRAMES : FILM;
        const timeline = timelineOf(movie, several(texts.join(","), ratio));
        if (typeof timeline !== "object") {
          return;
        }
        expect(timeline.durationSeconds).toBeLessThanOrEqual(60 * (1 + ratio / 100) + 0.01);
        for (const track of timeline.tracks) {
          const samples = samplesOf(track);
          expect(samples[0]?.decodeSeconds).toBe(0);
          const isInOrder = samples.every(
            ({ decodeSeconds }, index) => decodeSeconds > (samples[index - 1]?.decodeSeconds ?? -1),
          );
          expect(isInOrder).toBe(true);
          expect(samples.at(-1)?.shownSeconds).toBeLessThan(timeline.durationSeconds + 0.1);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("ends where a dense part is repeated without end", () => {
    const burst = pictures(3000, 1000, [0], { entries: [aacEntry()], timescale: 100_000 });
    const movie = movieOf({
      ...burst,
      samples: burst.samples.map((sample, index) => ({ ...sample, duration: index < 2000 ? 1 : 10_000 })),
    });
    const cut = several(Array.from({ length: 4_000 }, () => "0-0.01").join(","));
    const timeline = timelineOf(movie, cut);
    expect(samplesOf(trackOf(timeline, "video")).length).toBeLessThan(120_000);
  });
});

describe("timeline of a whole file", () => {
  it("has the times of the source", () => {
    const timeline = wholeTimeline(FILM_WITH_B_FRAMES, { allTracks: false });
    expect(timeline.durationSeconds).toBeCloseTo(60, 1);
    expect(trackOf(timeline, "video")).toMatchObject({
      runs: [{ first: 0, end: 1500, decodeTime: 0 }],
      mediaStartUnits: 2 * FRAME_UNITS,
      delayUnits: 0,
    });
  });
});
