import type { MediaOutcome, MediaTask, Segmenting } from "../contract.ts";
import { type DashSegments, dashManifest } from "../fragments/dashManifest.ts";
import type { Movie } from "../movie/contract.ts";
import { initFileName, segmentFileName, uriIn } from "./fileNames.ts";
import { tracksOf } from "./fragmentTracks.ts";
import { variantFacts } from "./measureStream.ts";
import { type MediaStream, openStream } from "./mediaStream.ts";
import { textOutcome } from "./textOutcome.ts";

type ManifestTask = Extract<MediaTask, { readonly kind: "manifest" }>;

/** Players of DASH expect pictures and sound in segments of their own. */
export function buildManifest(movie: Movie, task: ManifestTask): MediaOutcome {
  const form = { ...task.segmenting, form: "fmp4" } as const;
  const opened = openStream(movie, form, task.cut);
  if (opened.kind !== "stream") return opened;
  const { video, audio, timeline } = opened.stream;
  const sets: DashSegments[] = [];
  for (const kind of ["video", "audio"] as const) {
    if ((kind === "video" ? video : audio) === undefined) continue;
    const segmenting: Segmenting = { ...form, tracks: kind };
    const own = openStream(movie, segmenting, task.cut);
    if (own.kind !== "stream") return own;
    sets.push(...segmentSets(own.stream, segmenting, kind, task));
  }
  return textOutcome(dashManifest(timeline.durationSeconds, sets), "application/dash+xml");
}

function segmentSets(
  stream: MediaStream,
  segmenting: Segmenting,
  kind: "video" | "audio",
  { uris }: ManifestTask,
): DashSegments[] {
  const { picture, codecs, peakBitsPerSecond, isIndependent } = variantFacts(stream, segmenting);
  // A dollar sign is the beginning of a variable there.
  const plain = {
    prefix: uris.prefix.replaceAll("$", "$$$$"),
    suffix: uris.suffix.replaceAll("$", "$$$$"),
  };
  return tracksOf(stream).map(({ sequence, positions }) => {
    const { track } = sequence;
    const { timescale } = track;
    const shift = stream.shiftSeconds * timescale;
    return {
      kind,
      codecs,
      language: track.language,
      picture,
      sampleRateHz: track.codec.kind === "aac" ? track.codec.sampleRateHz : undefined,
      peakBitsPerSecond,
      timescale,
      presentationTimeOffset: shift,
      startNumber: segmenting.sequence,
      boundsUnits: positions.map((position) => sequence.presentationTimeAt(position) + shift),
      isIndependent,
      initUri: uriIn(plain, initFileName(segmenting)),
      mediaUri: uriIn(plain, segmentFileName(segmenting, "$Number$")),
    };
  });
}
