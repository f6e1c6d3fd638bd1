import type { Segmenting } from "../contract.ts";
import { type ElementaryStream, TICKS_PER_SECOND } from "../transport/contract.ts";
import { planSegment, tracksOf } from "./fragmentTracks.ts";
import type { MediaStream, StreamTrack } from "./mediaStream.ts";
import { durationsMs, type KeyFrameEntry, ratesOf, type VariantFacts } from "./playlistTexts.ts";
import { transportStreams } from "./transportStreams.ts";

/** Measured by the sizes of all samples (MEDIA-14); no media data is read. */
export function variantFacts(stream: MediaStream, segmenting: Segmenting): VariantFacts {
  const { video, segmentation } = stream;
  const bytes = Array.from({ length: segmentation.count }, (_, segment) => segmentBytes(stream, segmenting, segment));
  const codecs = tracksOf(stream).map(({ sequence }) => sequence.track.codecs?.replace(/^hev1/, "hvc1"));
  return {
    ...ratesOf(bytes, segmentation.boundsSeconds),
    picture: video && pictureFacts(video),
    codecs: codecs.includes(undefined) ? undefined : codecs.join(","),
    isIndependent: isIndependent(stream),
  };
}

/** Turned pictures as they are shown. */
function pictureFacts({ sequence }: StreamTrack): VariantFacts["picture"] {
  const { widthPixels, heightPixels, rotationDegrees, timescale } = sequence.track;
  const isUpright = rotationDegrees % 180 === 0;
  const seconds = sequence.decodeTimeAt(sequence.length) / timescale;
  return {
    widthPixels: Math.round(isUpright ? widthPixels : heightPixels),
    heightPixels: Math.round(isUpright ? heightPixels : widthPixels),
    framesPerSecond: seconds > 0 ? sequence.length / seconds : 0,
  };
}

/** Exact of fragments. */
const segmentBytes = (stream: MediaStream, { form }: Segmenting, segment: number): number => {
  if (form !== "fmp4") return transportBytes(transportStreams(stream, segment));
  const { headBytes, dataBytes } = planSegment(stream, segment);
  return headBytes + dataBytes;
};

const PACKET_BYTES = 188;
const PAYLOAD_BYTES = 184;
const TABLE_PACKETS = 2;
/** PES header with both times, access unit delimiter and clock. */
const PICTURE_EXTRA_BYTES = 34;
const PES_HEADER_BYTES = 14;
const CLOCK_FIELD_BYTES = 8;
const ADTS_BYTES = 7;
const SOUND_PACKET_TICKS = TICKS_PER_SECOND / 10;
const SOUND_PACKET_BYTES = 2_880;
/** The last packets of a stream are split into as many as continuity asks for. */
const PADDING_PACKETS = 8;

/** Near to what `writeTransportSegment` makes, which has to read the samples to know it exactly. */
export const transportBytes = (streams: readonly ElementaryStream[]): number =>
  PACKET_BYTES * streams.reduce((packets, stream) => packets + PADDING_PACKETS + packetsOf(stream), TABLE_PACKETS);

function packetsOf({ codec, samples, endTicks }: ElementaryStream): number {
  if (samples.count === 0) return 0;
  if (codec.kind === "avc" || codec.kind === "hevc") {
    const sets = codec.kind === "avc" ? [...codec.sequenceSets, ...codec.pictureSets] : codec.parameterSets;
    const setBytes = sets.reduce((bytes, set) => bytes + 4 + set.byteLength, 0);
    return samples.sizes.reduce(
      (packets, size, index) =>
        packets +
        Math.ceil((size + PICTURE_EXTRA_BYTES + (samples.isRandomAccess[index] === 1 ? setBytes : 0)) / PAYLOAD_BYTES),
      0,
    );
  }
  const frameExtra = codec.kind === "aac" ? ADTS_BYTES : 0;
  return soundPackets(
    samples.count,
    (frame) => (samples.sizes[frame] ?? 0) + frameExtra,
    (frame) => samples.decodeTicks[frame] ?? endTicks,
  );
}

/** Transport packets that frames of sound take: several of them are in one PES packet. */
function soundPackets(count: number, bytesOf: (frame: number) => number, ticksOf: (frame: number) => number): number {
  let packets = 0;
  for (let frame = 0; frame < count; ) {
    const start = ticksOf(frame);
    let bytes = PES_HEADER_BYTES;
    do bytes += bytesOf(frame++);
    while (
      frame < count &&
      bytes - PES_HEADER_BYTES + bytesOf(frame) <= SOUND_PACKET_BYTES &&
      ticksOf(frame + 1) - start <= SOUND_PACKET_TICKS
    );
    packets += Math.ceil((bytes + CLOCK_FIELD_BYTES) / PAYLOAD_BYTES);
  }
  return packets;
}

/** Of a segment with MPEG audio alone. */
export function soundSegmentBytes(frameCount: number, frameBytes: number, seconds: number): number {
  const packets = soundPackets(
    frameCount,
    () => frameBytes / frameCount,
    (frame) => (frame * seconds * TICKS_PER_SECOND) / frameCount,
  );
  return PACKET_BYTES * (TABLE_PACKETS + PADDING_PACKETS + packets);
}

/** Pictures behind a key frame in the order of decoding that are shown in front of it. */
const MOST_LEADING_PICTURES = 16;

/** No segment but the first has pictures that need those of the segment before (open GOP). */
export function isIndependent({ video, segmentation }: MediaStream): boolean {
  if (video === undefined) return true;
  const { sequence, positions } = video;
  for (let segment = 0; segment < segmentation.count; segment++) {
    const key = positions[segment] ?? 0;
    const end = Math.min(key + 1 + MOST_LEADING_PICTURES, positions[segment + 1] ?? 0);
    const time = sequence.presentationTimeAt(key);
    if (!sequence.isSyncAt(key)) return false;
    for (let position = key + 1; position < end; position++)
      if (sequence.presentationTimeAt(position) < time) return false;
  }
  return true;
}

/** The key frame with which each segment begins; only fragments tell its bytes without being read. */
export function keyFramesOf(stream: MediaStream, { sequence: firstNumber }: Segmenting): KeyFrameEntry[] {
  const { video, segmentation } = stream;
  if (video === undefined) return [];
  const durations = durationsMs(segmentation.boundsSeconds);
  return durations.flatMap((durationMs, segment) => {
    const key = video.positions[segment] ?? 0;
    if (!video.sequence.isSyncAt(key)) return [];
    const bytes = planSegment(stream, segment).headBytes + video.sequence.sizeAt(key);
    return [{ segmentNumber: firstNumber + segment, durationMs, bytes }];
  });
}
