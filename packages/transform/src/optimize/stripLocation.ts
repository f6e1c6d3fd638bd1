import { readSegments } from "./jpeg/segments.ts";
import { UnsoundJpeg } from "./jpeg/unsound.ts";
import { makePngChunk, PNG_HEAD_BYTES, readPngChunks, readWebpChunks } from "./metadata/chunks.ts";
import { clearGps } from "./metadata/exif.ts";
import { isExif, isXmp, tiffOf, XMP } from "./metadata/jpegMetadata.ts";
import { clearPngText } from "./metadata/pngText.ts";
import { clearXmpPosition } from "./metadata/xmp.ts";
import { sniffContainer } from "./sniffContainer.ts";

/**
 * The picture without the place where it was taken: the GPS directory of EXIF is gone, and positions in XMP are blank.
 * Every other byte stays as it is, checksums and compressed text of PNG excepted. Undefined: it says no place, or is
 * not a sound JPEG, PNG or WebP.
 */
export const stripLocation = (source: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  const copy = Uint8Array.from(source);
  switch (sniffContainer(source)) {
    case "jpg":
      return clearInJpeg(copy) ? copy : undefined;
    case "png":
      return clearInPng(copy);
    case "webp":
      return clearInWebp(copy) ? copy : undefined;
    default:
      return undefined;
  }
};

const clearInJpeg = (picture: Uint8Array): boolean => {
  try {
    return readSegments(picture).list.reduce((isChanged, segment) => {
      if (isExif(picture, segment)) return clearGps(tiffOf(picture, segment)) || isChanged;
      if (!isXmp(picture, segment)) return isChanged;
      return clearXmpPosition(picture.subarray(segment.dataStart + XMP.length, segment.end)) || isChanged;
    }, false);
  } catch (error) {
    if (error instanceof UnsoundJpeg) return false;
    throw error;
  }
};

const clearInPng = (picture: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  const chunks = readPngChunks(picture);
  if (chunks === undefined) return undefined;
  let isChanged = false;
  const parts = chunks.map(({ type, start, dataStart, dataEnd, end }) => {
    const data = picture.subarray(dataStart, dataEnd);
    const cleared =
      type === "eXIf" ? clearExif(data) : type === "iTXt" || type === "zTXt" ? clearPngText(type, data) : undefined;
    if (cleared === undefined) return picture.subarray(start, end);
    isChanged = true;
    return makePngChunk(type, cleared);
  });
  if (!isChanged) return undefined;
  const trailer = picture.subarray(chunks.at(-1)?.end);
  return Uint8Array.from(Buffer.concat([picture.subarray(0, PNG_HEAD_BYTES), ...parts, trailer]));
};

const clearExif = (data: Uint8Array): Uint8Array | undefined => (clearGps(data) ? data : undefined);

const clearInWebp = (picture: Uint8Array): boolean =>
  (readWebpChunks(picture) ?? []).reduce((isChanged, { type, dataStart, dataEnd }) => {
    const data = picture.subarray(dataStart, dataEnd);
    if (type === "EXIF") return clearGps(data[0] === 0x45 ? data.subarray(6) : data) || isChanged;
    return (type === "XMP " && clearXmpPosition(data)) || isChanged;
  }, false);
