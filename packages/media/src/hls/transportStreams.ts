import { type ElementaryStream, TICKS_PER_SECOND } from "../transport/contract.ts";
import { isTransportCodec } from "../transport/isTransportCodec.ts";
import { decodeShift, type MediaStream, type StreamTrack } from "./mediaStream.ts";

/** What a segment of a transport stream holds; `segment` counts from 0. */
export const transportStreams = (stream: MediaStream, segment: number): ElementaryStream[] => {
  const streams = [stream.video, stream.audio].flatMap((track) =>
    track === undefined ? [] : elementaryStream(track, segment, stream.shiftSeconds),
  );
  if (segment < stream.segmentation.count - 1) return streams;
  // The clock goes on for sound that lasts longer than the pictures.
  const endTicks = Math.max(...streams.map((elementary) => elementary.endTicks));
  return streams.map((elementary) => ({ ...elementary, endTicks }));
};

function elementaryStream(
  { sequence, positions }: StreamTrack,
  segment: number,
  shiftSeconds: number,
): ElementaryStream[] {
  const { track } = sequence;
  if (!isTransportCodec(track.codec)) return [];
  const from = positions[segment] ?? 0;
  const to = positions[segment + 1] ?? from;
  const ticksOf = (units: number): number =>
    Math.round((units * TICKS_PER_SECOND) / track.timescale) + shiftSeconds * TICKS_PER_SECOND;
  const shift = decodeShift(sequence);
  const count = to - from;
  const samples = {
    count,
    positions: new Float64Array(count),
    sizes: new Uint32Array(count),
    decodeTicks: new Float64Array(count),
    presentationTicks: new Float64Array(count),
    isRandomAccess: new Uint8Array(count),
  };
  const wanted = sequence.samplesAt(from, to);
  for (let index = 0; index < count; index++) {
    const sample = wanted[index] ?? 0;
    const decodeTime = sequence.decodeTimeAt(from + index);
    samples.positions[index] = track.offsetOf(sample);
    samples.sizes[index] = track.sizeOf(sample);
    samples.decodeTicks[index] = ticksOf(decodeTime + shift);
    samples.presentationTicks[index] = ticksOf(
      decodeTime + track.compositionOffsetOf(sample) + sequence.presentationShift,
    );
    samples.isRandomAccess[index] = track.isSync(sample) ? 1 : 0;
  }
  const endTicks = ticksOf(sequence.decodeTimeAt(to) + shift);
  return [{ codec: track.codec, language: track.language, samples, endTicks }];
}
