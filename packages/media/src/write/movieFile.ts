import type { Movie } from "../movie/contract.ts";
import { boxesIn, childrenOf, contentOf, findBox, typeOf } from "./boxTree.ts";
import { BoxWriter } from "./boxWriter.ts";
import { writeDurationHead } from "./durationHeads.ts";
import { type OffsetTable, type TrackPlan, writeTrackBox } from "./trackBox.ts";

/** Boxes of `moov` that say nothing of a file that is cut and has no fragments. */
const LEFT_OUT: ReadonlySet<string> = new Set(["mvex", "free", "skip", "wide", "rmra"]);

const PROGRESSIVE_BRANDS: ReadonlySet<string> = new Set([
  "isom",
  "iso2",
  "mp41",
  "mp42",
  "avc1",
  "M4A ",
  "M4V ",
  "qt  ",
]);

/** The longest media data that a header of 8 bytes can announce. */
const MOST_SHORT_MEDIA_BYTES = 4_294_967_295 - 8;
/** Room for the header in front of the media data, within which offsets of 32 bits are not risked. */
const HEADER_ROOM_BYTES = 512 * 1024 * 1024;

const brandAt = (content: Uint8Array, at: number): string =>
  String.fromCharCode(...content.subarray(at, at + 4)).padEnd(4, " ");

/** A file type without fragments: that of the source, but for brands that speak of fragments. */
const writeFileType = (writer: BoxWriter, movie: Movie): void => {
  if (movie.fileType !== undefined && !movie.isFragmented) {
    writer.bytes(movie.fileType);
    return;
  }
  const major = movie.fileType === undefined ? "" : brandAt(contentOf(movie.fileType), 0);
  writer.box("ftyp", () => {
    writer.characters(PROGRESSIVE_BRANDS.has(major) ? major : "isom");
    writer.unsigned32(0x200);
    writer.characters("isomiso2mp41");
  });
};

/** Metadata of the movie but for chapters, whose times are of the source. */
const writeUserData = (writer: BoxWriter, box: Uint8Array): void => {
  writer.box("udta", () => {
    for (const child of childrenOf(box)) {
      if (typeOf(child) !== "chpl") {
        writer.bytes(child);
      }
    }
  });
};

/** Items that lie in the file by position, which the new file does not have. */
const hasItemsInFile = (meta: Uint8Array): boolean => {
  const content = contentOf(meta);
  return [content, content.subarray(4)].some((boxes) => findBox(boxesIn(boxes), "iloc") !== undefined);
};

/** Of a track, beside its tables. */
const EXPECTED_TRACK_BYTES = 4096;

/** About as much as the header will take: what is copied, and the tables of the tracks. */
const expectedBytes = (movie: Movie, tracks: readonly TrackPlan[]): number => {
  const copied = movie.tracks.reduce((bytes, { box }) => bytes - box.byteLength, movie.header.bytes.byteLength);
  return tracks.reduce(
    (sum, { tables, chunks }) => sum + EXPECTED_TRACK_BYTES + 8 * tables.sampleCount + 8 * chunks.length,
    Math.max(0, copied),
  );
};

/** All that is in front of the media data of a new file; undefined where the source's header lacks what is needed. */
export const writeMovieHeader = (
  movie: Movie,
  tracks: readonly TrackPlan[],
  timescale: number,
  mediaBytes: number,
): Uint8Array<ArrayBuffer> | undefined => {
  const writer = new BoxWriter();
  writer.reserve(expectedBytes(movie, tracks));
  const hasLongOffsets = mediaBytes > MOST_SHORT_MEDIA_BYTES - HEADER_ROOM_BYTES;
  const keptIds = new Set(tracks.map(({ timelineTrack }) => timelineTrack.track.id));
  const durationUnits = Math.max(0, ...tracks.map((plan) => plan.delayMovieUnits + plan.shownMovieUnits));
  const children = boxesIn(contentOf(movie.header.bytes));
  const offsets: (OffsetTable | undefined)[] = [];
  let hasHead = false;
  writeFileType(writer, movie);
  writer.box("moov", () => {
    for (const box of children) {
      const type = typeOf(box);
      if (type === "mvhd") {
        hasHead = writeDurationHead(writer, "mvhd", box, { durationUnits, timescale });
      } else if (type === "trak") {
        const plan = tracks.find(({ timelineTrack }) => timelineTrack.track.box.byteOffset === box.byteOffset);
        if (plan !== undefined) {
          offsets.push(writeTrackBox(writer, plan, keptIds, hasLongOffsets));
        }
      } else if (type === "udta") {
        writeUserData(writer, box);
      } else if (!(LEFT_OUT.has(type) || (type === "meta" && hasItemsInFile(box)))) {
        writer.bytes(box);
      }
    }
  });
  const found = offsets.filter((table) => table !== undefined);
  if (!hasHead || found.length !== tracks.length) {
    return undefined;
  }
  if (mediaBytes <= MOST_SHORT_MEDIA_BYTES) {
    writer.unsigned32(mediaBytes + 8);
    writer.characters("mdat");
  } else {
    writer.unsigned32(1);
    writer.characters("mdat");
    writer.unsigned64(mediaBytes + 16);
  }
  for (const { position, chunks } of found) {
    for (let chunk = 0; chunk < chunks.length; chunk += 1) {
      const offset = chunks.offsetOf(chunk) + writer.length;
      if (hasLongOffsets) {
        writer.setUnsigned64(position + chunk * 8, offset);
      } else {
        writer.setUnsigned32(position + chunk * 4, offset);
      }
    }
  }
  return writer.finish();
};
