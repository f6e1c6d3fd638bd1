import type { Cut, MediaOutcome, RecipePiece, SourcePiece, SourceRange } from "../contract.ts";
import { gatherPieces, mergeRanges } from "../hls/wantedRanges.ts";
import { bytesAt } from "../movie/pieces.ts";
import { encodeRecipe, MAX_RECIPE_PIECES } from "../recipe.ts";
import { audioTimelineOf } from "./audioTimeline.ts";
import type { AudioFile, AudioRun } from "./contract.ts";
import { frameBytesOf, frameTicksOf, mainDataStartOf, mostReachBackOf, samplesOf } from "./frameHeader.ts";
import { silentFrame } from "./silentFrame.ts";
import { summaryFrame } from "./summaryFrame.ts";

/** Samples by which a decoder is late; players skip them along with what the summary tells them to skip. */
const DECODER_DELAY_SAMPLES = 529;

/**
 * A file of its own of the frames that a cut selects (MEDIA-76, 77). Frames of layer III take bits from those before them
 * (the bit reservoir): where a section begins with such a frame, a silent frame stands in front of it that holds the bits,
 * so that the section sounds from its first frame on. Tags of the source are left out: they describe the whole file.
 */
export const trimAudio = (file: AudioFile, cut: Cut, pieces: readonly SourcePiece[]): MediaOutcome => {
  if (!file.isComplete) return { kind: "unchanged", reason: "the file could not be analysed to its end" };
  const timeline = audioTimelineOf(file, cut);
  if (timeline === "whole") return { kind: "unchanged", reason: "the whole file" };
  const leads = timeline.runs.map((run, index) =>
    timeline.runs[index - 1]?.endFrame === run.firstFrame ? undefined : leadOf(file, run),
  );
  const wanted = mergeRanges(leads.flatMap((lead) => (lead === undefined ? [] : lead.source)));
  const gathered = gatherPieces(wanted, pieces);
  if (gathered === undefined) return { kind: "needs", ranges: wanted };

  const sections = timeline.runs.map((run, index) => sectionOf(file, run, leads[index], gathered));
  const body = sections.flatMap((section) => section.pieces);
  if (body.length + 1 > MAX_RECIPE_PIECES) return { kind: "unchanged", reason: "too many pieces" };
  const summary = file.layer === 3 ? summaryOf(file, timeline.runs, sections) : [];
  return { kind: "recipe", recipe: encodeRecipe([...summary, ...body]) };
};

/** What the first frames of a section need of the bytes in front of it. */
interface Lead {
  readonly firstFrame: number;
  /** Of main data. */
  readonly byteCount: number;
  /** The frames that hold it: `[fromFrame, firstFrame)`. */
  readonly fromFrame: number;
  readonly source: readonly SourceRange[];
}

const mainDataBytesOf = (file: AudioFile, frame: number): number =>
  Math.max(0, file.sizeOf(frame) - mainDataStartOf(file.headerOf(frame)));

/** Undefined where nothing is needed, or nothing is there. */
const leadOf = (file: AudioFile, { firstFrame, endFrame }: AudioRun): Lead | undefined => {
  const most = mostReachBackOf(file.headerOf(firstFrame));
  let byteCount = 0;
  let between = 0;
  for (let frame = firstFrame; frame < endFrame && between < most; frame++) {
    byteCount = Math.max(byteCount, file.reachBackOf(frame) - between);
    between += mainDataBytesOf(file, frame);
  }
  const runStart = file.runStartOf(firstFrame);
  let fromFrame = firstFrame;
  for (let there = 0; there < byteCount && fromFrame > runStart; there += mainDataBytesOf(file, fromFrame)) fromFrame--;
  if (byteCount === 0 || fromFrame === firstFrame) return undefined;
  return { firstFrame, byteCount, fromFrame, source: file.rangesOf(fromFrame, firstFrame) };
};

/** The last `byteCount` bytes of main data in front of the section; zeros where the file has no more. */
const reservoirOf = (file: AudioFile, lead: Lead, gathered: readonly SourcePiece[]): Uint8Array => {
  const reservoir = new Uint8Array(lead.byteCount);
  let end = lead.byteCount;
  for (let frame = lead.firstFrame - 1; frame >= lead.fromFrame && end > 0; frame--) {
    const start = file.offsetOf(frame);
    const bytes = bytesAt(gathered, { start, end: start + file.sizeOf(frame) });
    const content = bytes?.subarray(mainDataStartOf(file.headerOf(frame))) ?? new Uint8Array(0);
    const taken = content.subarray(Math.max(0, content.length - end));
    end -= taken.length;
    reservoir.set(taken, end);
  }
  return reservoir;
};

interface SectionPieces {
  readonly lead: { readonly header: number; readonly frame: Uint8Array<ArrayBuffer> } | undefined;
  readonly run: AudioRun;
  readonly pieces: readonly RecipePiece[];
}

const sectionOf = (
  file: AudioFile,
  run: AudioRun,
  lead: Lead | undefined,
  gathered: readonly SourcePiece[],
): SectionPieces => {
  const frames = file
    .rangesOf(run.firstFrame, run.endFrame)
    .map(({ start, end }): RecipePiece => ({ kind: "source", start, end }));
  if (lead === undefined) return { lead: undefined, run, pieces: frames };
  const silent = silentFrame(file.headerOf(run.firstFrame), lead.byteCount);
  silent.frame.set(reservoirOf(file, lead, gathered), silent.frame.length - lead.byteCount);
  return { lead: silent, run, pieces: [{ kind: "bytes", bytes: silent.frame }, ...frames] };
};

/** How much of the beginning players skip: the silent frame, or what the encoder put there; undefined: nothing is said. */
const delayOf = (file: AudioFile, first: SectionPieces): number | undefined => {
  if (first.lead !== undefined) return Math.max(0, samplesOf(first.lead.header) - DECODER_DELAY_SAMPLES);
  return first.run.firstFrame === 0 ? file.encoderDelaySamples : undefined;
};

const summaryOf = (
  file: AudioFile,
  runs: readonly AudioRun[],
  sections: readonly SectionPieces[],
): readonly RecipePiece[] => {
  const [first] = sections;
  const last = runs[runs.length - 1];
  if (first === undefined || last === undefined) return [];
  const frames = sections.reduce(
    (sum, { lead, run }) => sum + run.endFrame - run.firstFrame + (lead === undefined ? 0 : 1),
    0,
  );
  const spans = sections.map(({ lead, run }) => ({
    ticks:
      file.ticksOf(run.endFrame) - file.ticksOf(run.firstFrame) + (lead === undefined ? 0 : frameTicksOf(lead.header)),
    byteCount: file.bytesOf(run.firstFrame, run.endFrame) + (lead === undefined ? 0 : frameBytesOf(lead.header)),
    bytesUntil: (ticks: number): number => {
      const leadTicks = lead === undefined ? 0 : frameTicksOf(lead.header);
      if (ticks < leadTicks) return 0;
      const frame = Math.min(file.frameAt(file.ticksOf(run.firstFrame) + ticks - leadTicks), run.endFrame);
      return file.bytesOf(run.firstFrame, frame) + (lead === undefined ? 0 : frameBytesOf(lead.header));
    },
  }));
  return [
    {
      kind: "bytes",
      bytes: summaryFrame({
        header: first.lead?.header ?? file.headerOf(first.run.firstFrame),
        isVariable: file.isVariable,
        frames,
        spans,
        delaySamples: delayOf(file, first),
        paddingSamples: last.endFrame === file.frameCount ? (file.encoderPaddingSamples ?? 0) : 0,
      }),
    },
  ];
};
