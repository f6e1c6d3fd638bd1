import { readSegments } from "./jpeg/segments.ts";
import { UnsoundJpeg } from "./jpeg/unsound.ts";
import { makePngChunk, readPngChunks, readWebpChunks } from "./metadata/chunks.ts";
import { clearGps } from "./metadata/exif.ts";
import { isExif, isXmp, tiffOf, XMP } from "./metadata/jpegMetadata.ts";
import { clearXmpPosition } from "./metadata/xmp.ts";
import { sniffContainer } from "./sniffContainer.ts";

/**
 * The picture without the place where it was taken: the GPS directory of EXIF is gone, and positions in XMP that is
 * not compressed are blank. The file keeps its length and every other byte, checksums of PNG excepted. Undefined: it
 * says no place, or is not a sound JPEG, PNG or WebP.
 */
export const stripLocation = (source: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  const copy = Uint8Array.from(source);
  return clearLocation(copy) ? copy : undefined;
};

const clearLocation = (picture: Uint8Array): boolean => {
  switch (sniffContainer(picture)) {
    case "jpg":
      return clearInJpeg(picture);
    case "png":
      return clearInPng(picture);
    case "webp":
      return clearInWebp(picture);
    default:
      return false;
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

const clearInPng = (picture: Uint8Array): boolean => {
  let isChanged = false;
  for (const { type, start, dataStart, dataEnd } of readPngChunks(picture) ?? []) {
    const data = picture.subarray(dataStart, dataEnd);
    const isCleared = (type === "eXIf" && clearGps(data)) || (type === "iTXt" && clearXmpPosition(data));
    if (!isCleared) continue;
    isChanged = true;
    picture.set(makePngChunk(type, data), start);
  }
  return isChanged;
};

const clearInWebp = (picture: Uint8Array): boolean =>
  (readWebpChunks(picture) ?? []).reduce((isChanged, { type, dataStart, dataEnd }) => {
    const data = picture.subarray(dataStart, dataEnd);
    if (type === "EXIF") return clearGps(data[0] === 0x45 ? data.subarray(6) : data) || isChanged;
    return (type === "XMP " && clearXmpPosition(data)) || isChanged;
  }, false);
