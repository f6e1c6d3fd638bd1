import { EdgeError } from "@basalt/types";
import type { FieldBlock } from "./contract.ts";
import { ReadFieldBlock } from "./fieldBlock.ts";
import { FieldLinesReader } from "./fieldLines.ts";

const reader = new FieldLinesReader();

/**
 * A field block made of a flat list (name, value …) instead of received bytes. It is written as lines and read back by
 * the reader of received heads, so that nothing can be in it that a client could not have sent.
 * @throws EdgeError INTERNAL when the list is no such block: a line end in a value, two Host fields, …
 */
export const fieldBlockOf = (flat: readonly string[]): FieldBlock => {
  const lines: string[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) lines.push(`${flat[index]}: ${flat[index + 1]}\r\n`);
  const text = `${lines.join("")}\r\n`;
  // UTF-8 would make several bytes of one character, latin1 a line end of U+010A: neither may pass unseen.
  if (/[^\0-\xff]/.test(text)) throw unfit("a character that is no byte");
  const bytes = Buffer.allocUnsafeSlow(text.length);
  bytes.write(text, "latin1");
  const end = reader.read(bytes, new DataView(bytes.buffer), 0, bytes.length, lines.length);
  const offsets = reader.takeOffsets();
  if (end < 0) throw unfit(reader.rejection?.detail ?? "an incomplete line");
  const block = new ReadFieldBlock(bytes, 0, offsets, reader.facts);
  if (end !== bytes.length || block.count !== lines.length) throw unfit("a line end in a field");
  return block;
};

const unfit = (detail: string): EdgeError => new EdgeError("INTERNAL", { detail: `unfit field list: ${detail}` });
