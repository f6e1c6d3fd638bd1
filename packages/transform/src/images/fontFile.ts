import { readFile } from "node:fs/promises";
import { inflateSync } from "node:zlib";
import { refuseConversion } from "./refusal.ts";

/** Largest `name` table that is unpacked; real ones are a few kilobytes. */
const MAX_NAME_TABLE_BYTES = 1024 * 1024;

const WOFF = 0x774f4646;

const families = new Map<string, string>();

/** Family of a font file (TTF, OTF, WOFF), by which Pango asks for it. */
export const fontFamilyOf = async (file: string): Promise<string> => {
  const known = families.get(file);
  if (known !== undefined) return known;
  const family = readFamily(await readFile(file)) ?? refuseConversion(`font ${file} has no family`);
  families.set(file, family);
  return family;
};

/** OpenType 1.9, `name`: the typographic family (16), or the family (1), in UTF-16 or Latin letters. */
const readFamily = (font: Buffer): string | undefined => {
  const table = readNameTable(font);
  if (table === undefined) return undefined;
  const count = table.readUInt16BE(2);
  const strings = table.readUInt16BE(4);
  let family: string | undefined;
  for (let index = 0; index < count; index++) {
    const at = 6 + 12 * index;
    const platform = table.readUInt16BE(at);
    const nameId = table.readUInt16BE(at + 6);
    if ((nameId !== 1 && nameId !== 16) || (nameId === 1 && family !== undefined)) continue;
    const start = strings + table.readUInt16BE(at + 10);
    const bytes = Buffer.from(table.subarray(start, start + table.readUInt16BE(at + 8)));
    const isWide = platform === 0 || platform === 3;
    family = isWide
      ? bytes
          .subarray(0, bytes.length & ~1)
          .swap16()
          .toString("utf16le")
      : bytes.toString("latin1");
    if (nameId === 16) return family;
  }
  return family;
};

const readNameTable = (font: Buffer): Buffer | undefined => {
  const isPacked = font.readUInt32BE(0) === WOFF;
  const [first, size, count] = isPacked ? [44, 20, font.readUInt16BE(12)] : [12, 16, font.readUInt16BE(4)];
  for (let index = 0; index < count; index++) {
    const at = first + size * index;
    if (font.toString("latin1", at, at + 4) !== "name") continue;
    if (!isPacked) return part(font, font.readUInt32BE(at + 8), font.readUInt32BE(at + 12));
    const packed = part(font, font.readUInt32BE(at + 4), font.readUInt32BE(at + 8));
    const isDeflated = packed.length < font.readUInt32BE(at + 12);
    return isDeflated ? inflateSync(packed, { maxOutputLength: MAX_NAME_TABLE_BYTES }) : packed;
  }
  return undefined;
};

const part = (font: Buffer, start: number, length: number): Buffer => font.subarray(start, start + length);
