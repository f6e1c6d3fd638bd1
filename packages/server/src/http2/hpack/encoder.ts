import { encodeHuffman, huffmanBytes } from "./huffman.ts";
import { STATIC_COUNT, STATIC_FIELDS } from "./staticTable.ts";

/** First bytes of literals, with the bits that the index of a name may take. */
const WITHOUT_INDEXING = 0x00;
const NEVER_INDEXED = 0x10;
const NAME_INDEX_MASK = 0x0f;
const INDEXED = 0x80;
const HUFFMAN = 0x80;

/** Index of the first static entry with a name, and of those with a value too. */
const indexOfName = new Map<string, number>();
const indexOfField = new Map<string, number>();
for (let index = STATIC_COUNT; index >= 1; index--) {
  const name = STATIC_FIELDS[index * 2 - 2] ?? "";
  const value = STATIC_FIELDS[index * 2 - 1] ?? "";
  indexOfName.set(name, index);
  if (value !== "") indexOfField.set(`${name}\n${value}`, index);
}

/** Values that nobody in between may remember (RFC 7541 7.1.3). */
const SECRET: ReadonlySet<string> = new Set(["set-cookie", "authorization", "proxy-authorization"]);

/** Bytes of an integer at most. */
const INTEGER_BYTES = 6;

/**
 * The block of a field section: static entries and literals only, so that it means the same on every connection and can
 * be remembered with a response. `fields` are flat, latin1, names in lower case.
 */
export const encodeFields = (fields: readonly string[]): Buffer => {
  let most = 0;
  for (const text of fields) most += text.length + INTEGER_BYTES;
  const into = Buffer.allocUnsafe(most);
  let position = 0;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    position = encodeField(fields[index] ?? "", fields[index + 1] ?? "", into, position);
  }
  return Buffer.from(into.subarray(0, position));
};

const encodeField = (name: string, value: string, into: Buffer, start: number): number => {
  const whole = value === "" ? undefined : indexOfField.get(`${name}\n${value}`);
  if (whole !== undefined) return encodeInteger(whole, INDEXED, 0x7f, into, start);
  const kind = SECRET.has(name) ? NEVER_INDEXED : WITHOUT_INDEXING;
  const nameIndex = indexOfName.get(name) ?? 0;
  const position = encodeInteger(nameIndex, kind, NAME_INDEX_MASK, into, start);
  return encodeText(value, into, nameIndex === 0 ? encodeText(name, into, position) : position);
};

const encodeText = (text: string, into: Buffer, start: number): number => {
  const coded = huffmanBytes(text);
  if (coded < text.length) return encodeHuffman(text, into, encodeInteger(coded, HUFFMAN, 0x7f, into, start));
  const position = encodeInteger(text.length, 0, 0x7f, into, start);
  return position + into.write(text, position, "latin1");
};

const encodeInteger = (value: number, kind: number, mask: number, into: Buffer, start: number): number => {
  let position = start;
  if (value < mask) {
    into[position++] = kind | value;
    return position;
  }
  into[position++] = kind | mask;
  let rest = value - mask;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) into[position++] = (rest & 0x7f) | 0x80;
  into[position++] = rest;
  return position;
};
