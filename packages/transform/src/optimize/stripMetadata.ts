import { isMetadata, readSegments } from "./jpeg/segments.ts";
import { UnsoundJpeg } from "./jpeg/unsound.ts";
import {
  type Chunk,
  makePngChunk,
  makeRiffChunk,
  PNG_HEAD_BYTES,
  readPngChunks,
  readWebpChunks,
} from "./metadata/chunks.ts";
import { makeOrientationExif, readOrientation } from "./metadata/exif.ts";
import { stripGif } from "./metadata/gifMetadata.ts";
import { stripSegment } from "./metadata/jpegMetadata.ts";
import { sniffContainer } from "./sniffContainer.ts";

/**
 * The picture without its metadata, the coded pixels byte for byte as they were (DIMS-31). What decides how it looks
 * stays: colour profile, colour space and an orientation other than 1. Undefined: nothing to remove, or not a sound
 * JPEG, PNG, WebP or GIF.
 */
export const stripMetadata = (source: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  const stripped = stripContainer(source);
  return stripped === undefined || stripped.length >= source.length ? undefined : stripped;
};

const stripContainer = (source: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  switch (sniffContainer(source)) {
    case "jpg":
      return stripJpeg(source);
    case "png":
      return stripPng(source);
    case "webp":
      return stripWebp(source);
    case "gif":
      return stripGif(source);
    default:
      return undefined;
  }
};

const stripJpeg = (source: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  try {
    const { list, imageEnd } = readSegments(source);
    const lastEnd = list.at(-1)?.scanEnd ?? 2;
    return concat([
      source.subarray(0, 2),
      ...list.map((segment) =>
        isMetadata(segment)
          ? (stripSegment(source, segment) ?? new Uint8Array())
          : source.subarray(segment.start, segment.scanEnd),
      ),
      source.subarray(lastEnd, imageEnd),
    ]);
  } catch (error) {
    if (error instanceof UnsoundJpeg) return undefined;
    throw error;
  }
};

const PNG_METADATA: ReadonlySet<string> = new Set(["tEXt", "zTXt", "iTXt", "tIME", "dSIG", "caBX"]);

const stripPng = (source: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  const chunks = readPngChunks(source);
  if (chunks === undefined) return undefined;
  return concat([
    source.subarray(0, PNG_HEAD_BYTES),
    ...chunks.flatMap((chunk) => {
      if (PNG_METADATA.has(chunk.type)) return [];
      if (chunk.type !== "eXIf") return [source.subarray(chunk.start, chunk.end)];
      const exif = orientationOnly(source, chunk);
      return exif === undefined ? [] : [makePngChunk("eXIf", exif)];
    }),
  ]);
};

const WEBP_METADATA: ReadonlySet<string> = new Set(["EXIF", "XMP "]);

/** Bits of VP8X that announce EXIF and XMP. */
const EXIF_FLAG = 0x08;
const XMP_FLAG = 0x04;

const stripWebp = (source: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  const chunks = readWebpChunks(source);
  if (chunks === undefined) return undefined;
  const exifChunk = chunks.find(({ type }) => type === "EXIF");
  const exif = exifChunk === undefined ? undefined : orientationOnly(source, exifChunk);
  const kept = chunks
    .filter(({ type }) => !WEBP_METADATA.has(type))
    .map(({ type, start, end }) => {
      const chunk = source.slice(start, end);
      if (type === "VP8X")
        chunk[8] = ((chunk[8] ?? 0) & ~(EXIF_FLAG | XMP_FLAG)) | (exif === undefined ? 0 : EXIF_FLAG);
      return chunk;
    });
  if (exif !== undefined) kept.push(Uint8Array.from(makeRiffChunk("EXIF", exif)));
  const file = concat([source.subarray(0, 12), ...kept]);
  new DataView(file.buffer).setUint32(4, file.length - 8, true);
  return file;
};

/** WebP files may have the head of a JPEG segment in front. */
const orientationOnly = (source: Uint8Array, { dataStart, dataEnd }: Chunk): Uint8Array | undefined => {
  const data = source.subarray(dataStart, dataEnd);
  const orientation = readOrientation(data[0] === 0x45 ? data.subarray(6) : data);
  return orientation === 1 ? undefined : makeOrientationExif(orientation);
};

const concat = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.concat(parts));
