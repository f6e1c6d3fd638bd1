import { COLON, CR, isToken, isValueByte, LF, TOKEN_BYTES, trimWhiteSpace } from "./bytes.ts";
import { ChunkExtensionScan } from "./chunkExtension.ts";
import {
  CHUNK_DONE,
  CHUNK_NEED_MORE,
  CHUNK_REJECTED,
  type ChunkedDecoder,
  type HeadLimits,
  type Rejection,
} from "./contract.ts";
import { headTooLarge, malformed } from "./rejection.ts";

const STATE = {
  SIZE: 0,
  EXTENSION: 1,
  SIZE_LF: 2,
  DATA: 3,
  DATA_CR: 4,
  DATA_LF: 5,
  TRAILER_START: 6,
  TRAILER_NAME: 7,
  TRAILER_VALUE: 8,
  TRAILER_LF: 9,
  LAST_LF: 10,
  DONE: 11,
  REJECTED: 12,
} as const;
type State = (typeof STATE)[keyof typeof STATE];

const MOST_SIZE_DIGITS = 15;
const TRAILER_BYTES = 8 * 1024;
const SEMICOLON = 0x3b;

export interface ChunkLimits extends HeadLimits {
  /** Longest trailer section of a body in bytes; when absent 8 KB, or `headBytes` if that is less. */
  readonly trailerBytes?: number | undefined;
}

/** Framing and routing cannot change behind the body (RFC 9110 6.5.1). */
const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set(["content-length", "host", "transfer-encoding"]);

const hexDigit = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
};

class StrictChunkedDecoder implements ChunkedDecoder {
  position = 0;
  trailers: string[] = [];
  rejection: Rejection | undefined = undefined;

  #state: State = STATE.SIZE;
  #sizeDigits = 0;
  /** Bytes of the current chunk still to come. */
  #remaining = 0;
  /** Over the whole body: many chunks with short extensions cost as much as one with a long one. */
  #extensionBytes = 0;
  #trailerBytes = 0;
  #name = "";
  #value = "";
  readonly #extension = new ChunkExtensionScan();
  readonly #limits: HeadLimits;
  readonly #mostTrailerBytes: number;

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
    this.#mostTrailerBytes = limits.trailerBytes ?? Math.min(limits.headBytes, TRAILER_BYTES);
  }

  reset(): void {
    this.position = 0;
    this.trailers = [];
    this.rejection = undefined;
    this.#state = STATE.SIZE;
    this.#sizeDigits = 0;
    this.#remaining = 0;
    this.#extensionBytes = 0;
    this.#trailerBytes = 0;
    this.#name = "";
    this.#value = "";
  }

  decode(
    buffer: Buffer,
    start: number,
    end: number,
    onData: (buffer: Buffer, from: number, to: number) => void,
  ): number {
    let position = start;
    while (position < end && this.#state < STATE.DONE) {
      if (this.#state === STATE.DATA) {
        const to = Math.min(end, position + this.#remaining);
        this.#remaining -= to - position;
        if (this.#remaining === 0) this.#state = STATE.DATA_CR;
        onData(buffer, position, to);
        position = to;
      } else {
        this.#state = this.#step(buffer[position] ?? 0);
        if (this.#state !== STATE.REJECTED) position++;
      }
    }
    this.position = position;
    if (this.#state === STATE.DONE) return CHUNK_DONE;
    return this.#state === STATE.REJECTED ? CHUNK_REJECTED : CHUNK_NEED_MORE;
  }

  #step(byte: number): State {
    switch (this.#state) {
      case STATE.SIZE:
        return this.#stepSize(byte);
      case STATE.EXTENSION:
        return this.#stepExtension(byte);
      case STATE.SIZE_LF:
        if (byte !== LF) return this.#reject("CR without LF behind a chunk size");
        if (this.#remaining > 0) return STATE.DATA;
        return STATE.TRAILER_START;
      case STATE.DATA_CR:
        return byte === CR ? STATE.DATA_LF : this.#reject("no CRLF behind chunk data");
      case STATE.DATA_LF:
        if (byte !== LF) return this.#reject("no CRLF behind chunk data");
        this.#sizeDigits = 0;
        this.#remaining = 0;
        return STATE.SIZE;
      case STATE.LAST_LF:
        return byte === LF ? STATE.DONE : this.#reject("CR without LF behind the trailers");
      default:
        return this.#stepTrailer(byte);
    }
  }

  #stepSize(byte: number): State {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#remaining = this.#remaining * 16 + digit;
      if (++this.#sizeDigits > MOST_SIZE_DIGITS || this.#remaining > Number.MAX_SAFE_INTEGER) {
        return this.#reject("the chunk size is too large");
      }
      return STATE.SIZE;
    }
    if (this.#sizeDigits === 0) return this.#reject("no chunk size");
    if (byte === CR) return STATE.SIZE_LF;
    if (byte !== SEMICOLON) return this.#reject("the chunk size is not a hexadecimal number");
    this.#extension.reset();
    return this.#countExtensionByte();
  }

  #stepExtension(byte: number): State {
    if (byte === CR && this.#extension.isComplete) return STATE.SIZE_LF;
    if (!this.#extension.accepts(byte)) return this.#reject("a malformed chunk extension");
    return this.#countExtensionByte();
  }

  #countExtensionByte(): State {
    if (++this.#extensionBytes > this.#limits.headBytes) return this.#refuse(headTooLarge("chunk extensions too long"));
    return STATE.EXTENSION;
  }

  #stepTrailer(byte: number): State {
    if (++this.#trailerBytes > this.#mostTrailerBytes) return this.#refuse(headTooLarge("trailers too long"));
    switch (this.#state) {
      case STATE.TRAILER_START:
        if (byte === CR) return STATE.LAST_LF;
        if (this.trailers.length >= 2 * this.#limits.fieldCount) return this.#refuse(headTooLarge("too many trailers"));
        this.#name = "";
        this.#value = "";
        return this.#stepTrailerName(byte);
      case STATE.TRAILER_NAME:
        return this.#stepTrailerName(byte);
      case STATE.TRAILER_VALUE:
        if (byte === CR) return STATE.TRAILER_LF;
        if (!isValueByte(byte)) return this.#reject("a control character in a trailer");
        this.#value += String.fromCharCode(byte);
        return STATE.TRAILER_VALUE;
      default:
        return this.#endTrailer(byte);
    }
  }

  #stepTrailerName(byte: number): State {
    if (byte === COLON && isToken(this.#name)) return STATE.TRAILER_VALUE;
    if (TOKEN_BYTES[byte] !== 1) return this.#reject("a trailer name is not a token and a colon");
    this.#name += String.fromCharCode(byte);
    return STATE.TRAILER_NAME;
  }

  #endTrailer(byte: number): State {
    if (byte !== LF) return this.#reject("CR without LF in a trailer");
    if (FORBIDDEN_TRAILERS.has(this.#name.toLowerCase())) return this.#reject("a trailer that frames or routes");
    this.trailers.push(this.#name, trimWhiteSpace(this.#value));
    return STATE.TRAILER_START;
  }

  #reject(detail: string): State {
    return this.#refuse(malformed(detail));
  }

  #refuse(rejection: Rejection): State {
    this.rejection = rejection;
    return STATE.REJECTED;
  }
}

/** `fieldCount` holds for the trailers too, and `headBytes` for all chunk extensions of a body together. */
export const createChunkedDecoder = (limits: ChunkLimits): ChunkedDecoder => new StrictChunkedDecoder(limits);
