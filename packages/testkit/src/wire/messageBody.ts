import { type ByteReader, WireError } from "./byteReader.ts";
import { type FlatFields, fieldLines } from "./fields.ts";

/** How the length of a body is known (RFC 9112 6.3). */
export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible characters, obs-text, blanks and tabs (RFC 9110 5.5). */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const LINE_LIMIT_BYTES = 64 * 1024;
const FIELD_COUNT_LIMIT = 1000;

/** Field lines up to the empty line. */
export const readFieldLines = async (reader: ByteReader, where: string): Promise<string[]> => {
  const fields: string[] = [];
  for (;;) {
    const line = await reader.readLine(LINE_LIMIT_BYTES, where);
    if (line === undefined) throw new WireError(`closed inside ${where}`);
    if (line === "") return fields;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    if (!TOKEN.test(name)) throw new WireError(`bad field name in ${JSON.stringify(line)}`);
    if (!FIELD_VALUE.test(value)) throw new WireError(`control character in ${JSON.stringify(line)}`);
    fields.push(name, value);
    if (fields.length > 2 * FIELD_COUNT_LIMIT) throw new WireError(`more than ${FIELD_COUNT_LIMIT} fields in ${where}`);
  }
};

/** The framing that fields declare; undefined when they declare none. */
export const declaredFraming = (fields: FlatFields): BodyFraming | undefined => {
  const lengths = fieldLines(fields, "content-length");
  const codings = fieldLines(fields, "transfer-encoding");
  if (lengths.length > 1) throw new WireError("several Content-Length lines");
  if (codings.length > 0) {
    if (lengths.length > 0) throw new WireError("Content-Length beside Transfer-Encoding");
    if (codings.join(",").trim().toLowerCase() !== "chunked")
      throw new WireError(`Transfer-Encoding ${codings.join()}`);
    return { kind: "chunked" };
  }
  const [length] = lengths;
  if (length === undefined) return undefined;
  if (!/^\d{1,15}$/.test(length)) throw new WireError(`Content-Length ${JSON.stringify(length)}`);
  return { kind: "length", bytes: Number(length) };
};

/** Hands the content to `onBytes` as it comes; returns the trailer fields. A body that stops early is a violation. */
export const readBody = async (
  reader: ByteReader,
  framing: BodyFraming,
  onBytes: (bytes: Buffer) => void | Promise<void>,
): Promise<string[]> => {
  switch (framing.kind) {
    case "none":
      return [];
    case "length":
      await readExactly(reader, framing.bytes, "the body", onBytes);
      return [];
    case "close":
      for (;;) {
        const bytes = await reader.readSome(1 << 20, "the body up to the close");
        if (bytes === undefined) break;
        await onBytes(bytes);
      }
      if (reader.failure !== undefined) throw new WireError(`reset inside the body: ${reader.failure.message}`);
      return [];
    case "chunked":
      return readChunks(reader, onBytes);
  }
};

const readChunks = async (reader: ByteReader, onBytes: (bytes: Buffer) => void | Promise<void>): Promise<string[]> => {
  for (;;) {
    const line = await reader.readLine(LINE_LIMIT_BYTES, "a chunk size");
    if (line === undefined) throw new WireError("closed before the last chunk");
    const size = /^([0-9a-fA-F]{1,13})(?:[ \t]*;.*)?$/.exec(line)?.[1];
    if (size === undefined) throw new WireError(`chunk size ${JSON.stringify(line)}`);
    const bytes = Number.parseInt(size, 16);
    if (bytes === 0) return readFieldLines(reader, "the trailers");
    await readExactly(reader, bytes, "a chunk", onBytes);
    if ((await reader.readLine(LINE_LIMIT_BYTES, "the end of a chunk")) !== "") throw new WireError("chunk too long");
  }
};

const readExactly = async (
  reader: ByteReader,
  count: number,
  what: string,
  onBytes: (bytes: Buffer) => void | Promise<void>,
): Promise<void> => {
  for (let left = count; left > 0; ) {
    const bytes = await reader.readSome(left, what);
    if (bytes === undefined) throw new WireError(`closed ${left} bytes before the end of ${what} of ${count} bytes`);
    left -= bytes.length;
    await onBytes(bytes);
  }
};
