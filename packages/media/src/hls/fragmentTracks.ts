import { type FragmentPlan, type FragmentTrack, planFragment } from "../fragments/fragmentPlan.ts";
import { decodeShift, lowestOffset, type MediaStream, type StreamTrack } from "./mediaStream.ts";

/** The tracks of a stream in fragments, pictures first: their order in the initialisation section and in segments. */
export const tracksOf = ({ video, audio }: MediaStream): StreamTrack[] =>
  [video, audio].filter((track) => track !== undefined);

/** Of segment `segment`, counted from 0. */
export const planSegment = (stream: MediaStream, segment: number): FragmentPlan =>
  planFragment(tracksOf(stream).map((track, index) => fragmentTrack(stream, track, segment, index + 1)));

const fragmentTrack = (
  { shiftSeconds }: MediaStream,
  { sequence, positions }: StreamTrack,
  segment: number,
  trackId: number,
): FragmentTrack => {
  const from = positions[segment] ?? 0;
  return {
    trackId,
    sequence,
    from,
    to: positions[segment + 1] ?? from,
    decodeShift: decodeShift(sequence) + shiftSeconds * sequence.track.timescale,
    baseOffset: lowestOffset(sequence),
  };
};
