import { readFileSync } from "node:fs";
import { type CorpusName, corpusFile, hasFfmpeg, runTool } from "@basalt/testkit/media";
import { describe, expect, it } from "vitest";
import { openFile } from "../support/openFile.ts";

/** Each a layout of its own; `scripts/check-media` has more. */
const FILES: readonly CorpusName[] = [
  "front.mp4",
  "openGop.mp4",
  "variable.mp4",
  "timescale.mp4",
  "delayed.mp4",
  "negativeOffsets.mp4",
  "fragments.mp4",
  "fragmentsSidx.mp4",
  "fragmentsBase.mp4",
  "tracks.mp4",
  "hevc.mp4",
  "sound.m4a",
];

interface Packet {
  readonly stream: number;
  readonly ptsSeconds: number;
  readonly size: number;
  readonly isSync: boolean;
}

/** Packets by where they lie in the file. */
const packetsOf = async (path: string): Promise<ReadonlyMap<number, Packet>> => {
  const entries = "packet=stream_index,pts_time,size,pos,flags";
  const { stdout } = await runTool("ffprobe", ["-v", "error", "-show_entries", entries, "-of", "csv=p=0", path]);
  const packets = new Map<number, Packet>();
  for (const line of stdout.toString("latin1").split("\n")) {
    const [stream, pts, size, position, flags] = line.split(",");
    if (flags === undefined) continue;
    const isSync = flags.startsWith("K");
    packets.set(Number(position), { stream: Number(stream), ptsSeconds: Number(pts), size: Number(size), isSync });
  }
  return packets;
};

describe.skipIf(!hasFfmpeg())("tables of samples beside ffprobe's packets (needs ffmpeg)", () => {
  it.each(FILES)("MEDIA-07 %s", async (name) => {
    const { path } = await corpusFile(name);
    const packets = await packetsOf(path);
    const movie = openFile(readFileSync(path));
    let compared = 0;
    for (const [stream, track] of movie.tracks.entries()) {
      for (let sample = 0; sample < track.sampleCount; sample++) {
        const packet = packets.get(track.offsetOf(sample));
        // Text without a letter is no packet.
        if (packet === undefined && track.kind === "text") continue;
        const units = track.decodeTimeOf(sample) + track.compositionOffsetOf(sample);
        const ptsSeconds = (units - track.mediaStartUnits + track.delayUnits) / track.timescale;
        expect(packet, `${stream}/${sample}`).toMatchObject({ stream, size: track.sizeOf(sample) });
        expect(packet?.isSync, `${stream}/${sample}`).toBe(track.isSync(sample));
        expect(Math.abs((packet?.ptsSeconds ?? Number.NaN) - ptsSeconds), `${stream}/${sample}`).toBeLessThan(0.00002);
        compared++;
      }
    }
    expect(compared).toBe(packets.size);
  });
});
