import type { TimelineTrack } from "../movie/contract.ts";
import { boxAt, boxesIn, childrenOf, contentOf, findBox, typeOf } from "./boxTree.ts";
import { type BoxWriter, fitsUnsigned32 } from "./boxWriter.ts";
import type { ChunkTable } from "./chunkTable.ts";
import { writeDurationHead } from "./durationHeads.ts";
import { type SampleTables, writeSamplesToChunks, writeSampleTables } from "./sampleTables.ts";

/** A track of the new file with all that its boxes say. */
export interface TrackPlan {
  readonly timelineTrack: TimelineTrack;
  readonly tables: SampleTables;
  readonly chunks: ChunkTable;
  /** What is shown of the track, units of the movie: an empty time, then its media from `mediaStartUnits` on. */
  readonly delayMovieUnits: number;
  readonly shownMovieUnits: number;
  readonly mediaStartUnits: number;
}

/** Where in the header the chunk offsets are, to be filled in when its length is known. */
export interface OffsetTable {
  readonly position: number;
  readonly chunks: ChunkTable;
}

/**
 * No list where none is needed: readers take the first picture of a track with a list to be shown at once, though its
 * composition offset may say later.
 */
const writeEdits = (writer: BoxWriter, plan: TrackPlan): void => {
  const { delayMovieUnits, shownMovieUnits, mediaStartUnits } = plan;
  if (delayMovieUnits === 0 && mediaStartUnits === 0) {
    return;
  }
  const edits = [
    ...(delayMovieUnits > 0 ? [{ duration: delayMovieUnits, isEmpty: true }] : []),
    { duration: shownMovieUnits, isEmpty: false },
  ];
  const isLong = ![delayMovieUnits, shownMovieUnits, mediaStartUnits * 2].every(fitsUnsigned32);
  const writeNumber = (value: number): void => (isLong ? writer.unsigned64(value) : writer.unsigned32(value));
  writer.box("edts", () => {
    writer.fullBox("elst", isLong ? 0x01_00_00_00 : 0, () => {
      writer.unsigned32(edits.length);
      for (const { duration, isEmpty } of edits) {
        writeNumber(duration);
        if (!isEmpty) {
          writeNumber(mediaStartUnits);
        } else {
          writer.unsigned32(0xff_ff_ff_ff);
          if (isLong) {
            writer.unsigned32(0xff_ff_ff_ff);
          }
        }
        writer.unsigned32(0x00_01_00_00);
      }
    });
  });
};

/** References to tracks that are kept; nothing where none is left. */
const writeReferences = (writer: BoxWriter, box: Uint8Array, keptIds: ReadonlySet<number>): void => {
  const references = childrenOf(box).flatMap((reference) => {
    const content = contentOf(reference);
    const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    const ids = Array.from({ length: Math.floor(content.byteLength / 4) }, (_, index) => view.getUint32(index * 4));
    const kept = ids.filter((id) => keptIds.has(id));
    return kept.length > 0 ? [{ type: typeOf(reference), kept }] : [];
  });
  if (references.length === 0) {
    return;
  }
  writer.box("tref", () => {
    for (const { type, kept } of references) {
      writer.box(type, () => {
        for (const id of kept) {
          writer.unsigned32(id);
        }
      });
    }
  });
};

/** Sample entries that are used, counted anew from 1 in the order of the source. */
const usedEntries = ({ timelineTrack, chunks }: TrackPlan): ReadonlyMap<number, number> => {
  const numbers = new Map<number, number>();
  for (const entry of timelineTrack.track.sampleEntries.keys()) {
    if (chunks.isEntryUsed(entry)) {
      numbers.set(entry, numbers.size + 1);
    }
  }
  return numbers;
};

const writeSampleTable = (writer: BoxWriter, plan: TrackPlan, hasLongOffsets: boolean): OffsetTable => {
  const { track } = plan.timelineTrack;
  const { chunks } = plan;
  const entryNumbers = usedEntries(plan);
  const description = boxAt(track.box, ["mdia", "minf", "stbl", "stsd"]);
  let position = 0;
  writer.box("stbl", () => {
    writer.box("stsd", () => {
      const versionAndFlags = description === undefined ? undefined : contentOf(description).subarray(0, 4);
      writer.bytes(versionAndFlags?.byteLength === 4 ? versionAndFlags : new Uint8Array(4));
      writer.unsigned32(entryNumbers.size);
      for (const entry of entryNumbers.keys()) {
        writer.bytes(track.sampleEntries[entry] ?? new Uint8Array(0));
      }
    });
    writeSampleTables(writer, plan.tables);
    writeSamplesToChunks(writer, chunks, entryNumbers);
    writer.fullBox(hasLongOffsets ? "co64" : "stco", 0, () => {
      const count = chunks.length;
      writer.unsigned32(count);
      position = writer.length;
      writer.bytes(new Uint8Array(count * (hasLongOffsets ? 8 : 4)));
    });
  });
  return { position, chunks };
};

/** Boxes that say nothing, or what is said anew. */
const LEFT_OUT: ReadonlySet<string> = new Set(["edts", "load", "free", "skip", "wide"]);

/** Writes the boxes in their order, those of one type by `write`, and leaves out what says nothing. */
const writeAround = (
  writer: BoxWriter,
  boxes: readonly Uint8Array[],
  rewritten: Readonly<Record<string, (box: Uint8Array) => void>>,
): void => {
  for (const box of boxes) {
    const type = typeOf(box);
    const rewrite = rewritten[type];
    if (rewrite !== undefined) {
      rewrite(box);
    } else if (!LEFT_OUT.has(type)) {
      writer.bytes(box);
    }
  }
};

/** The `trak` box of a track; undefined where that of the source lacks what every track has. */
export const writeTrackBox = (
  writer: BoxWriter,
  plan: TrackPlan,
  keptIds: ReadonlySet<number>,
  hasLongOffsets: boolean,
): OffsetTable | undefined => {
  const { track } = plan.timelineTrack;
  const children = boxesIn(contentOf(track.box));
  const media = findBox(children, "mdia");
  const isComplete =
    findBox(children, "tkhd") !== undefined &&
    media !== undefined &&
    boxAt(media, ["mdhd"]) !== undefined &&
    boxAt(media, ["minf", "stbl"]) !== undefined;
  if (!isComplete) {
    return undefined;
  }
  let offsets: OffsetTable | undefined;
  let isSound = true;
  writer.box("trak", () => {
    writeAround(writer, children, {
      tkhd: (box) => {
        const durationUnits = plan.delayMovieUnits + plan.shownMovieUnits;
        isSound = writeDurationHead(writer, "tkhd", box, { durationUnits }) && isSound;
        writeEdits(writer, plan);
      },
      tref: (box) => writeReferences(writer, box, keptIds),
      mdia: (box) =>
        writer.box("mdia", () =>
          writeAround(writer, childrenOf(box), {
            mdhd: (head) => {
              const { durationUnits } = plan.tables;
              isSound = writeDurationHead(writer, "mdhd", head, { durationUnits }) && isSound;
            },
            minf: (information) =>
              writer.box("minf", () =>
                writeAround(writer, childrenOf(information), {
                  stbl: () => {
                    offsets = writeSampleTable(writer, plan, hasLongOffsets);
                  },
                }),
              ),
          }),
        ),
    });
  });
  return isSound ? offsets : undefined;
};
