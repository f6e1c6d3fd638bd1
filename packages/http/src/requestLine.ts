import { CR, isTargetByte, LF, SPACE, TOKEN_BYTES, textOf } from "./bytes.ts";
import { METHOD, type Method, PARSE_NEED_MORE, PARSE_REJECTED, type Rejection } from "./contract.ts";
import { methodCode } from "./method.ts";
import { malformed, targetTooLong, versionNotSupported } from "./rejection.ts";
import { isTargetFor } from "./target.ts";

const LONGEST_METHOD = 32;
const VERSION_PREFIX = [0x48, 0x54, 0x54, 0x50, 0x2f] as const;
const DOT = 0x2e;
const ZERO = 0x30;
const HASH = 0x23;
const GET_SPACE = 0x47455420;

export const NO_TOKEN_FIRST = "the request line does not start with a token";

const HTTP11_LINE_END_BYTES = 10;

/** `HTTP/1.1` and CRLF in three reads: what nearly every request line ends with. */
const isHttp11LineEnd = (view: DataView, from: number, to: number): boolean =>
  to - from >= HTTP11_LINE_END_BYTES &&
  view.getInt32(from) === 0x48545450 &&
  view.getInt32(from + 4) === 0x2f312e31 &&
  view.getUint16(from + 8) === 0x0d0a;

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= ZERO + 9;

/** Reads request lines (RFC 9112 3). Positions are those of the view, `buffer.byteOffset` above the buffer's. */
export class RequestLineReader {
  method: Method = METHOD.OTHER;
  methodName = "";
  target = "";
  minorVersion: 0 | 1 = 1;
  rejection: Rejection | undefined = undefined;
  readonly #targetBytes: number;

  constructor(targetBytes: number) {
    this.#targetBytes = targetBytes;
  }

  /** Position behind the line's CRLF, PARSE_NEED_MORE, or PARSE_REJECTED at the first byte that cannot be right. */
  read(buffer: Buffer, view: DataView, from: number, to: number): number {
    const targetFrom = this.#readMethod(buffer, view, from, to);
    if (targetFrom < 0) return targetFrom;
    const versionFrom = this.#readTarget(buffer, view, targetFrom, to);
    if (versionFrom < 0) return versionFrom;
    return this.#readVersion(view, versionFrom, to);
  }

  #reject(rejection: Rejection): number {
    this.rejection = rejection;
    return PARSE_REJECTED;
  }

  #readMethod(buffer: Buffer, view: DataView, from: number, to: number): number {
    if (to - from >= 4 && view.getInt32(from) === GET_SPACE) {
      this.method = METHOD.GET;
      this.methodName = "GET";
      return from + 4;
    }
    let position = from;
    while (position < to && TOKEN_BYTES[view.getUint8(position)] === 1) position++;
    if (position - from > LONGEST_METHOD) return this.#reject(malformed("the method is too long"));
    if (position === to) return PARSE_NEED_MORE;
    if (position === from) return this.#reject(malformed(NO_TOKEN_FIRST));
    if (view.getUint8(position) !== SPACE) return this.#reject(malformed("no space behind the method"));
    this.methodName = textOf(buffer, from - buffer.byteOffset, position - buffer.byteOffset);
    this.method = methodCode(this.methodName);
    return position + 1;
  }

  #readTarget(buffer: Buffer, view: DataView, from: number, to: number): number {
    const longestEnd = from + this.#targetBytes;
    const scanEnd = Math.min(to, longestEnd + 1);
    let position = from;
    while (position < scanEnd && isTargetByte(view.getUint8(position))) position++;
    if (position > longestEnd) return this.#reject(targetTooLong);
    if (position === to) return PARSE_NEED_MORE;
    const byte = view.getUint8(position);
    if (byte !== SPACE) return this.#reject(malformed(badTargetByte(byte)));
    if (position === from) return this.#reject(malformed("more than one space in front of the request target"));
    this.target = textOf(buffer, from - buffer.byteOffset, position - buffer.byteOffset);
    if (!isTargetFor(this.method, this.target) && !this.#isHttp2Preface()) {
      return this.#reject(malformed("the form of the request target does not fit the method"));
    }
    return position + 1;
  }

  #isHttp2Preface(): boolean {
    return this.methodName === "PRI" && this.target === "*";
  }

  #readVersion(view: DataView, from: number, to: number): number {
    if (this.method !== METHOD.OTHER && isHttp11LineEnd(view, from, to)) {
      this.minorVersion = 1;
      return from + HTTP11_LINE_END_BYTES;
    }
    let position = from;
    for (const expected of VERSION_PREFIX) {
      if (position === to) return PARSE_NEED_MORE;
      const byte = view.getUint8(position++);
      if (byte === expected) continue;
      return this.#reject(
        malformed(byte === SPACE ? "more than one space in front of the version" : "no HTTP version"),
      );
    }
    if (position === to) return PARSE_NEED_MORE;
    const major = view.getUint8(position++);
    if (!isDigit(major)) return this.#reject(malformed("no HTTP version"));
    if (position === to) return PARSE_NEED_MORE;
    if (view.getUint8(position++) !== DOT) return this.#reject(malformed("no HTTP version"));
    if (position === to) return PARSE_NEED_MORE;
    const minor = view.getUint8(position++);
    if (!isDigit(minor)) return this.#reject(malformed("no HTTP version"));
    if (major !== ZERO + 1) return this.#reject(versionNotSupported);
    if (minor > ZERO + 1) return this.#reject(malformed("a minor version above 1"));
    if (this.#isHttp2Preface())
      return this.#reject(malformed("the form of the request target does not fit the method"));
    this.minorVersion = minor === ZERO ? 0 : 1;
    if (position === to) return PARSE_NEED_MORE;
    if (view.getUint8(position++) !== CR)
      return this.#reject(malformed("the request line does not end behind its version"));
    if (position === to) return PARSE_NEED_MORE;
    if (view.getUint8(position++) !== LF) return this.#reject(malformed("CR without LF"));
    return position;
  }
}

const badTargetByte = (byte: number): string => {
  if (byte === HASH) return "a fragment in the request target";
  return byte === CR || byte === LF ? "no version behind the request target" : "an illegal byte in the request target";
};
