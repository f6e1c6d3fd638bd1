import { type MediaFacts, type MediaScanner, scanMedia } from "@basalt/media";
import { paceOf, type Throttle } from "@basalt/policy";
import type { ResponsePace } from "./pacedSocket.ts";
import { TokenBucket } from "./tokenBucket.ts";

/** What is sent, as it is known when the first bytes are written. */
export interface SentResponse {
  readonly headBytes: number;
  /** The body comes in chunks, with lines between them that are no part of it. */
  readonly isChunked: boolean;
  /** Where in the file the body begins; -1 for what is no run of a file. */
  readonly bodyStart: number;
  /** -1: unknown. */
  readonly fileBytes: number;
  /** Of the media file, where they are known already. */
  readonly facts: MediaFacts | undefined;
  /** Whether the file may be a media file by its name. */
  readonly isMedia: boolean;
}

export interface ThrottledResponseParts {
  readonly throttle: Throttle;
  readonly nowMs: () => number;
  /** Undefined until the response has begun: what is written then are interim ones. */
  readonly response: () => SentResponse | undefined;
  /** Everything that the file says has been seen. */
  readonly onFacts: (facts: MediaFacts) => void;
}

/**
 * One throttled response (spec 16.2): head and media header leave without limit, then so many seconds of data, then the
 * rest at its rate. A media file is looked at while it passes: from its first byte on, so that it tells the length of its
 * header before the first byte has left.
 */
export class ThrottledResponse implements ResponsePace {
  readonly bucket: TokenBucket;
  readonly #parts: ThrottledResponseParts;
  #response: SentResponse | undefined;
  #scanner: MediaScanner | undefined;
  #facts: MediaFacts | undefined;
  /** In the file. */
  #position = 0;
  #headLeft = 0;
  /** How much of what is written may leave without limit, and how much has left. */
  #freeUntil = Number.POSITIVE_INFINITY;
  #sentBytes = 0;
  /** Written in front of the body, or between its chunks. */
  #framingBytes = 0;

  constructor(parts: ThrottledResponseParts) {
    this.#parts = parts;
    const { bytesPerSecond } = paceOf(parts.throttle, undefined);
    this.bucket = new TokenBucket(bytesPerSecond, parts.nowMs(), true);
  }

  get freeBytes(): number {
    return Math.max(0, this.#freeUntil - this.#sentBytes);
  }

  noteWritten(data: Buffer, isBody: boolean): void {
    this.#response ??= this.#begin();
    const response = this.#response;
    if (response === undefined) {
      this.#framingBytes += data.length;
      return;
    }
    const headBytes = Math.min(this.#headLeft, data.length);
    this.#headLeft -= headBytes;
    if (response.isChunked && !isBody) {
      this.#framingBytes += data.length;
      this.#decide();
      return;
    }
    this.#framingBytes += headBytes;
    if (headBytes < data.length) this.#look(data.subarray(headBytes));
    this.#decide();
  }

  noteSent(byteCount: number): void {
    const limitedBytes = Math.max(0, byteCount - this.freeBytes);
    this.#sentBytes += byteCount;
    if (limitedBytes > 0) this.bucket.take(limitedBytes);
  }

  #begin(): SentResponse | undefined {
    const response = this.#parts.response();
    if (response === undefined) return undefined;
    const { bodyStart, fileBytes, facts, isMedia } = response;
    this.#headLeft = response.headBytes;
    this.#facts = facts;
    this.#position = Math.max(0, bodyStart);
    if (isMedia && bodyStart === 0 && facts === undefined) this.#scanner = scanMedia(fileBytes);
    return response;
  }

  #look(body: Buffer): void {
    const scanner = this.#scanner;
    if (scanner !== undefined) {
      scanner.push(this.#position, body);
      this.#facts = scanner.facts;
      if (scanner.wants < 0) {
        this.#scanner = undefined;
        this.#parts.onFacts(scanner.facts);
      }
    }
    this.#position += body.length;
  }

  #decide(): void {
    const { throttle, nowMs } = this.#parts;
    const bodyStart = this.#response?.bodyStart ?? -1;
    if (this.#scanner !== undefined && this.#facts?.headerBytes === undefined) return;
    const { bytesPerSecond, boostBytes } = paceOf(throttle, this.#facts?.bytesPerSecond);
    this.bucket.setRate(bytesPerSecond, nowMs());
    const headerBytes = bodyStart < 0 ? 0 : Math.max(0, (this.#facts?.headerBytes ?? 0) - bodyStart);
    this.#freeUntil = this.#framingBytes + headerBytes + boostBytes;
  }
}
