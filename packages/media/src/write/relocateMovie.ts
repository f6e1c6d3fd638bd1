import type { MediaOutcome } from "../contract.ts";
import type { Movie } from "../movie/contract.ts";
import { encodeRecipe } from "../recipe.ts";
import { boxAt, boxesIn, childrenOf, contentOf, findBox, MOST_BOXES_OF_LIST, typeOf } from "./boxTree.ts";
import { BoxWriter, fitsUnsigned32 } from "./boxWriter.ts";

/** Boxes on the way from `moov` to the chunk offsets: all else is copied. */
const PATH: ReadonlySet<string> = new Set(["trak", "mdia", "minf", "stbl"]);

/** `stbl`, counted from `moov`: boxes of hostile files lie in one another without end. */
const DEEPEST = 4;

/** How positions of the source become positions of the result; undefined for one that lies in what moves itself. */
type Shift = (offset: number) => number | undefined;

interface Patch {
  readonly shift: Shift;
  /** By order of their occurrence: which offset tables of 32 bits become tables of 64 bits. */
  readonly grown: ReadonlySet<number> | "all";
}

interface Patched {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Tables of 32 bits that some offset does not fit. */
  readonly tooSmall: ReadonlySet<number>;
}

/** `moov` with corrected chunk offsets; undefined for an offset that points to nowhere. */
const patchHeader = (header: Uint8Array, { shift, grown }: Patch): Patched | undefined => {
  const writer = new BoxWriter();
  writer.reserve(header.byteLength + 64 * 1024);
  const tooSmall = new Set<number>();
  let tableCount = 0;
  let isSound = true;

  const writeOffsets = (box: Uint8Array, isLong: boolean): void => {
    const content = contentOf(box);
    const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    const width = isLong ? 8 : 4;
    const table = tableCount;
    tableCount += 1;
    if (content.byteLength < 8 || view.getUint32(4) > Math.floor((content.byteLength - 8) / width)) {
      isSound = false;
      return;
    }
    const count = view.getUint32(4);
    const becomesLong = isLong || grown === "all" || grown.has(table);
    writer.box(becomesLong ? "co64" : "stco", () => {
      writer.bytes(content.subarray(0, 8));
      writer.reserve(count * (becomesLong ? 8 : 4));
      for (let at = 8; at < 8 + count * width; at += width) {
        const offset = shift(isLong ? Number(view.getBigUint64(at)) : view.getUint32(at));
        if (offset === undefined) {
          isSound = false;
        } else if (becomesLong) {
          writer.unsigned64(offset);
        } else {
          if (!fitsUnsigned32(offset)) {
            tooSmall.add(table);
          }
          writer.unsigned32(offset);
        }
      }
      writer.bytes(content.subarray(8 + count * width));
    });
  };

  const writeBox = (box: Uint8Array, depth: number): void => {
    const type = typeOf(box);
    if (type === "stco" || type === "co64") {
      writeOffsets(box, type === "co64");
      return;
    }
    if (depth > DEEPEST || (!PATH.has(type) && depth > 0)) {
      writer.bytes(box);
      return;
    }
    const content = contentOf(box);
    const children = boxesIn(content);
    if (children.length === MOST_BOXES_OF_LIST) {
      isSound = false;
      return;
    }
    const last = children.at(-1);
    const read = last === undefined ? 0 : last.byteOffset + last.byteLength - content.byteOffset;
    const writeContent = (): void => {
      for (const child of children) {
        writeBox(child, depth + 1);
      }
      writer.bytes(content.subarray(read));
    };
    const headBytes = content.byteOffset - box.byteOffset;
    if (headBytes === 16) {
      writer.longBox(type, writeContent);
    } else {
      writer.box(type, writeContent);
    }
  };

  writeBox(header, 0);
  return isSound ? { bytes: writer.finish(), tooSmall } : undefined;
};

/** Boxes beside the chunk offsets that name positions in the file, or media in other files. */
const refersElsewhere = (movie: Movie): boolean => {
  const metas = [movie.header.bytes, ...movie.tracks.map(({ box }) => box)].flatMap((box) => {
    const meta = findBox(childrenOf(box), "meta");
    return meta === undefined ? [] : [contentOf(meta), contentOf(meta).subarray(4)];
  });
  if (metas.some((content) => findBox(boxesIn(content), "iloc") !== undefined)) {
    return true;
  }
  return movie.tracks.some(({ box }) => {
    const information = boxAt(box, ["mdia", "minf"]);
    if (information === undefined) {
      return false;
    }
    const references = boxAt(information, ["dinf", "dref"]);
    const isExternal =
      references !== undefined &&
      boxesIn(contentOf(references).subarray(8)).some((reference) => ((contentOf(reference)[3] ?? 1) & 1) === 0);
    return isExternal || boxAt(information, ["stbl", "saio"]) !== undefined;
  });
};

/** A table that grows moves the offsets of the others: with so many rounds they are made to grow one by one. */
const MOST_ROUNDS = 8;

const unchanged = (reason: string): MediaOutcome => ({ kind: "unchanged", reason });

/**
 * The file with its header in front (MEDIA-60 to 64): as long as the source unless chunk offsets have to grow. All other
 * bytes stay, in their order. `unchanged` where there is nothing to move, or where it could not be done without loss.
 */
export const relocateMovie = (movie: Movie): MediaOutcome => {
  const { range, bytes } = movie.header;
  if (movie.isFragmented) {
    return unchanged("fragments need no header in front");
  }
  if (movie.isTruncated) {
    return unchanged("the end of the file is missing");
  }
  if (range.end <= movie.firstMediaByte) {
    return unchanged("the header is in front");
  }
  if (refersElsewhere(movie)) {
    return unchanged("the header names positions that are not those of samples");
  }
  const typeBytes = movie.fileType?.byteLength ?? 0;
  if (typeBytes > range.start) {
    return unchanged("the file does not begin with its type");
  }
  let grown: Patch["grown"] = new Set();
  let headerBytes = bytes.byteLength;
  for (let round = 1; ; round += 1) {
    const shift: Shift = (offset) => {
      if (offset >= range.end) {
        return offset + headerBytes - bytes.byteLength;
      }
      return offset >= typeBytes && offset < range.start ? offset + headerBytes : undefined;
    };
    const patched = patchHeader(bytes, { shift, grown });
    if (patched === undefined) {
      return unchanged("chunk offsets point outside the media data");
    }
    const isSettled = patched.tooSmall.size === 0 && patched.bytes.byteLength === headerBytes;
    if (isSettled) {
      const head = movie.fileType === undefined ? [] : [{ kind: "bytes", bytes: movie.fileType } as const];
      const recipe = encodeRecipe([
        ...head,
        { kind: "bytes", bytes: patched.bytes },
        { kind: "source", start: typeBytes, end: range.start },
        { kind: "source", start: range.end, end: movie.fileBytes },
      ]);
      return { kind: "recipe", recipe };
    }
    headerBytes = patched.bytes.byteLength;
    grown = grown === "all" || round === MOST_ROUNDS ? "all" : new Set([...grown, ...patched.tooSmall]);
  }
};
