import { HTAB, TOKEN_BYTES } from "./bytes.ts";

const STATE = {
  NAME_START: 0,
  NAME: 1,
  VALUE_START: 2,
  TOKEN_VALUE: 3,
  QUOTED: 4,
  QUOTED_PAIR: 5,
  AFTER_QUOTED: 6,
} as const;
type State = (typeof STATE)[keyof typeof STATE];

const EQUALS = 0x3d;
const SEMICOLON = 0x3b;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const isQuotable = (byte: number): boolean => byte === HTAB || (byte >= 0x20 && byte !== 0x7f);

/**
 * `name ["=" value] *( ";" name ["=" value] )` behind the first semicolon (RFC 9112 7.1.1), without the white space
 * that the grammar only tolerates. Extensions are checked, not kept.
 */
export class ChunkExtensionScan {
  #state: State | undefined = STATE.NAME_START;

  reset(): void {
    this.#state = STATE.NAME_START;
  }

  /** Whether the extensions may end here. */
  get isComplete(): boolean {
    return this.#state === STATE.NAME || this.#state === STATE.TOKEN_VALUE || this.#state === STATE.AFTER_QUOTED;
  }

  accepts(byte: number): boolean {
    this.#state = this.#next(byte);
    return this.#state !== undefined;
  }

  #next(byte: number): State | undefined {
    const isTokenByte = TOKEN_BYTES[byte] === 1;
    switch (this.#state) {
      case STATE.NAME_START:
        return isTokenByte ? STATE.NAME : undefined;
      case STATE.NAME:
        if (byte === EQUALS) return STATE.VALUE_START;
        if (byte === SEMICOLON) return STATE.NAME_START;
        return isTokenByte ? STATE.NAME : undefined;
      case STATE.VALUE_START:
        if (byte === QUOTE) return STATE.QUOTED;
        return isTokenByte ? STATE.TOKEN_VALUE : undefined;
      case STATE.TOKEN_VALUE:
        if (byte === SEMICOLON) return STATE.NAME_START;
        return isTokenByte ? STATE.TOKEN_VALUE : undefined;
      case STATE.QUOTED:
        if (byte === QUOTE) return STATE.AFTER_QUOTED;
        if (byte === BACKSLASH) return STATE.QUOTED_PAIR;
        return isQuotable(byte) ? STATE.QUOTED : undefined;
      case STATE.QUOTED_PAIR:
        return isQuotable(byte) ? STATE.QUOTED : undefined;
      case STATE.AFTER_QUOTED:
        return byte === SEMICOLON ? STATE.NAME_START : undefined;
      case undefined:
        return undefined;
    }
  }
}
