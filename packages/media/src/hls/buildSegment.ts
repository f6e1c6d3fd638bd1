import type { MediaOutcome, MediaTask, SourcePiece, SourceRange } from "../contract.ts";
import { initSection } from "../fragments/initSection.ts";
import { writeFragment } from "../fragments/writeFragment.ts";
import type { Movie } from "../movie/contract.ts";
import { type ResultRoom, resultIn } from "../resultRoom.ts";
import { encryptedBytes, encryptSegment } from "../transport/encryptSegment.ts";
import { PACKET_BYTES, PAYLOAD_BYTES } from "../transport/packets.ts";
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
export function buildSegment(
  movie: Movie,
  task: SegmentTask,
  pieces: readonly SourcePiece[],
  room?: ResultRoom,
): MediaOutcome {
  const { segmenting, encryption, number } = task;
  const segment = number - segmenting.sequence;
  const opened = openStream(movie, segmenting, task.cut, segment);
  if (opened.kind !== "stream") return opened;
  const { stream } = opened;
  if (!Number.isInteger(segment) || segment < 0 || segment >= stream.segmentation.count) return { kind: "absent" };

  const wanted = wantedSamples(stream, segment);
  if (wanted === undefined) return { kind: "unreadable", detail: `segment ${number} is too large` };
  const gathered = gatherPieces(wanted.ranges, pieces);
  if (gathered === undefined) return { kind: "needs", ranges: joinGaps(wanted.ranges), resultBytes: roomFor(wanted) };

  const body =
    segmenting.form === "ts"
      ? writeTransportSegment(
          { segmentNumber: number, streams: transportStreams(stream, segment), pieces: gathered },
          room,
        )
      : writeFragment(planSegment(stream, segment), segment + 1, gathered, room);
  return {
    kind: "bytes",
    body: encryption === undefined ? body : encryptInRoom(body, encryption.key, number, room),
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

/** In place of the segment where that lies in the room: both begin there. */
const encryptInRoom = (
  segment: Uint8Array,
  key: Uint8Array,
  number: number,
  room: ResultRoom | undefined,
): Uint8Array<ArrayBuffer> => encryptSegment(segment, key, number, resultIn(room, encryptedBytes(segment.byteLength)));

/** What a picture takes beyond its bytes, at most for all that is sound: headers, stuffing, its part of a table. */
const EXTRA_BYTES_PER_SAMPLE = 280;
/** Tables, the padding of all streams, and parameter sets of key frames. */
const EXTRA_BYTES = 64 * 1024;

/** Bytes of room for a segment: a few more than it takes. Files that need more are rare, and their segments slower. */
const roomFor = ({ sampleCount, bytes }: WantedSamples): number =>
  Math.ceil((bytes * PACKET_BYTES) / PAYLOAD_BYTES) + sampleCount * EXTRA_BYTES_PER_SAMPLE + EXTRA_BYTES;

interface WantedSamples {
  /** Where they lie. */
  readonly ranges: SourceRange[];
  readonly sampleCount: number;
  readonly bytes: number;
}

/** The samples of a segment; undefined: too many, or too many bytes, also where they overlap. */
function wantedSamples(stream: MediaStream, segment: number): WantedSamples | undefined {
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
  return bytes > MOST_SEGMENT_BYTES ? undefined : { ranges: mergeRanges(ranges), sampleCount, bytes };
}
