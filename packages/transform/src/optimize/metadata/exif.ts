import { ENTRY_BYTES, Tiff, TYPE_BYTES } from "./tiff.ts";

const TAG = { ORIENTATION: 0x0112, GPS: 0x8825 } as const;

/** 1 to 8; 1 where the bytes do not say. `tiff`: EXIF without its `Exif\0\0`. */
export const readOrientation = (tiff: Uint8Array): number => {
  const exif = Tiff.open(tiff);
  const [first] = exif?.directories() ?? [];
  if (exif === undefined || first === undefined) return 1;
  const entry = exif.entries(first).find((at) => exif.short(at) === TAG.ORIENTATION);
  const orientation = entry === undefined ? 1 : exif.short(entry + 8);
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
};

/** EXIF that says the orientation and nothing else. */
export const makeOrientationExif = (orientation: number): Uint8Array => {
  const tiff = Buffer.alloc(26);
  tiff.write("MM\0*", 0, "latin1");
  tiff.writeUInt32BE(8, 4);
  tiff.writeUInt16BE(1, 8);
  tiff.writeUInt16BE(TAG.ORIENTATION, 10);
  tiff.writeUInt16BE(3, 12);
  tiff.writeUInt32BE(1, 14);
  tiff.writeUInt16BE(orientation, 18);
  return tiff;
};

/**
 * Takes the GPS directory out of EXIF in place: its entries and values become zeros and the pointer to it leaves its
 * directory, whose last twelve bytes are then unused. Everything else stays where it is. Whether there was one.
 */
export const clearGps = (tiff: Uint8Array): boolean => {
  const exif = Tiff.open(tiff);
  if (exif === undefined) return false;
  let found = false;
  for (const directory of exif.directories()) {
    const entry = exif.entries(directory).find((at) => exif.short(at) === TAG.GPS);
    if (entry === undefined) continue;
    found = true;
    clearDirectory(exif, exif.long(entry + 8));
    const end = directory + 2 + exif.short(directory) * ENTRY_BYTES + 4;
    exif.writeShort(directory, exif.short(directory) - 1);
    exif.move(entry, entry + ENTRY_BYTES, end);
    exif.clear(end - ENTRY_BYTES, end);
  }
  return found;
};

const clearDirectory = (exif: Tiff, at: number): void => {
  if (!exif.isDirectory(at)) return;
  for (const entry of exif.entries(at)) {
    const bytes = (TYPE_BYTES[exif.short(entry + 2)] ?? 0) * exif.long(entry + 4);
    if (bytes > 4) exif.clear(exif.long(entry + 8), exif.long(entry + 8) + bytes);
  }
  exif.clear(at, at + 2 + exif.short(at) * ENTRY_BYTES + 4);
};
