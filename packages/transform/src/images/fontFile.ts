import { readFile } from "node:fs/promises";
import { inflateSync } from "node:zlib";
import { refuseConversion } from "./refusal.ts";

/** Largest `name` table that is unpacked; real ones are a few kilobytes. */
const MAX_NAME_TABLE_BYTES = 1024 * 1024;

const WOFF = 0x774f4646;

const known = new Map<string, string>();

/** Family and style of a font file (TTF, OTF, WOFF), by which Pango asks for it. */
export const fontNameOf = async (file: string): Promise<string> => {
  const found = known.get(file);
  if (found !== undefined) return found;
  const names = readNames(await readFile(file));
  const family = names.get(TYPOGRAPHIC_FAMILY) ?? names.get(FAMILY) ?? refuseConversion(`font ${file} has no family`);
  const style = names.get(TYPOGRAPHIC_STYLE) ?? names.get(STYLE) ?? "Regular";
  const name = style === "Regular" ? family : `${family} ${style}`;
  known.set(file, name);
  return name;
};

const [FAMILY, STYLE, TYPOGRAPHIC_FAMILY, TYPOGRAPHIC_STYLE] = [1, 2, 16, 17];

/** OpenType 1.9, `name`: texts by their number, the first of each, in UTF-16 or Latin letters. */
const readNames = (font: Buffer): ReadonlyMap<number, string> => {
  const names = new Map<number, string>();
  const table = readNameTable(font);
  if (table === undefined) return names;
  const strings = table.readUInt16BE(4);
  for (let index = 0; index < table.readUInt16BE(2); index++) {
    const at = 6 + 12 * index;
    const platform = table.readUInt16BE(at);
    const nameId = table.readUInt16BE(at + 6);
    if (names.has(nameId)) continue;
    const start = strings + table.readUInt16BE(at + 10);
    const bytes = Buffer.from(table.subarray(start, start + table.readUInt16BE(at + 8)));
    const isWide = platform === 0 || platform === 3;
    names.set(
      nameId,
      isWide
        ? bytes
            .subarray(0, bytes.length & ~1)
            .swap16()
            .toString("utf16le")
        : bytes.toString("latin1"),
    );
  }
  return names;
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
