import { describe, expect, it } from "vitest";
import { openStream } from "../../src/hls/mediaStream.ts";
import { transportStreams } from "../../src/hls/transportStreams.ts";
import { writeTransportSegment } from "../../src/index.ts";
import { movieInCode, picturesWithKeys, sound } from "../hls/filmInCode.ts";
import { checkTransport } from "../support/transportChecker.ts";

describe("MEDIA-37 the clock of a film", () => {
  it.each([
    ["sound that lasts longer than the pictures", 9, 21, 3],
    ["sound beside a still picture", 0.1, 21, 1],
    ["pictures that last longer than the sound", 21, 9, 3],
  ])("MEDIA-30 MEDIA-37 goes on over segments, the last one to the end, with %s", (...given) => {
    const [, pictureSeconds, soundSeconds, count] = given;
    const movie = movieInCode([picturesWithKeys([0, 3, 6], pictureSeconds), sound(soundSeconds)]);
    const opened = openStream(movie, { form: "ts", durationSeconds: 3, sequence: 0 }, undefined);
    if (opened.kind !== "stream") throw new Error(opened.detail);
    const { stream } = opened;
    expect(stream.segmentation.count).toBe(count);
    const pieces = [{ start: 0, bytes: new Uint8Array(3_000_000) }];
    const segments = Array.from({ length: stream.segmentation.count }, (_value, segment) =>
      writeTransportSegment({ segmentNumber: segment, streams: transportStreams(stream, segment), pieces }),
    );
    const report = checkTransport(segments);
    expect(report.problems).toEqual([]);
    const [first = 0] = report.clockTicks;
    const spanSeconds = ((report.clockTicks.at(-1) ?? 0) - first) / 90_000;
    expect(spanSeconds).toBeGreaterThan(20.7);
  });
});
