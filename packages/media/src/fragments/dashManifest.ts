/** Texts of a static DASH manifest (ISO/IEC 23009-1), one set of segments for pictures and one for sound. */

export interface DashSegments {
  readonly kind: "video" | "audio";
  /** Undefined where unknown. */
  readonly codecs: string | undefined;
  readonly language: string;
  readonly picture:
    | {
        readonly widthPixels: number;
        readonly heightPixels: number;
        readonly framesPerSecond: number;
      }
    | undefined;
  readonly sampleRateHz: number | undefined;
  readonly peakBitsPerSecond: number;
  readonly timescale: number;
  /** What is 0 of the presentation in the time stamps of the segments. */
  readonly presentationTimeOffset: number;
  /** Number of the first segment. */
  readonly startNumber: number;
  /** Times of presentation of the first sample of each segment, and where the last one ends: in time stamps. */
  readonly boundsUnits: readonly number[];
  /** Each segment can be decoded without the one in front. */
  readonly isIndependent: boolean;
  readonly initUri: string;
  /** With `$Number$`. */
  readonly mediaUri: string;
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`).replace(/\p{Cc}/gu, "");

const attributes = (values: Record<string, string | number | undefined>): string =>
  Object.entries(values)
    .flatMap(([name, value]) => (value === undefined ? [] : [` ${name}="${escaped(`${value}`)}"`]))
    .join("");

export function dashManifest(durationSeconds: number, sets: readonly DashSegments[]): string {
  const longestSeconds = Math.max(1, ...sets.map(longestSegmentSeconds));
  const manifest = attributes({
    xmlns: "urn:mpeg:dash:schema:mpd:2011",
    profiles: "urn:mpeg:dash:profile:isoff-live:2011",
    type: "static",
    mediaPresentationDuration: `PT${durationSeconds.toFixed(3)}S`,
    maxSegmentDuration: `PT${longestSeconds.toFixed(3)}S`,
    minBufferTime: `PT${longestSeconds.toFixed(3)}S`,
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<MPD${manifest}>`,
    '  <Period id="0" start="PT0S">',
    ...sets.flatMap(adaptationSet),
    "  </Period>",
    "</MPD>",
    "",
  ].join("\n");
}

const longestSegmentSeconds = ({ boundsUnits, timescale }: DashSegments): number =>
  boundsUnits.reduce(
    (longest, bound, index) => Math.max(longest, (bound - (boundsUnits[index - 1] ?? bound)) / timescale),
    0,
  );

function adaptationSet(set: DashSegments, index: number): string[] {
  const { kind, picture, language } = set;
  const adaptation = attributes({
    id: index,
    contentType: kind,
    mimeType: `${kind}/mp4`,
    lang: kind === "audio" && language !== "und" ? language : undefined,
    segmentAlignment: "true",
    startWithSAP: set.isIndependent ? 1 : 3,
  });
  const representation = attributes({
    id: kind,
    bandwidth: set.peakBitsPerSecond,
    codecs: set.codecs,
    width: picture?.widthPixels,
    height: picture?.heightPixels,
    frameRate: picture && frameRate(picture.framesPerSecond),
    audioSamplingRate: set.sampleRateHz,
  });
  const template = attributes({
    timescale: set.timescale,
    presentationTimeOffset: set.presentationTimeOffset === 0 ? undefined : set.presentationTimeOffset,
    startNumber: set.startNumber,
    initialization: set.initUri,
    media: set.mediaUri,
  });
  return [
    `    <AdaptationSet${adaptation}>`,
    `      <SegmentTemplate${template}>`,
    "        <SegmentTimeline>",
    ...timelineEntries(set.boundsUnits),
    "        </SegmentTimeline>",
    "      </SegmentTemplate>",
    `      <Representation${representation}/>`,
    "    </AdaptationSet>",
  ];
}

/** A whole number, or a fraction as the standard wants it. */
const frameRate = (framesPerSecond: number): string =>
  Math.abs(framesPerSecond - Math.round(framesPerSecond)) < 0.001
    ? `${Math.max(1, Math.round(framesPerSecond))}`
    : `${Math.max(1, Math.round(framesPerSecond * 1000))}/1000`;

/** Equal durations that follow each other are one entry. */
function timelineEntries(boundsUnits: readonly number[]): string[] {
  const entries: { time: number; duration: number; repeats: number }[] = [];
  for (const [index, time] of boundsUnits.slice(0, -1).entries()) {
    const duration = (boundsUnits[index + 1] ?? time) - time;
    const last = entries.at(-1);
    if (last?.duration === duration) last.repeats++;
    else entries.push({ time, duration, repeats: 0 });
  }
  return entries.map(({ time, duration, repeats }, index) => {
    const entry = attributes({
      t: index === 0 ? time : undefined,
      d: duration,
      r: repeats === 0 ? undefined : repeats,
    });
    return `          <S${entry}/>`;
  });
}
