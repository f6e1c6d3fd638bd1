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

/** One segment, and nothing of the source but what it holds (MEDIA-42). */
export function buildSegment(movie: Movie, task: SegmentTask, pieces: readonly SourcePiece[]): MediaOutcome {
  const { segmenting, encryption, number } = task;
  const opened = openStream(movie, segmenting, task.cut);
  if (opened.kind !== "stream") return opened;
  const { stream } = opened;
  const segment = number - segmenting.sequence;
  if (!Number.isInteger(segment) || segment < 0 || segment >= stream.segmentation.count) return { kind: "absent" };

  const ranges = sampleRanges(stream, segment);
  if (ranges.reduce((bytes, { start, end }) => bytes + end - start, 0) > MOST_SEGMENT_BYTES)
    return {
      kind: "unreadable",
      detail: `segment ${number} is larger than ${MOST_SEGMENT_BYTES} bytes`,
    };
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

const fragmentType = ({ video }: MediaStream): string => (video === undefined ? "audio/mp4" : "video/mp4");

function sampleRanges(stream: MediaStream, segment: number): SourceRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (const { sequence, positions } of tracksOf(stream)) {
    let last: { start: number; end: number } | undefined;
    for (let position = positions[segment] ?? 0; position < (positions[segment + 1] ?? 0); position++) {
      const sample = sequence.sampleAt(position);
      const start = sequence.track.offsetOf(sample);
      const end = start + sequence.track.sizeOf(sample);
      if (last?.end === start) {
        last.end = end;
        continue;
      }
      last = { start, end };
      ranges.push(last);
    }
  }
  return mergeRanges(ranges);
}
