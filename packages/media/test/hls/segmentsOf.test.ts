import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { positionsByTime, segmentsOf } from "../../src/hls/segmentsOf.ts";
import { TrackSequence } from "../../src/hls/trackSequence.ts";
import { every, picturesWithKeys, sound, type TrackGiven, trackInCode, wholeTrack } from "./filmInCode.ts";

const sequenceOf = (given: TrackGiven): TrackSequence => new TrackSequence(wholeTrack(trackInCode(given, 0)));

function durationsOf(given: TrackGiven, wantedSeconds: number, timelineSeconds?: number): number[] {
  const sequence = sequenceOf(given);
  const seconds = timelineSeconds ?? sequence.decodeTimeAt(sequence.length) / given.timescale;
  const bounds = segmentsOf(sequence, 0, seconds, wantedSeconds)?.boundsSeconds ?? [];
  return bounds.slice(1).map((end, index) => Math.round((end - (bounds[index] ?? 0)) * 1000) / 1000);
}

describe("where a film is cut", () => {
  it.each([
    ["MEDIA-31 interval 3, wanted 20", every(3, 72), 72, 20, [18, 18, 18, 18]],
    ["MEDIA-32 interval 9, wanted 10", every(9, 27), 27, 10, [9, 9, 9]],
    ["MEDIA-33 interval 15, wanted 10", every(15, 45), 45, 10, [15, 15, 15]],
    ["MEDIA-34 irregular key frames at 9 and 12, wanted 10", [0, 9, 12], 20, 10, [9, 3, 8]],
    ["MEDIA-35 interval 6, wanted 10: not exceeding", every(6, 18), 18, 10, [6, 6, 6]],
    ["MEDIA-35 an interval that is the wanted duration", every(10, 30), 30, 10, [10, 10, 10]],
    ["MEDIA-35 none until the wanted duration, then the next", [0, 12, 13, 30], 31, 10, [12, 1, 17, 1]],
    ["acceptance: 65 s, key frames every 3 s, wanted 20", every(3, 65), 65, 20, [18, 18, 18, 11]],
    ["MEDIA-30 one key frame: one segment", [0], 60, 10, [60]],
    ["a film without any key frame: one segment", [], 60, 10, [60]],
  ])("%s", (_, keys, end, wanted, expected) => {
    expect(durationsOf(picturesWithKeys(keys, end), wanted)).toEqual(expected);
  });

  it("MEDIA-30 sound alone is cut at its frames", () => {
    const frame = 1024 / 44_100;
    const durations = durationsOf(sound(25), 10);
    expect(durations).toHaveLength(3);
    for (const seconds of durations.slice(0, -1)) expect(seconds / frame).toBeCloseTo(Math.round(seconds / frame), 1);
    expect(Math.max(...durations)).toBeLessThanOrEqual(10.002);
  });

  it("key frames whose rounded times are a little more than the wanted duration apart", () => {
    const samples = [2000, 2000, 2000, 2000, 2001, 2000].map((duration) => ({ duration }));
    expect(durationsOf({ kind: "video", timescale: 1000, samples }, 10)).toEqual([10.001, 2]);
  });

  it("MEDIA-28 what is left of less than half a frame joins the segment before", () => {
    expect(durationsOf(picturesWithKeys([0, 9.9], 10), 8)).toEqual([9.9, 0.1]);
    expect(durationsOf(picturesWithKeys([0, 9.9], 10), 8, 9.93)).toEqual([9.93]);
  });

  it("MEDIA-36 pictures that are shown for long join no segment, though some of them are behind the end", () => {
    const slides: TrackGiven = { kind: "video", timescale: 1, samples: [10, 5, 100].map((duration) => ({ duration })) };
    expect(durationsOf(slides, 5, 24)).toEqual([10, 5, 9]);
    expect(segmentsOf(sequenceOf(slides), 0, 24, 5, 0)?.boundsSeconds).toEqual([0, 10, 24]);
  });

  it("pictures shown before the key frame that they follow do not move the cut", () => {
    const group = [{ duration: 1, offset: 2, isSync: true }, ...[0, 0, 3, 1, 1].map(leading)];
    const samples = [...group, ...group, ...group];
    expect(durationsOf({ kind: "video", timescale: 1, samples, mediaStartUnits: 2 }, 6, 18)).toEqual([6, 6, 6]);
  });

  it("REG-241 key frames out of order end in a bounded time", () => {
    const samples = Array.from({ length: 3000 }, (_, index) => ({ duration: 0, offset: 3000 - index }));
    const durations = durationsOf({ kind: "video", timescale: 1, samples }, 10, 3001);
    expect(durations.reduce((sum, duration) => sum + duration, 0)).toBe(3001);
  });

  it("REG-230 REG-242 MEDIA-28 bounds grow from 0 to the end, and every picture is in one segment, whatever the film", () => {
    const samples = fc.array(
      fc.record({
        duration: fc.integer({ min: 0, max: 40 }),
        offset: fc.integer({ min: -20, max: 60 }),
        isSync: fc.boolean(),
      }),
      { minLength: 1, maxLength: 80 },
    );
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 20 }), (given, wanted) => {
        const sequence = sequenceOf({ kind: "video", timescale: 10, samples: given });
        const seconds = Math.max(0.1, sequence.decodeTimeAt(sequence.length) / 10);
        const cut = segmentsOf(sequence, 0, seconds, wanted);
        if (cut === undefined) throw new Error("no segments");
        expect(cut.positions).toHaveLength(cut.count + 1);
        expect([cut.boundsSeconds[0], cut.boundsSeconds.at(-1)]).toEqual([0, seconds]);
        expect([cut.positions[0], cut.positions.at(-1)]).toEqual([0, given.length]);
        for (let index = 1; index <= cut.count; index++) {
          expect(cut.boundsSeconds[index]).toBeGreaterThan(cut.boundsSeconds[index - 1] ?? 0);
          expect(cut.positions[index]).toBeGreaterThan(cut.positions[index - 1] ?? 0);
          if (index < cut.count) expect(sequence.isSyncAt(cut.positions[index] ?? 0)).toBe(true);
        }
      }),
    );
  });
});

function leading(offset: number): { duration: number; offset: number; isSync: boolean } {
  return { duration: 1, offset, isSync: false };
}

describe("a segment alone", () => {
  it("MEDIA-36 lies where the playlist says, though the rest of the film is not looked at", () => {
    const keys = fc.uniqueArray(fc.integer({ min: 0, max: 599 }), { maxLength: 60 });
    fc.assert(
      fc.property(
        keys,
        fc.integer({ min: 1, max: 12 }),
        fc.double({ min: 59, max: 61, noNaN: true }),
        (given, wanted, end) => {
          const sequence = sequenceOf(
            picturesWithKeys(
              given.map((frame) => frame / 10),
              60,
            ),
          );
          const whole = segmentsOf(sequence, 0, end, wanted);
          for (let segment = 0; segment < (whole?.count ?? 0) + 2; segment++) {
            const alone = segmentsOf(sequence, 0, end, wanted, segment);
            expect(segment < (alone?.count ?? 0)).toBe(segment < (whole?.count ?? 0));
            if (segment >= (whole?.count ?? 0)) continue;
            expect(alone?.positions.slice(0, segment + 2)).toEqual(whole?.positions.slice(0, segment + 2));
            expect(alone?.boundsSeconds.slice(0, segment + 2)).toEqual(whole?.boundsSeconds.slice(0, segment + 2));
          }
        },
      ),
    );
  });
});

describe("sound beside pictures", () => {
  it("REG-245 MEDIA-37 each frame is in the segment in which it begins to sound, also where frames are irregular", () => {
    const durations = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 60 });
    const bounds = fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { maxLength: 8 });
    fc.assert(
      fc.property(durations, bounds, fc.integer({ min: 0, max: 2000 }), (given, inner, mediaStartUnits) => {
        const samples = given.map((duration) => ({ duration }));
        const sequence = sequenceOf({ kind: "audio", timescale: 1000, samples, mediaStartUnits });
        const seconds = [0, ...inner.sort((one, other) => one - other), 201];
        const positions = positionsByTime(sequence, 0, seconds);
        expect([positions[0], positions.at(-1)]).toEqual([0, given.length]);
        for (let segment = 0; segment + 1 < seconds.length; segment++) {
          for (let frame = positions[segment] ?? 0; frame < (positions[segment + 1] ?? 0); frame++) {
            const time = sequence.presentationTimeAt(frame) / 1000;
            if (segment > 0) expect(time).toBeGreaterThanOrEqual(seconds[segment] ?? 0);
            if (segment + 2 < seconds.length) expect(time).toBeLessThan(seconds[segment + 1] ?? 0);
          }
        }
      }),
    );
  });
});

describe("positions of a timeline of several runs", () => {
  it("agree with the samples and times of the runs", () => {
    const track = trackInCode(picturesWithKeys([0, 3, 6, 9], 12, 1), 0);
    const runs = [
      { first: 6, end: 9, decodeTime: 0 },
      { first: 0, end: 3, decodeTime: 3 },
      { first: 9, end: 11, decodeTime: 6 },
    ];
    const sequence = new TrackSequence({ track, runs, mediaStartUnits: 0, delayUnits: 0 });
    const positions = [...Array(sequence.length).keys()];
    expect(positions.map((position) => sequence.sampleAt(position))).toEqual([6, 7, 8, 0, 1, 2, 9, 10]);
    expect([...positions, 8].map((position) => sequence.decodeTimeAt(position))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(positions.map((position) => sequence.positionByDecodeTime(position + 0.5))).toEqual(positions);
    expect(sequence.positionByDecodeTime(-1)).toBe(-1);
    expect(positions.map((position) => sequence.syncAtOrBefore(position))).toEqual([0, 0, 0, 3, 3, 3, 6, 6]);
    expect(positions.map((position) => sequence.syncAtOrAfter(position))).toEqual([0, 3, 3, 3, 6, 6, 6, 8]);
  });
});
