import { CHUNK_DONE, CHUNK_REJECTED, type ChunkedDecoder, createChunkedDecoder } from "@basalt/http";
import { EdgeError } from "@basalt/types";
import type { AnswerFraming } from "./answerHead.ts";

/** What has to be known of a head to find where the answer ends. */
export interface FramedHead {
  readonly status: number;
  readonly framing: AnswerFraming;
}

/** Takes the head off the front of `data`; undefined where its end is not there. */
export interface HeadReader<Head extends FramedHead> {
  of(data: Buffer): { readonly head: Head; readonly headBytes: number } | undefined;
}

/** Who gets the parts of an answer. */
export interface AnswerSink<Head extends FramedHead> {
  /** An interim response (RFC 9110 15.2). */
  interim(head: Head): void;
  /** `isWhole`: no body follows. */
  head(head: Head, isWhole: boolean): void;
  /** A view of what was written. */
  body(data: Buffer): void;
  /** The answer is whole; follows the last of its body. */
  ended(): void;
}

const NOTHING = Buffer.alloc(0);

/** Of what the engine has made itself: no trailers but their end. */
const CHUNK_LIMITS = { targetBytes: 0, headBytes: 0, fieldCount: 0, trailerBytes: 2 };

/** Takes the HTTP/1.1 bytes that the engine writes for one request apart, in whatever pieces they come. */
export class AnswerReader<Head extends FramedHead> {
  readonly #sink: AnswerSink<Head>;
  readonly #heads: HeadReader<Head>;
  #state: "head" | "length" | "chunked" | "close" | "over" = "over";
  #isHead = false;
  #partial: Buffer = NOTHING;
  #left = 0;
  #decoder: ChunkedDecoder | undefined;

  constructor(sink: AnswerSink<Head>, heads: HeadReader<Head>) {
    this.#sink = sink;
    this.#heads = heads;
  }

  /** The next bytes answer another request; `isHead`: with a head alone. */
  begin(isHead: boolean): void {
    this.#state = "head";
    this.#isHead = isHead;
    this.#partial = NOTHING;
  }

  /** The answer is whole. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** No more comes: true when that is where the answer ends. */
  end(): boolean {
    if (this.#state === "close") this.#end();
    return this.#state === "over";
  }

  accept(data: Buffer): void {
    let rest = data;
    while (rest.length > 0) {
      switch (this.#state) {
        case "head":
          rest = this.#acceptHead(rest);
          break;
        case "length":
          this.#acceptPart(rest);
          return;
        case "chunked":
          this.#decode(rest);
          return;
        case "close":
          this.#sink.body(rest);
          return;
        case "over":
          return;
      }
    }
  }

  /** What follows the head. */
  #acceptHead(data: Buffer): Buffer {
    const whole = this.#partial.length === 0 ? data : Buffer.concat([this.#partial, data]);
    const found = this.#heads.of(whole);
    if (found === undefined) {
      this.#partial = Buffer.from(whole);
      return NOTHING;
    }
    this.#partial = NOTHING;
    const { head, headBytes } = found;
    const rest = whole.length === headBytes ? NOTHING : whole.subarray(headBytes);
    if (head.status < 200) {
      this.#sink.interim(head);
      return rest;
    }
    const { framing } = head;
    if (this.#isHead || framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0)) {
      this.#state = "over";
      this.#sink.head(head, true);
      this.#sink.ended();
      return NOTHING;
    }
    this.#state = framing.kind;
    if (framing.kind === "length") this.#left = framing.bytes;
    if (framing.kind === "chunked") {
      this.#decoder ??= createChunkedDecoder(CHUNK_LIMITS);
      this.#decoder.reset();
    }
    this.#sink.head(head, false);
    return rest;
  }

  #acceptPart(data: Buffer): void {
    const part = data.length > this.#left ? data.subarray(0, this.#left) : data;
    this.#left -= part.length;
    // Said before the bytes are: then the last frame of them can say so too.
    if (this.#left === 0) this.#state = "over";
    this.#sink.body(part);
    if (this.#left === 0) this.#sink.ended();
  }

  #decode(data: Buffer): void {
    const decoder = this.#decoder;
    if (decoder === undefined) return;
    const outcome = decoder.decode(data, 0, data.length, (source, from, to) =>
      this.#sink.body(source.subarray(from, to)),
    );
    if (outcome === CHUNK_DONE) this.#end();
    if (outcome === CHUNK_REJECTED) throw new EdgeError("INTERNAL", { detail: "chunks that are none" });
  }

  #end(): void {
    this.#state = "over";
    this.#sink.ended();
  }
}
