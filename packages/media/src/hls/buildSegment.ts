import type { MediaOutcome, MediaTask, SourcePiece, SourceRange } from "../contract.ts";
import { initSection } from "../fragments/initSection.ts";
import { writeFragment } from "../fragments/writeFragment.ts";
import type { Movie } from "../movie/contract.ts";
import { encryptSegment } from "../transport/encryptSegment.ts";
import { writeTransportSegment } from "../transport/writeTransportSegment.ts";
import { planSegment, tracksOf } from "./fragmentTracks.ts";
import { type MediaStream, openStream } from "./mediaStream.ts";
import { transportStreams } from "./transportStreams.ts";
import { gatherPieces, joinGaps, mergeRanges } from "./wantedRanges.ts";

type SegmentTask = Extract<MediaTask, { readonly kind: "segment" }>;
type InitTask = Extract<MediaTask, { readonly kind: "init" }>;

/** A segment is built in memory; films whose key frames are further apart than that are no matter of streaming. */
const MOST_SEGMENT_BYTES = 512 * 1024 * 1024;
const MOST_SEGMENT_SAMPLES = 1_000_000;

/** One segment, and nothing of the source but what it holds (MEDIA-42). */
export function buildSegment(movie: Movie, task: SegmentTask, pieces: readonly SourcePiece[]): MediaOutcome {
  const { segmenting, encryption, number } = task;
  const segment = number - segmenting.sequence;
  const opened = openStream(movie, segmenting, task.cut, segment);
  if (opened.kind !== "stream") return opened;
  const { stream } = opened;
  if (!Number.isInteger(segment) || segment < 0 || segment >= stream.segmentation.count) return { kind: "absent" };

  const ranges = sampleRanges(stream, segment);
  if (ranges === undefined) return { kind: "unreadable", detail: `segment ${number} is too large` };
  const gathered = gatherPieces(ranges, pieces);
  if (gathered === undefined) return { kind: "needs", ranges: joinGaps(ranges) };

  const body =
    segmenting.form === "ts"
      ? writeTransportSegment({
          segmentNumber: number,
          streams: transportStreams(stream, segment),
          pieces: gathered,
        })
      : writeFragment(planSegment(stream, segment), segment + 1, gathered);
  return {
    kind: "bytes",
    body: encryption === undefined ? body : encryptSegment(body, encryption.key, number),
    contentType: segmenting.form === "ts" ? "video/MP2T" : fragmentType(stream),
    playSeconds: playSecondsOf(stream, segment),
  };
}

/** The initialisation section of fmp4. */
export function buildInitSection(movie: Movie, { segmenting, cut }: InitTask): MediaOutcome {
  if (segmenting.form !== "fmp4") return { kind: "absent" };
  const opened = openStream(movie, segmenting, cut);
  if (opened.kind !== "stream") return opened;
  const { stream } = opened;
  const tracks = tracksOf(stream).map(({ sequence }) => sequence.track);
  const body = initSection(tracks, stream.timeline.durationSeconds);
  return { kind: "bytes", body, contentType: fragmentType(stream) };
}

const playSecondsOf = ({ segmentation: { boundsSeconds } }: MediaStream, segment: number): number =>
  (boundsSeconds[segment + 1] ?? 0) - (boundsSeconds[segment] ?? 0);

const fragmentType = ({ video }: MediaStream): string => (video === undefined ? "audio/mp4" : "video/mp4");

/** Where the samples of a segment lie; undefined: too many, or too many bytes, also where they overlap. */
function sampleRanges(stream: MediaStream, segment: number): SourceRange[] | undefined {
  const ranges: { start: number; end: number }[] = [];
  let sampleCount = 0;
  let bytes = 0;
  for (const { sequence, positions } of tracksOf(stream)) {
    const from = positions[segment] ?? 0;
    const to = positions[segment + 1] ?? from;
    sampleCount += to - from;
    if (sampleCount > MOST_SEGMENT_SAMPLES) return undefined;
    let last: { start: number; end: number } | undefined;
    for (const sample of sequence.samplesAt(from, to)) {
      const start = sequence.track.offsetOf(sample);
      const end = start + sequence.track.sizeOf(sample);
      bytes += end - start;
      if (last?.end === start) {
        last.end = end;
        continue;
      }
      last = { start, end };
      ranges.push(last);
    }
  }
  return bytes > MOST_SEGMENT_BYTES ? undefined : mergeRanges(ranges);
}
