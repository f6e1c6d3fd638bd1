import { CR, equalBytes, LF, MemoryViews } from "./bytes.ts";
import {
  FIELD,
  type FieldBlock,
  type HeadLimits,
  METHOD,
  type Method,
  PARSE_NEED_MORE,
  PARSE_REJECTED,
  type Rejection,
  type RequestHeadParser,
} from "./contract.ts";
import { EMPTY_FIELD_BLOCK, ReadFieldBlock } from "./fieldBlock.ts";
import { FieldLinesReader } from "./fieldLines.ts";
import { HeadScan } from "./headScan.ts";
import { headTooLarge, malformed } from "./rejection.ts";
import { NO_TOKEN_FIRST, RequestLineReader } from "./requestLine.ts";

const MOST_EMPTY_LINES = 2;

/** Room kept in front of a copied block for request lines; a head with a longer line is not compared as a whole. */
const LINE_ROOM = 256;

/** Connections of a worker may all read into one buffer; what they remember comes from pooled memory. */
const readBufferViews = new MemoryViews();
const ownMemoryViews = new MemoryViews();

/** Shared by all parsers: a parse is synchronous and leaves nothing in it that is needed later. */
const fieldLines = new FieldLinesReader();

/**
 * Remembers the previous head in one piece of memory, the request line right in front of its block:
 *
 *     #memory: [ room …  | request line | field block ]
 *                        #headFrom      LINE_ROOM
 *
 * so that the whole head is one comparison, and a new request line replaces the old one without moving the block.
 */
class ConnectionHeadParser implements RequestHeadParser {
  method: Method = METHOD.OTHER;
  methodName = "";
  target = "";
  minorVersion: 0 | 1 = 1;
  fields: FieldBlock = EMPTY_FIELD_BLOCK;
  rejection: Rejection | undefined = undefined;

  #memory: Buffer = Buffer.alloc(0);
  #memoryView: DataView = new DataView(new ArrayBuffer(0));
  /** 0 before the first head. */
  #blockLength = 0;
  /** The block whose bytes are remembered; `fields` is this one after each accepted head. */
  #block: FieldBlock = EMPTY_FIELD_BLOCK;
  #headFrom = 0;
  /** 0: there is no whole head to compare with. */
  #headLength = 0;
  /** Bytes of an incomplete head that `#scan` has followed; 0: none. */
  #followed = 0;
  readonly #scan: HeadScan;
  readonly #requestLine: RequestLineReader;
  readonly #limits: HeadLimits;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#scan = new HeadScan(limits.targetBytes);
    this.#requestLine = new RequestLineReader(limits.targetBytes);
  }

  parse(buffer: Buffer, start: number, end: number): number {
    const view = readBufferViews.of(buffer);
    const available = end - start;
    const headLength = this.#headLength;
    if (headLength > 0 && available > 0 && this.#followed === 0) {
      const compared = Math.min(available, headLength);
      if (equalBytes(buffer, view, start, this.#memory, this.#memoryView, this.#headFrom, compared)) {
        return available < headLength ? PARSE_NEED_MORE : start + headLength;
      }
    }
    const from = start + buffer.byteOffset;
    if (this.#isFollowedFurther(view, from, available)) return PARSE_NEED_MORE;
    const behind = this.#parseHead(buffer, view, from, from + available);
    if (behind === PARSE_NEED_MORE) {
      this.#follow(view, from, available);
      return PARSE_NEED_MORE;
    }
    this.#followed = 0;
    return behind < 0 ? behind : behind - buffer.byteOffset;
  }

  /** Whether the bytes that came since the last call change nothing for an incomplete head. */
  #isFollowedFurther(view: DataView, from: number, available: number): boolean {
    const followed = this.#followed;
    if (followed === 0 || available < followed) return false;
    this.#followed = available;
    return !this.#scan.advance(view, from + followed, from + available) && available < this.#limits.headBytes;
  }

  #follow(view: DataView, from: number, available: number): void {
    if (this.#followed > 0 && this.#followed <= available) return;
    this.#scan.reset();
    this.#scan.advance(view, from, from + available);
    this.#followed = available;
  }

  #reject(rejection: Rejection | undefined): number {
    this.method = METHOD.OTHER;
    this.methodName = "";
    this.target = "";
    this.fields = EMPTY_FIELD_BLOCK;
    this.rejection = rejection;
    this.#headLength = 0;
    return PARSE_REJECTED;
  }

  #parseHead(buffer: Buffer, view: DataView, from: number, to: number): number {
    const lineFrom = this.#skipEmptyLines(view, from, to);
    if (lineFrom < 0) return lineFrom;
    const longestEnd = lineFrom + this.#limits.headBytes;
    const behind = this.#parseLineAndBlock(buffer, view, lineFrom, Math.min(to, longestEnd));
    if (behind === PARSE_NEED_MORE && to >= longestEnd) return this.#reject(headTooLarge("the head exceeds its limit"));
    return behind;
  }

  #skipEmptyLines(view: DataView, from: number, to: number): number {
    let position = from;
    for (let skipped = 0; position < to && view.getUint8(position) === CR; skipped++) {
      if (skipped === MOST_EMPTY_LINES) return this.#reject(malformed("empty lines instead of a request"));
      if (position + 1 === to) return PARSE_NEED_MORE;
      if (view.getUint8(position + 1) !== LF) return this.#reject(malformed(NO_TOKEN_FIRST));
      position += 2;
    }
    return position === to ? PARSE_NEED_MORE : position;
  }

  #parseLineAndBlock(buffer: Buffer, view: DataView, lineFrom: number, to: number): number {
    const line = this.#requestLine;
    const blockFrom = line.read(buffer, view, lineFrom, to);
    if (blockFrom < 0) return blockFrom === PARSE_REJECTED ? this.#reject(line.rejection) : blockFrom;

    let behind = this.#compareBlock(buffer, view, blockFrom, to);
    if (behind === PARSE_NEED_MORE) return PARSE_NEED_MORE;
    if (behind === DIFFERENT_BLOCK) {
      behind = fieldLines.read(buffer, view, blockFrom, to, this.#limits.fieldCount);
      if (behind < 0) return behind === PARSE_REJECTED ? this.#reject(fieldLines.rejection) : behind;
      this.#rememberBlock(buffer, blockFrom - buffer.byteOffset, behind - blockFrom);
    }
    const refused = unfitForLine(this.#block, line);
    if (refused !== undefined) return this.#reject(refused);
    this.#rememberLine(buffer, lineFrom - buffer.byteOffset, blockFrom - lineFrom);
    this.#accept(line);
    return behind;
  }

  #accept(line: RequestLineReader): void {
    this.method = line.method;
    this.methodName = line.methodName;
    this.target = line.target;
    this.minorVersion = line.minorVersion;
    this.fields = this.#block;
    this.rejection = undefined;
  }

  #compareBlock(buffer: Buffer, view: DataView, from: number, to: number): number {
    const length = this.#blockLength;
    const available = to - from;
    if (length === 0 || available === 0) return DIFFERENT_BLOCK;
    const compared = Math.min(available, length);
    const blockFrom = from - buffer.byteOffset;
    if (!equalBytes(buffer, view, blockFrom, this.#memory, this.#memoryView, LINE_ROOM, compared))
      return DIFFERENT_BLOCK;
    return available < length ? PARSE_NEED_MORE : from + length;
  }

  #rememberBlock(buffer: Buffer, from: number, length: number): void {
    const memory = Buffer.allocUnsafe(LINE_ROOM + length);
    buffer.copy(memory, LINE_ROOM, from, from + length);
    this.#memory = memory;
    this.#memoryView = ownMemoryViews.of(memory);
    this.#blockLength = length;
    this.#block = new ReadFieldBlock(memory, LINE_ROOM, fieldLines.takeOffsets(), fieldLines.facts);
  }

  #rememberLine(buffer: Buffer, from: number, length: number): void {
    if (length > LINE_ROOM) {
      this.#headLength = 0;
      return;
    }
    buffer.copy(this.#memory, LINE_ROOM - length, from, from + length);
    this.#headFrom = LINE_ROOM - length;
    this.#headLength = length + this.#blockLength;
  }
}

const DIFFERENT_BLOCK = -3;

/** What a block must or must not say depends on the request line; a block is remembered without its line. */
const unfitForLine = (block: FieldBlock, line: RequestLineReader): Rejection | undefined => {
  const hasTransferCoding = (block.flags & FIELD.CHUNKED) !== 0;
  if (line.minorVersion === 1) {
    if (block.host === undefined) return malformed("no Host in an HTTP/1.1 request");
  } else if (hasTransferCoding) {
    return malformed("Transfer-Encoding in an HTTP/1.0 request");
  }
  if (line.method === METHOD.CONNECT && (hasTransferCoding || block.contentLength > 0)) {
    return malformed("a body in a CONNECT request");
  }
  return undefined;
};

/** One per connection; see the contract for what it accepts and when its results are valid. */
export const createRequestHeadParser = (limits: HeadLimits): RequestHeadParser => new ConnectionHeadParser(limits);
