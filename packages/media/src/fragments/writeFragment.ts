import type { SourcePiece } from "../contract.ts";
import { type ResultRoom, resultIn } from "../resultRoom.ts";
import { putBoxHeader } from "./boxes.ts";
import {
  type FragmentPlan,
  MFHD_BYTES,
  movieFragmentBytes,
  type PlannedRun,
  runBoxBytes,
  STYP_BYTES,
  trackFragmentBytes,
  trackHeaderBytes,
} from "./fragmentPlan.ts";

const DEFAULT_BASE_IS_MOOF = 0x020000;
const HAS_ENTRY = 0x2;
const HAS_DEFAULT_DURATION = 0x8;
const HAS_DEFAULT_SIZE = 0x10;
const HAS_DEFAULT_FLAGS = 0x20;

const HAS_DATA_OFFSET = 0x1;
const HAS_FIRST_FLAGS = 0x4;
const HAS_DURATIONS = 0x100;
const HAS_SIZES = 0x200;
const HAS_FLAGS = 0x400;
const HAS_COMPOSITION_OFFSETS = 0x800;

/** sample_depends_on 2, and sample_depends_on 1 with sample_is_non_sync_sample. */
const SYNC_FLAGS = 0x02000000;
const NON_SYNC_FLAGS = 0x01010000;

const flagsOf = (sync: number | undefined): number => (sync === 1 ? SYNC_FLAGS : NON_SYNC_FLAGS);

/**
 * `styp`, `moof` and `mdat`. The pieces are sorted and hold every sample whole, as `gatherPieces` makes them; a sample
 * that none of them holds becomes zeros. It is written into `room` if that is large enough.
 */
export function writeFragment(
  plan: FragmentPlan,
  sequenceNumber: number,
  pieces: readonly SourcePiece[],
  room?: ResultRoom,
): Uint8Array<ArrayBuffer> {
  const { runs, headBytes, dataBytes } = plan;
  const segment = resultIn(room, headBytes + dataBytes).fill(0, 0, headBytes);
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);

  let position = putBoxHeader(view, 0, STYP_BYTES, "styp");
  position = putCharacters(segment, position, "msdh");
  view.setUint32(position, 0);
  position = putCharacters(segment, position + 4, "msdhiso6");

  const moof = position;
  position = putBoxHeader(view, moof, movieFragmentBytes(runs), "moof");
  putBoxHeader(view, position, MFHD_BYTES, "mfhd");
  view.setUint32(position + 12, sequenceNumber);
  position += MFHD_BYTES;

  let data = headBytes;
  for (const run of runs) {
    position = putTrackFragment(view, position, run, data - moof);
    data += run.dataBytes;
  }
  position = putBoxHeader(view, position, dataBytes + 8, "mdat");
  for (const run of runs) position = copySamples(segment, position, run, pieces);
  return segment;
}

function putCharacters(bytes: Uint8Array, position: number, text: string): number {
  for (let index = 0; index < text.length; index++) bytes[position + index] = text.charCodeAt(index);
  return position + text.length;
}

function putTrackFragment(view: DataView, start: number, run: PlannedRun, dataOffset: number): number {
  let position = putBoxHeader(view, start, trackFragmentBytes(run), "traf");
  const put = (value: number): void => {
    view.setUint32(position, value);
    position += 4;
  };

  position = putBoxHeader(view, position, trackHeaderBytes(run), "tfhd");
  put(
    DEFAULT_BASE_IS_MOOF |
      HAS_ENTRY |
      HAS_DEFAULT_FLAGS |
      (run.sharedDuration === undefined ? 0 : HAS_DEFAULT_DURATION) |
      (run.sharedSize === undefined ? 0 : HAS_DEFAULT_SIZE),
  );
  put(run.trackId);
  put(run.entryNumber);
  if (run.sharedDuration !== undefined) put(run.sharedDuration);
  if (run.sharedSize !== undefined) put(run.sharedSize);
  put(flagsOf(run.syncPattern === "all" ? 1 : 0));

  position = putBoxHeader(view, position, 20, "tfdt");
  put(0x01000000);
  view.setBigUint64(position, BigInt(run.decodeTime));
  position += 8;

  position = putBoxHeader(view, position, runBoxBytes(run), "trun");
  const count = run.sizes.length;
  put(
    0x01000000 |
      HAS_DATA_OFFSET |
      (run.syncPattern === "first" ? HAS_FIRST_FLAGS : 0) |
      (run.sharedDuration === undefined ? HAS_DURATIONS : 0) |
      (run.sharedSize === undefined ? HAS_SIZES : 0) |
      (run.syncPattern === "mixed" ? HAS_FLAGS : 0) |
      (run.hasCompositionOffsets ? HAS_COMPOSITION_OFFSETS : 0),
  );
  put(count);
  put(dataOffset);
  if (run.syncPattern === "first") put(SYNC_FLAGS);
  for (let index = 0; index < count; index++) {
    if (run.sharedDuration === undefined) put(run.durations[index] ?? 0);
    if (run.sharedSize === undefined) put(run.sizes[index] ?? 0);
    if (run.syncPattern === "mixed") put(flagsOf(run.syncs[index]));
    if (run.hasCompositionOffsets) put(run.compositionOffsets[index] ?? 0);
  }
  return position;
}

/** Samples mostly follow each other in a piece: what lies together is copied at once. */
function copySamples(target: Uint8Array, start: number, run: PlannedRun, pieces: readonly SourcePiece[]): number {
  const { offsets, sizes } = run;
  let position = start;
  for (let index = 0; index < sizes.length; ) {
    const from = offsets[index] ?? 0;
    const piece = pieceWith(pieces, from);
    const limit = piece === undefined ? 0 : piece.start + piece.bytes.byteLength;
    let end = from + (sizes[index] ?? 0);
    index++;
    while (index < sizes.length && offsets[index] === end && end + (sizes[index] ?? 0) <= limit)
      end += sizes[index++] ?? 0;
    if (piece !== undefined && end <= limit)
      target.set(piece.bytes.subarray(from - piece.start, end - piece.start), position);
    else target.fill(0, position, position + end - from);
    position += end - from;
  }
  return position;
}

function pieceWith(pieces: readonly SourcePiece[], position: number): SourcePiece | undefined {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pieces[middle]?.start ?? 0) <= position) low = middle + 1;
    else high = middle;
  }
  return pieces[low - 1];
}
