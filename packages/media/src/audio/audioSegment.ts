import type { Cut, MediaOutcome, SegmentEncryption, Segmenting, SourcePiece } from "../contract.ts";
import { gatherPieces, joinGaps, mergeRanges } from "../hls/wantedRanges.ts";
import { bytesAt } from "../movie/pieces.ts";
import { TICKS_PER_SECOND, type TransportSamples } from "../transport/contract.ts";
import { encryptSegment } from "../transport/encryptSegment.ts";
import { writeTransportSegment } from "../transport/writeTransportSegment.ts";
import { audioSegments } from "./audioSegments.ts";
import { audioTimelineOf, timelineRunsOf, timelineTicksOf, wholeAudioTimeline } from "./audioTimeline.ts";
import {
  AUDIO_TICKS_PER_SECOND,
  type AudioFile,
  type AudioRun,
  type AudioSegment,
  type AudioTimeline,
} from "./contract.ts";
import { packAudio } from "./packedAudio.ts";

export interface AudioSegmentRequest {
  /** As in the URL. */
  readonly number: number;
  readonly segmenting: Segmenting;
  readonly cut: Cut | undefined;
  readonly encryption: SegmentEncryption | undefined;
}

/** The timeline that a cut selects; a cut that selects nothing but the whole means the whole (MEDIA-75). */
export const cutAudioTimeline = (file: AudioFile, cut: Cut | undefined): AudioTimeline => {
  const timeline = audioTimelineOf(file, cut);
  return timeline === "whole" ? wholeAudioTimeline(file) : timeline;
};

/** One segment (MEDIA-51): `ts`, or `mp3` as packed audio. */
export const audioSegment = (
  file: AudioFile,
  { number, segmenting, cut, encryption }: AudioSegmentRequest,
  pieces: readonly SourcePiece[],
): MediaOutcome => {
  if (segmenting.form === "fmp4") return { kind: "unreadable", detail: "fragments are made of MP4 files only" };
  const timeline = cutAudioTimeline(file, cut);
  const segments = audioSegments(file, timeline, segmenting);
  if (segments === undefined) return { kind: "unreadable", detail: "too many segments" };
  const segment = segments[number - segmenting.sequence];
  if (segment === undefined) return { kind: "absent" };
  const runs = timelineRunsOf(timeline, segment.firstFrame, segment.endFrame);
  const ranges = runs.flatMap((run) => file.rangesOf(run.firstFrame, run.endFrame));
  const wanted = mergeRanges(ranges);
  const outcomeOf = (body: Uint8Array<ArrayBuffer>, contentType: string): MediaOutcome => ({
    kind: "bytes",
    body: encryption === undefined ? body : encryptSegment(body, encryption.key, number),
    contentType,
    playSeconds: segment.durationSeconds,
  });
  if (segmenting.form === "mp3") {
    const gathered = gatherInOrder(ranges, pieces);
    if (gathered === undefined) return { kind: "needs", ranges: joinGaps(wanted) };
    const startTicks = stampOf(timelineTicksOf(file, timeline, segment.firstFrame));
    return outcomeOf(packAudio(startTicks, gathered), "audio/mpeg");
  }
  const gathered = gatherPieces(wanted, pieces);
  if (gathered === undefined) return { kind: "needs", ranges: joinGaps(wanted) };
  const body = writeTransportSegment({
    segmentNumber: number,
    streams: [
      {
        codec: { kind: "mp3" },
        language: "und",
        samples: samplesOf(file, timeline, segment, runs),
        endTicks: stampOf(timelineTicksOf(file, timeline, segment.endFrame)),
      },
    ],
    pieces: gathered,
  });
  return outcomeOf(body, "video/MP2T");
};

/** Sections may repeat and go back (MEDIA-91): one range after the other, not in the order of the file. */
const gatherInOrder = (
  ranges: ReturnType<AudioFile["rangesOf"]>,
  pieces: readonly SourcePiece[],
): SourcePiece[] | undefined => {
  const sorted = [...pieces].sort((one, other) => one.start - other.start);
  const gathered: SourcePiece[] = [];
  for (const range of ranges) {
    const bytes = bytesAt(sorted, range);
    if (bytes === undefined) return undefined;
    gathered.push({ start: range.start, bytes });
  }
  return gathered;
};

const stampOf = (ticks: number): number => Math.round((ticks * TICKS_PER_SECOND) / AUDIO_TICKS_PER_SECOND);

const samplesOf = (
  file: AudioFile,
  timeline: AudioTimeline,
  { firstFrame, endFrame }: AudioSegment,
  runs: readonly AudioRun[],
): TransportSamples => {
  const count = endFrame - firstFrame;
  const positions = new Float64Array(count);
  const sizes = new Uint32Array(count);
  const ticks = new Float64Array(count);
  let index = 0;
  for (const run of runs) {
    const startTicks = timelineTicksOf(file, timeline, run.position) - file.ticksOf(run.firstFrame);
    for (const range of file.rangesOf(run.firstFrame, run.endFrame)) {
      for (let position = range.start; position < range.end; ) {
        const frame = run.firstFrame + firstFrame + index - run.position;
        positions[index] = position;
        sizes[index] = file.sizeOf(frame);
        ticks[index] = stampOf(startTicks + file.ticksOf(frame));
        position += sizes[index] ?? 0;
        index++;
      }
    }
  }
  return {
    count,
    positions,
    sizes,
    decodeTicks: ticks,
    presentationTicks: ticks,
    isRandomAccess: new Uint8Array(count).fill(1),
  };
};
