import type { Cut, MediaOutcome, Segmenting } from "../contract.ts";
import type { Codec, Movie, MovieTimeline, TimelineTrack } from "../movie/contract.ts";
import { timelineOf } from "../timeline/timelineOf.ts";
import { wholeTimeline } from "../timeline/wholeTimeline.ts";
import { isTransportCodec } from "../transport/isTransportCodec.ts";
import { positionsByTime, type Segmentation, segmentsOf } from "./segmentsOf.ts";
import { TrackSequence } from "./trackSequence.ts";

/** Sound that stands before the picture of the same moment by more than this is left out at the beginning. */
const LEAD_SECONDS = 0.5;

/** Decode times before 0 that a transport stream has room for. */
const TRANSPORT_LEAD_SECONDS = 1;

/** A track as it is cut into segments. */
export interface StreamTrack {
  readonly sequence: TrackSequence;
  /** Where each segment begins, and the end: `segmentation.count + 1` of them. */
  readonly positions: readonly number[];
}

/** A movie, or a cut of it, in segments. */
export interface MediaStream {
  readonly timeline: MovieTimeline;
  readonly segmentation: Segmentation;
  readonly video: StreamTrack | undefined;
  readonly audio: StreamTrack | undefined;
  /**
   * Whole seconds by which all time stamps are later than those of the timeline, so that none is negative: the same for
   * all tracks of the source, also where one of them stands in segments of its own.
   */
  readonly shiftSeconds: number;
}

export type OpenedStream =
  | { readonly kind: "stream"; readonly stream: MediaStream }
  | Extract<MediaOutcome, { readonly kind: "unreadable" }>;

/** The timeline that a cut selects; a cut that selects nothing but the whole means the whole (MEDIA-75). */
export function cutTimeline(movie: Movie, cut: Cut | undefined, allTracks: boolean): MovieTimeline | undefined {
  const timeline = cut === undefined ? "whole" : timelineOf(movie, { ...cut, allTracks });
  return timeline === "whole" ? wholeTimeline(movie, { allTracks }) : timeline;
}

/**
 * Trim first, then segments (MEDIA-100). The first usable track of pictures and the first of sound are taken. What lies
 * behind `lastSegment` (counted from 0) is not cut, for who wants that segment alone.
 */
export function openStream(
  movie: Movie,
  segmenting: Segmenting,
  cut: Cut | undefined,
  lastSegment = Number.POSITIVE_INFINITY,
): OpenedStream {
  if (segmenting.form === "mp3") return unreadable("MP3 segments are made of MP3 files only");
  if (movie.isTruncated) return unreadable("the end of the file is missing");
  const timeline = cutTimeline(movie, cut, false);
  if (timeline === undefined) return unreadable("no samples");
  const isUsable = segmenting.form === "ts" ? isTransportCodec : isFragmentCodec;
  const pictures = sequencesOf(timeline, "video");
  const sourceVideo = pictures.find(({ track }) => isUsable(track.codec));
  const sourceAudio = sequencesOf(timeline, "audio").find(({ track }) => isUsable(track.codec));
  const video = segmenting.tracks === "audio" ? undefined : sourceVideo;
  const audio = segmenting.tracks === "video" ? undefined : sourceAudio;
  const film = pictures.find(isFilm);
  if (sourceVideo === undefined && film !== undefined)
    return unreadable(`${nameOf(film.track.codec)} does not go into segments`);
  const reference = video ?? audio;
  if (reference === undefined) return unreadable("no track that goes into segments");

  const firstVideo = sourceVideo === undefined ? 0 : firstPicture(sourceVideo);
  const videoStart =
    sourceVideo === undefined ? 0 : Math.min(0, secondsOf(sourceVideo, sourceVideo.presentationTimeAt(firstVideo)));
  const firstAudio = sourceAudio === undefined ? 0 : firstSound(sourceAudio, videoStart - LEAD_SECONDS);
  const firstPosition = video === undefined ? firstAudio : firstVideo;
  const segmentation = segmentsOf(
    reference,
    firstPosition,
    timeline.durationSeconds,
    segmenting.durationSeconds,
    lastSegment,
  );
  if (segmentation === undefined) return unreadable("too many segments");
  const audioPositions =
    audio === undefined || audio === reference
      ? segmentation.positions
      : positionsByTime(audio, firstAudio, segmentation.boundsSeconds);

  const starts = [
    ...(sourceVideo === undefined ? [] : [decodeStart(sourceVideo, firstVideo)]),
    ...(sourceAudio === undefined ? [] : [decodeStart(sourceAudio, firstAudio)]),
  ];
  const room = segmenting.form === "ts" ? TRANSPORT_LEAD_SECONDS : 0;
  return {
    kind: "stream",
    stream: {
      timeline,
      segmentation,
      video: video && { sequence: video, positions: segmentation.positions },
      audio: audio && { sequence: audio, positions: audioPositions },
      shiftSeconds: Math.max(0, Math.ceil(-Math.min(...starts) - room)),
    },
  };
}

const unreadable = (detail: string): OpenedStream => ({
  kind: "unreadable",
  detail,
});

/** What sample entries of the source can stand in fragments as they are. */
const OTHER_FRAGMENT_CODECS = new Set(["vp08", "vp09", "Opus", "fLaC", "alac"]);

const isFragmentCodec = (codec: Codec): boolean =>
  codec.kind === "other" ? OTHER_FRAGMENT_CODECS.has(codec.fourCharacters) : codec.kind !== "tx3g";

/** Pictures that are left out where they cannot be carried are covers of music, not films. */
const isFilm = (sequence: TrackSequence): boolean => sequence.length > 1;

const nameOf = (codec: Codec): string => (codec.kind === "other" ? codec.fourCharacters : codec.kind);

/** Tracks that are switched on come first. */
function sequencesOf(timeline: MovieTimeline, kind: "video" | "audio"): TrackSequence[] {
  const isWanted = ({ track }: TimelineTrack): boolean => track.kind === kind && track.timescale > 0;
  const wanted = timeline.tracks.filter(isWanted);
  return [...wanted.filter(({ track }) => track.isEnabled), ...wanted.filter(({ track }) => !track.isEnabled)]
    .map((track) => new TrackSequence(track))
    .filter(({ length }) => length > 0);
}

const secondsOf = (sequence: TrackSequence, units: number): number => units / sequence.track.timescale;

/** An edit list may begin within a track: from the key frame that the picture at 0 needs. */
function firstPicture(sequence: TrackSequence): number {
  if (sequence.presentationTimeAt(0) >= 0) return 0;
  const near = sequence.positionByDecodeTime(-sequence.presentationShift);
  let position = near < 0 ? -1 : sequence.syncAtOrBefore(near);
  for (let step = 0; step < MOST_STEPS && position > 0 && sequence.presentationTimeAt(position) > 0; step++)
    position = sequence.syncAtOrBefore(position - 1);
  return Math.max(0, position);
}

const MOST_STEPS = 64;

const firstSound = (sequence: TrackSequence, startSeconds: number): number =>
  Math.max(
    0,
    sequence.positionByDecodeTime(
      startSeconds * sequence.track.timescale - sequence.presentationShift - sequence.offsetAt(0),
    ),
  );

const decodeStart = (sequence: TrackSequence, first: number): number =>
  secondsOf(sequence, sequence.decodeTimeAt(first) + decodeShift(sequence));

/**
 * What decode times in segments are behind those of the sequence, before `shiftSeconds`: no sample is presented before it
 * is decoded, since some readers take negative composition offsets for a later presentation.
 */
export const decodeShift = (sequence: TrackSequence): number => sequence.presentationShift + lowestOffset(sequence);

/** What composition offsets are measured from. */
export const lowestOffset = ({ track }: TrackSequence): number => Math.min(0, track.lowestCompositionOffset);
