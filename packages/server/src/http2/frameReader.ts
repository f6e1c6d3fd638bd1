import {
  CODE,
  ConnectionError,
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  MOST_PAYLOAD_BYTES,
  PREFACE,
  readUint31,
} from "./frames.ts";

/** Who gets the frames of a client. What is handed over is valid during the call only. */
export interface FrameSink {
  /** False: no more frames for now. */
  mayRead(): boolean;
  /** One of any type but DATA, its payload in `buffer[from, to)`; up to `end` lies what came behind it. */
  frame(type: number, flags: number, stream: number, buffer: Buffer, from: number, to: number, end: number): void;
  /** A DATA frame begins; `payloadBytes` with its padding, which counts in windows too, `dataBytes` without. */
  dataFrame(stream: number, payloadBytes: number, dataBytes: number): void;
  /** A piece of its data; `isLast`: of the stream. */
  data(stream: number, buffer: Buffer, from: number, to: number, isLast: boolean): void;
}

/** Types whose payload is looked at; that of others is passed over. */
const LAST_KNOWN_TYPE = FRAME.CONTINUATION;

/**
 * Finds the frames in a client's bytes, in whatever pieces they come. Frames that lie whole in what was received are
 * handed on where they lie; the data of a DATA frame is, in any case, as it comes.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  /** Bytes of the preface that have come. */
  #prefaceBytes = 0;
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES + 1);
  #headBytes = 0;
  /** Of a frame that has come in part. */
  #payload: Buffer | undefined;
  #payloadBytes = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** What is still to come of the data of a DATA frame, and of bytes that nobody looks at. */
  #dataLeft = 0;
  #skipLeft = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Returns the position behind what has been read: before `end` where the sink has had enough. Errors: ConnectionError. */
  read(buffer: Buffer, start: number, end: number): number {
    let at = this.#prefaceBytes < PREFACE.length ? this.#readPreface(buffer, start, end) : start;
    while (at < end) {
      if (this.#dataLeft > 0) at = this.#passData(buffer, at, end);
      else if (this.#skipLeft > 0) {
        const passed = Math.min(this.#skipLeft, end - at);
        this.#skipLeft -= passed;
        at += passed;
      } else if (this.#payload !== undefined) at = this.#fillPayload(this.#payload, buffer, at, end);
      else if (!this.#sink.mayRead()) return at;
      else at = this.#begin(buffer, at, end);
    }
    return at;
  }

  #readPreface(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && this.#prefaceBytes < PREFACE.length) {
      if (buffer[at++] !== PREFACE[this.#prefaceBytes++]) {
        throw new ConnectionError(CODE.PROTOCOL_ERROR, "another protocol");
      }
    }
    return at;
  }

  #begin(buffer: Buffer, start: number, end: number): number {
    if (this.#headBytes === 0 && end - start > FRAME_HEAD_BYTES) {
      return this.#beginFrame(buffer, start, start + FRAME_HEAD_BYTES, end);
    }
    const head = this.#head;
    let at = start;
    while (at < end && this.#headBytes < FRAME_HEAD_BYTES) head[this.#headBytes++] = buffer[at++] ?? 0;
    if (this.#headBytes < FRAME_HEAD_BYTES) return at;
    // The length of a padding belongs to what has to be known before data is.
    if (isPaddedData(head, 0)) {
      if (at === end) return at;
      head[this.#headBytes++] = buffer[at++] ?? 0;
    }
    const padding = this.#headBytes > FRAME_HEAD_BYTES ? (head[FRAME_HEAD_BYTES] ?? 0) : -1;
    this.#headBytes = 0;
    return this.#beginFrame(head, 0, at, end, buffer, padding);
  }

  /** The head lies at `from` in `head`, what follows it at `at` in `buffer`; `padding` -1: its length is not read yet. */
  #beginFrame(head: Buffer, from: number, at: number, end: number, buffer = head, padding = -1): number {
    const length = ((head[from] ?? 0) << 16) | ((head[from + 1] ?? 0) << 8) | (head[from + 2] ?? 0);
    if (length > MOST_PAYLOAD_BYTES) throw new ConnectionError(CODE.FRAME_SIZE_ERROR, "a frame beyond the limit");
    const type = head[from + 3] ?? 0;
    this.#type = type;
    this.#flags = head[from + 4] ?? 0;
    this.#stream = readUint31(head, from + 5);
    if (type === FRAME.DATA) return this.#beginData(length, at, end, buffer, padding);
    if (type > LAST_KNOWN_TYPE) {
      this.#sink.frame(type, this.#flags, this.#stream, buffer, at, at, at);
      this.#skipLeft = length;
      return at;
    }
    if (end - at >= length) {
      this.#sink.frame(type, this.#flags, this.#stream, buffer, at, at + length, end);
      return at + length;
    }
    this.#payload = Buffer.allocUnsafe(length);
    this.#payloadBytes = 0;
    return at;
  }

  #fillPayload(payload: Buffer, buffer: Buffer, at: number, end: number): number {
    const taken = Math.min(payload.length - this.#payloadBytes, end - at);
    buffer.copy(payload, this.#payloadBytes, at, at + taken);
    this.#payloadBytes += taken;
    if (this.#payloadBytes === payload.length) {
      this.#payload = undefined;
      this.#sink.frame(this.#type, this.#flags, this.#stream, payload, 0, payload.length, payload.length);
    }
    return at + taken;
  }

  #beginData(length: number, start: number, end: number, buffer: Buffer, knownPadding: number): number {
    let at = start;
    let dataBytes = length;
    if ((this.#flags & FLAG.PADDED) !== 0) {
      const padding = knownPadding >= 0 ? knownPadding : (buffer[at++] ?? 0);
      dataBytes = length - 1 - padding;
      if (dataBytes < 0) throw new ConnectionError(CODE.PROTOCOL_ERROR, "a padding longer than its frame");
      this.#skipLeft = padding;
    }
    this.#sink.dataFrame(this.#stream, length, dataBytes);
    this.#dataLeft = dataBytes;
    if (dataBytes === 0) this.#sink.data(this.#stream, buffer, at, at, this.#endsStream);
    return dataBytes === 0 || at === end ? at : this.#passData(buffer, at, end);
  }

  #passData(buffer: Buffer, at: number, end: number): number {
    const passed = Math.min(this.#dataLeft, end - at);
    this.#dataLeft -= passed;
    this.#sink.data(this.#stream, buffer, at, at + passed, this.#dataLeft === 0 && this.#endsStream);
    return at + passed;
  }

  get #endsStream(): boolean {
    return (this.#flags & FLAG.END_STREAM) !== 0;
  }
}

const isPaddedData = (head: Buffer, from: number): boolean =>
  head[from + 3] === FRAME.DATA && ((head[from + 4] ?? 0) & FLAG.PADDED) !== 0;
