import { COLON, CR, isWhiteSpace, LF, skipValueBytes, TOKEN_BYTES } from "./bytes.ts";
import { PARSE_NEED_MORE, PARSE_REJECTED, type Rejection } from "./contract.ts";
import { trimEnd } from "./fieldBlock.ts";
import { FieldFacts } from "./fieldFacts.ts";
import { headTooLarge, malformed } from "./rejection.ts";

/** Reads the field lines of a head up to and including the blank line. One object serves all heads of the process. */
export class FieldLinesReader {
  readonly facts = new FieldFacts();
  rejection: Rejection | undefined = undefined;
  #offsets: number[] = [];

  /** Four offsets per line, relative to the block: name from, name to, value from, value to. */
  takeOffsets(): readonly number[] {
    return this.#offsets.slice();
  }

  /** Position behind the blank line, PARSE_NEED_MORE, or PARSE_REJECTED at the first byte that cannot be right. */
  read(buffer: Buffer, view: DataView, from: number, to: number, fieldCount: number): number {
    this.facts.reset();
    this.#offsets.length = 0;
    const offsets = this.#offsets;
    let position = from;
    for (let count = 0; ; count++) {
      if (position === to) return PARSE_NEED_MORE;
      let byte = view.getUint8(position);
      if (byte === CR) return this.#readBlankLine(view, position, to);
      if (count === fieldCount) return this.#reject(headTooLarge("too many field lines"));

      const nameFrom = position;
      while (position < to) {
        byte = view.getUint8(position);
        if (TOKEN_BYTES[byte] !== 1) break;
        position++;
      }
      if (position === to) return PARSE_NEED_MORE;
      if (byte !== COLON || position === nameFrom) return this.#reject(malformed(badName(byte, position === nameFrom)));
      const nameTo = position++;

      while (position < to && isWhiteSpace(view.getUint8(position))) position++;
      const valueFrom = position;
      position = skipValueBytes(view, position, to);
      if (position === to) return PARSE_NEED_MORE;
      byte = view.getUint8(position);
      if (byte !== CR) return this.#reject(malformed(byte === LF ? "LF without CR" : "a control character in a value"));
      if (position + 1 === to) return PARSE_NEED_MORE;
      if (view.getUint8(position + 1) !== LF) return this.#reject(malformed("CR without LF"));

      const valueTo = trimEnd(view, valueFrom, position);
      const refused = this.facts.note(buffer, view, nameFrom, nameTo, valueFrom, valueTo);
      if (refused !== undefined) return this.#reject(refused);
      offsets.push(nameFrom - from, nameTo - from, valueFrom - from, valueTo - from);
      position += 2;
    }
  }

  #readBlankLine(view: DataView, position: number, to: number): number {
    if (position + 1 === to) return PARSE_NEED_MORE;
    if (view.getUint8(position + 1) !== LF) return this.#reject(malformed("CR without LF"));
    const refused = this.facts.conclude();
    return refused === undefined ? position + 2 : this.#reject(refused);
  }

  #reject(rejection: Rejection): number {
    this.rejection = rejection;
    return PARSE_REJECTED;
  }
}

const badName = (byte: number, isFirst: boolean): string => {
  if (isFirst && isWhiteSpace(byte)) return "white space at the start of a field line";
  if (isWhiteSpace(byte)) return "white space in or behind a field name";
  return "a field name is not a token and a colon";
};
