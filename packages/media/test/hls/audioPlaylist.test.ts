import { describe, expect, it } from "vitest";
import { AudioIndexer, type MediaTask, runMediaTask } from "../../src/index.ts";
import { audioFrames } from "../support/audioFrames.ts";
import { playlistTask, segmentingOf } from "../support/mediaTasks.ts";

/** 25 s of frames of 1152 samples at 44.1 kHz. */
const FRAME_COUNT = 957;
const file = Uint8Array.from(audioFrames(FRAME_COUNT));
const indexer = new AudioIndexer(file.length);
indexer.push(0, file);
const indexed = indexer.finish();
const pieces = [{ start: 0, bytes: file }];

function run(task: MediaTask) {
  if (indexed.kind !== "indexed") throw new Error(indexed.detail);
  return runMediaTask(indexed.memory, "mp3", task, pieces);
}

function linesOf(task: MediaTask): string[] {
  const outcome = run(task);
  if (outcome.kind !== "bytes") throw new Error(JSON.stringify(outcome));
  return new TextDecoder().decode(outcome.body).split("\n").slice(0, -1);
}

describe("playlists of MP3", () => {
  it.each(["ts", "mp3"] as const)("MEDIA-50 MEDIA-51 list the segments that there are: %s", (form) => {
    const segmenting = segmentingOf(form, 10, 2);
    const lines = linesOf(playlistTask(segmenting));
    expect(lines.slice(0, 6)).toEqual([
      "#EXTM3U",
      "#EXT-X-TARGETDURATION:10",
      "#EXT-X-VERSION:3",
      "#EXT-X-MEDIA-SEQUENCE:2",
      "#EXTINF:9.979,",
      `/video.mp4/mp4hls/2.${form}`,
    ]);
    const names = lines.filter((line) => line.startsWith("/"));
    const kinds = [1, 2, 3, 4, 5].map((number) => {
      const { kind } = run({ kind: "segment", number, segmenting, cut: undefined, encryption: undefined });
      return kind;
    });
    expect(names).toHaveLength(3);
    expect(kinds).toEqual(["absent", "bytes", "bytes", "bytes", "absent"]);
    const seconds = lines.flatMap((line) => (line.startsWith("#EXTINF") ? [Number.parseFloat(line.slice(8))] : []));
    expect(seconds.reduce((sum, each) => sum + each, 0)).toBeCloseTo((FRAME_COUNT * 1152) / 44_100, 3);
  });

  it.each(["ts", "mp3"] as const)("MEDIA-50 a master playlist with the measured rate: %s", (form) => {
    const segmenting = segmentingOf(form, 10);
    const lines = linesOf(playlistTask(segmenting, { list: "master", version: 1 }));
    expect(lines[1]).toMatch(/^#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=\d+$/);
    const first = run({ kind: "segment", number: 0, segmenting, cut: undefined, encryption: undefined });
    const bitsPerSecond = first.kind === "bytes" ? (first.body.length * 8) / 9.979 : 0;
    const bandwidth = Number(lines[1]?.split("=").at(-1));
    expect(bandwidth / bitsPerSecond).toBeGreaterThan(0.99);
    expect(bandwidth / bitsPerSecond).toBeLessThan(1.1);
  });

  it("what only films have is absent", () => {
    const segmenting = segmentingOf("ts", 10);
    expect(run(playlistTask(segmenting, { list: "iframes" })).kind).toBe("absent");
    expect(run({ kind: "init", segmenting, cut: undefined }).kind).toBe("absent");
    expect(run({ kind: "relocate" }).kind).toBe("unchanged");
  });
});
