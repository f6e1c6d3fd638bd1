import type { Segmenting } from "../contract.ts";
import { planSegment, tracksOf } from "./fragmentTracks.ts";
import type { MediaStream, StreamTrack } from "./mediaStream.ts";
import { durationsMs, type KeyFrameEntry, ratesOf, type VariantFacts } from "./playlistTexts.ts";

/** Measured by the sizes of all samples (MEDIA-14); no media data is read. */
export function variantFacts(stream: MediaStream, segmenting: Segmenting): VariantFacts {
  const { video, segmentation } = stream;
  const bytes = Array.from({ length: segmentation.count }, (_, segment) => segmentBytes(stream, segmenting, segment));
  const codecs = tracksOf(stream).map(codecsOf);
  return {
    ...ratesOf(bytes, segmentation.boundsSeconds),
    picture: video && pictureFacts(video),
    codecs: codecs.includes(undefined) ? undefined : codecs.join(","),
    isIndependent: isIndependent(stream),
  };
}

/** As the initialisation section names it. */
export const codecsOf = ({ sequence }: StreamTrack): string | undefined =>
  sequence.track.codecs?.replace(/^hev1/, "hvc1");

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

const segmentBytes = (stream: MediaStream, { form }: Segmenting, segment: number): number =>
  tracksOf(stream).reduce(
    (bytes, track) => bytes + (form === "fmp4" ? fragmentBytes(track, segment) : transportBytes(track, segment)),
    form === "fmp4" ? FRAGMENT_HEAD_BYTES : TABLE_PACKETS * PACKET_BYTES,
  );

function sizesIn({ sequence, positions }: StreamTrack, segment: number): Float64Array {
  const samples = sequence.samplesAt(positions[segment] ?? 0, positions[segment + 1] ?? 0);
  return samples.map((sample) => sequence.track.sizeOf(sample));
}

const FRAGMENT_HEAD_BYTES = 60;
const TRACK_FRAGMENT_BYTES = 76;
/** Pictures have a size, a duration or flags, and a composition offset each; sound has a size. */
const PICTURE_ENTRY_BYTES = 12;
const SOUND_ENTRY_BYTES = 4;

function fragmentBytes(track: StreamTrack, segment: number): number {
  const sizes = sizesIn(track, segment);
  const entryBytes = track.sequence.track.kind === "video" ? PICTURE_ENTRY_BYTES : SOUND_ENTRY_BYTES;
  return sizes.reduce((bytes, size) => bytes + size + entryBytes, TRACK_FRAGMENT_BYTES);
}

const PACKET_BYTES = 188;
const PAYLOAD_BYTES = 184;
const TABLE_PACKETS = 2;
/** PES header with both times, access unit delimiter and clock. */
const PICTURE_EXTRA_BYTES = 34;
const PES_HEADER_BYTES = 14;
const CLOCK_FIELD_BYTES = 8;
const ADTS_BYTES = 7;
const SOUND_PACKET_SECONDS = 0.1;
const SOUND_PACKET_BYTES = 2_880;
/** The last packets of a stream are split into as many as continuity asks for: at most that. */
const PADDING_PACKETS = 15;

/** Near to what `writeTransportSegment` makes, which has to read the samples to know it exactly. */
function transportBytes(track: StreamTrack, segment: number): number {
  const { sequence, positions } = track;
  const { codec, timescale } = sequence.track;
  const sizes = sizesIn(track, segment);
  if (codec.kind !== "avc" && codec.kind !== "hevc") {
    const from = positions[segment] ?? 0;
    const units = sequence.decodeTimeAt(from + sizes.length) - sequence.decodeTimeAt(from);
    return soundBytes(sizes, units / timescale, codec.kind === "aac" ? ADTS_BYTES : 0);
  }
  const packets = sizes.reduce((sum, size) => sum + Math.ceil((size + PICTURE_EXTRA_BYTES) / PAYLOAD_BYTES), 0);
  const setBytes = codec.kind === "avc" ? [...codec.sequenceSets, ...codec.pictureSets] : codec.parameterSets;
  const setPackets = setBytes.reduce((bytes, set) => bytes + 4 + set.byteLength, 0) / PAYLOAD_BYTES;
  return PACKET_BYTES * Math.ceil(packets + PADDING_PACKETS + setPackets * keyFramesIn(track, segment));
}

function keyFramesIn({ sequence, positions }: StreamTrack, segment: number): number {
  const end = positions[segment + 1] ?? 0;
  let count = 0;
  for (let position = sequence.syncAtOrAfter(positions[segment] ?? 0); position < end; count++)
    position = sequence.syncAtOrAfter(position + 1);
  return count;
}

/** Several frames of sound are in one PES packet. */
function soundBytes(sizes: Float64Array, seconds: number, frameExtraBytes: number): number {
  const framesByTime = Math.max(1, Math.floor((SOUND_PACKET_SECONDS * sizes.length) / Math.max(seconds, 1e-9)));
  let packets = PADDING_PACKETS;
  for (let frame = 0; frame < sizes.length; ) {
    const end = Math.min(sizes.length, frame + framesByTime);
    let bytes = 0;
    do bytes += (sizes[frame++] ?? 0) + frameExtraBytes;
    while (frame < end && bytes + (sizes[frame] ?? 0) + frameExtraBytes <= SOUND_PACKET_BYTES);
    packets += Math.ceil((bytes + PES_HEADER_BYTES + CLOCK_FIELD_BYTES) / PAYLOAD_BYTES);
  }
  return packets * PACKET_BYTES;
}

/** Of a transport stream segment with MPEG audio alone. */
export const soundSegmentBytes = (frameCount: number, frameBytes: number, seconds: number): number =>
  TABLE_PACKETS * PACKET_BYTES + soundBytes(new Float64Array(frameCount).fill(frameBytes / frameCount), seconds, 0);

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
