import { COLON, CR, isTargetByte, isValueByte, LF, SPACE, TOKEN_BYTES } from "./bytes.ts";

const STATE = {
  START: 0,
  METHOD: 1,
  TARGET: 2,
  VERSION: 3,
  LINE_START: 4,
  NAME: 5,
  VALUE: 6,
  ELSE: 7,
} as const;
type State = (typeof STATE)[keyof typeof STATE];

const LONGEST_METHOD = 32;

/**
 * Follows a head that arrives in many small pieces, each byte once, and tells when a byte came that can change the
 * parser's answer. Without it a head sent byte by byte would be parsed from its start for every byte. It decides
 * nothing: in doubt it asks for the parse.
 */
export class HeadScan {
  #state: State = STATE.START;
  #length = 0;
  readonly #targetBytes: number;

  constructor(targetBytes: number) {
    this.#targetBytes = targetBytes;
  }

  reset(): void {
    this.#state = STATE.START;
    this.#length = 0;
  }

  /** Whether `view[from, to)`, which follows what was scanned before, asks for a parse. */
  advance(view: DataView, from: number, to: number): boolean {
    let asksForParse = false;
    for (let position = from; position < to; position++) {
      if (this.#step(view.getUint8(position))) asksForParse = true;
    }
    return asksForParse;
  }

  #step(byte: number): boolean {
    switch (this.#state) {
      case STATE.START:
        if (TOKEN_BYTES[byte] === 1) this.#enter(STATE.METHOD);
        return true;
      case STATE.METHOD:
        if (byte === SPACE) return this.#enter(STATE.TARGET);
        return TOKEN_BYTES[byte] !== 1 || ++this.#length >= LONGEST_METHOD;
      case STATE.TARGET:
        if (byte === SPACE) return this.#enter(STATE.VERSION);
        return !isTargetByte(byte) || ++this.#length > this.#targetBytes;
      case STATE.VERSION:
        if (byte === LF) this.#enter(STATE.LINE_START);
        return true;
      case STATE.LINE_START:
        return this.#enter(TOKEN_BYTES[byte] === 1 ? STATE.NAME : STATE.ELSE);
      case STATE.NAME:
        if (byte === COLON) this.#enter(STATE.VALUE);
        return byte !== COLON && TOKEN_BYTES[byte] !== 1;
      case STATE.VALUE:
        if (byte === CR) this.#enter(STATE.ELSE);
        return !isValueByte(byte);
      case STATE.ELSE:
        if (byte === LF) this.#enter(STATE.LINE_START);
        return true;
    }
  }

  #enter(state: State): true {
    this.#state = state;
    this.#length = 0;
    return true;
  }
}
