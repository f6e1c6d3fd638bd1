import type { Codec, Movie, MovieTimeline, MovieTrack, TimelineTrack } from "../../src/movie/contract.ts";

/** Films whose samples are given one by one, without a file behind them. */

export interface SampleGiven {
  readonly duration: number;
  readonly offset?: number;
  readonly isSync?: boolean;
  readonly size?: number;
  /** Position in the file; undefined: behind the sample in front. */
  readonly position?: number;
  readonly entry?: number;
}

export interface TrackGiven {
  readonly kind: "video" | "audio" | "text";
  readonly timescale: number;
  readonly samples: readonly SampleGiven[];
  readonly codec?: Codec;
  readonly codecs?: string;
  readonly mediaStartUnits?: number;
  readonly delayUnits?: number;
  readonly isEnabled?: boolean;
  readonly rotationDegrees?: 0 | 90;
  readonly language?: string;
}

export const AVC: Codec = {
  kind: "avc",
  nalLengthBytes: 4,
  sequenceSets: [Uint8Array.of(0x67, 0x42, 0xc0, 0x1e)],
  pictureSets: [Uint8Array.of(0x68, 0xce, 0x3c, 0x80)],
};

export const AAC: Codec = {
  kind: "aac",
  config: Uint8Array.of(0x12, 0x10),
  objectType: 2,
  frequencyIndex: 4,
  sampleRateHz: 44_100,
  channelConfiguration: 2,
};

const usualCodec = { video: AVC, audio: AAC, text: { kind: "tx3g" } } as const;

/** The last index whose value is at or before what is asked for. */
const lastAtOrBefore = (values: readonly number[], wanted: number): number =>
  values.findLastIndex((value) => value <= wanted);

export function trackInCode(given: TrackGiven, position: number): MovieTrack {
  const { kind, samples, timescale } = given;
  const times = [0];
  const offsets: number[] = [];
  let end = (position + 1) * 1_000_000;
  for (const sample of samples) {
    times.push((times.at(-1) ?? 0) + sample.duration);
    offsets.push(sample.position ?? end);
    end = (offsets.at(-1) ?? 0) + (sample.size ?? 100);
  }
  const isSync = (sample: number): boolean => samples[sample]?.isSync ?? true;
  return {
    position,
    id: position + 1,
    kind,
    isEnabled: given.isEnabled ?? true,
    codec: given.codec ?? usualCodec[kind],
    codecs: given.codecs ?? (kind === "video" ? "avc1.42c01e" : "mp4a.40.2"),
    box: new Uint8Array(8),
    sampleEntries: [Uint8Array.from([0, 0, 0, 8, ...(kind === "video" ? "hev1" : "mp4a")].map(byteOf))],
    timescale,
    language: given.language ?? "und",
    widthPixels: kind === "video" ? 720 : 0,
    heightPixels: kind === "video" ? 480 : 0,
    rotationDegrees: given.rotationDegrees ?? 0,
    mediaStartUnits: given.mediaStartUnits ?? 0,
    delayUnits: given.delayUnits ?? 0,
    durationUnits: times.at(-1) ?? 0,
    sampleCount: samples.length,
    totalBytes: samples.reduce((bytes, { size }) => bytes + (size ?? 100), 0),
    syncCount: samples.filter((_, sample) => isSync(sample)).length,
    lowestCompositionOffset: samples.reduce((lowest, { offset }) => Math.min(lowest, offset ?? 0), 0),
    decodeTimeOf: (sample) => times[sample] ?? 0,
    compositionOffsetOf: (sample) => samples[sample]?.offset ?? 0,
    sizeOf: (sample) => samples[sample]?.size ?? 100,
    offsetOf: (sample) => offsets[sample] ?? 0,
    offsetBehind: (sample) => offsets[sample] ?? 0,
    isSync,
    entryOf: (sample) => samples[sample]?.entry ?? 0,
    sampleAt: (time) => lastAtOrBefore(times.slice(0, -1), time),
    syncAtOrBefore: (sample) => samples.findLastIndex((_, index) => index <= sample && isSync(index)),
    syncAtOrAfter: (sample) => {
      const found = samples.findIndex((_, index) => index >= sample && isSync(index));
      return found < 0 ? samples.length : found;
    },
  };
}

const byteOf = (value: number | string): number => (typeof value === "string" ? value.charCodeAt(0) : value);

export function movieInCode(tracks: readonly TrackGiven[]): Movie {
  const made = tracks.map(trackInCode);
  return {
    fileBytes: 100_000_000,
    fileType: undefined,
    isFragmented: false,
    isTruncated: false,
    header: { range: { start: 0, end: 8 }, bytes: new Uint8Array(8) },
    firstMediaByte: 1_000_000,
    timescale: 1000,
    durationSeconds: made.reduce(
      (longest, { durationUnits, timescale, mediaStartUnits, delayUnits }) =>
        Math.max(longest, (durationUnits - mediaStartUnits + delayUnits) / timescale),
      0,
    ),
    tracks: made,
  };
}

/** The whole of a track, as a timeline has it. */
export const wholeTrack = (track: MovieTrack): TimelineTrack => ({
  track,
  runs: [{ first: 0, end: track.sampleCount, decodeTime: 0 }],
  mediaStartUnits: track.mediaStartUnits,
  delayUnits: track.delayUnits,
});

export const timelineInCode = (movie: Movie): MovieTimeline => ({
  durationSeconds: movie.durationSeconds,
  tracks: movie.tracks.map(wholeTrack),
});

/** Pictures at an even rate, with key frames at these seconds. */
export function picturesWithKeys(keySeconds: readonly number[], endSeconds: number, framesPerSecond = 10): TrackGiven {
  const keys = new Set(keySeconds.map((second) => Math.round(second * framesPerSecond)));
  const count = Math.round(endSeconds * framesPerSecond);
  const samples = Array.from({ length: count }, (_, frame) => ({ duration: 1, isSync: keys.has(frame), size: 1000 }));
  return { kind: "video", timescale: framesPerSecond, samples };
}

/** Frames of 1024 samples at 44.1 kHz, at least as long as that. */
export function sound(endSeconds: number): TrackGiven {
  const count = Math.ceil((endSeconds * 44_100) / 1024);
  return { kind: "audio", timescale: 44_100, samples: Array.from({ length: count }, () => ({ duration: 1024 })) };
}

export const every = (step: number, end: number): number[] =>
  Array.from({ length: Math.ceil(end / step) }, (_, index) => index * step);
