import type { ClientSocket } from "../driver/contract.ts";
import { CODE, type Code, FLAG, FRAME, FRAME_HEAD_BYTES, INITIAL_WINDOW_BYTES, MOST_PAYLOAD_BYTES } from "./frames.ts";

/** The byte stream below a connection. */
export interface Http2Transport extends ClientSocket {
  /** True: what is written now is taken during the call, its buffer is free at once. False: onDrain follows. */
  mayWrite(): boolean;
}

/** Written in one go; the transport takes so much during a call. */
const OUTPUT_BYTES = 128 * 1024;

/** Answers leave so much to frames that cannot wait for the client to take something. */
const CONTROL_BYTES = 8 * 1024;

/** Output buffers that are kept for others; there is one in use for each connection with something to say. */
const KEPT_BUFFERS = 32;

const freeBuffers: Buffer[] = [];

/** An update of the table of the client's decoder to no bytes at all: nothing is ever put into it. */
const NO_TABLE = Buffer.from([0x20]);

const NO_BLOCK = Buffer.alloc(0);

/** The sending half of a connection: frames gather in one buffer until they are written. */
export class FrameSender {
  readonly #transport: Http2Transport;
  #buffer: Buffer | undefined;
  #bytes = 0;
  /** The client's decoder must hear that its table is not used, before the next field section (RFC 7541 4.2). */
  #owesTableSize = false;
  /** What the client takes of all streams together. */
  window = INITIAL_WINDOW_BYTES;
  /** All that has been written. */
  sentBytes = 0;

  constructor(transport: Http2Transport) {
    this.#transport = transport;
  }

  /** Frames wait to be written. */
  get hasOutput(): boolean {
    return this.#bytes > 0;
  }

  /** Of frames that wait to be written. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** What answers may still put in. */
  get roomBytes(): number {
    return OUTPUT_BYTES - CONTROL_BYTES - this.#bytes;
  }

  /** Little is left for anything: frames that have to be answered should wait. */
  get isFull(): boolean {
    return this.#bytes > OUTPUT_BYTES - CONTROL_BYTES / 2;
  }

  /** Hands everything to the transport, if that takes something now. */
  write(): void {
    const buffer = this.#buffer;
    if (buffer === undefined || this.#bytes === 0 || !this.#transport.mayWrite()) return;
    const bytes = this.#bytes;
    this.#bytes = 0;
    this.#buffer = undefined;
    this.sentBytes += bytes;
    this.#transport.write(buffer.subarray(0, bytes));
    if (buffer.length === OUTPUT_BYTES && freeBuffers.length < KEPT_BUFFERS) freeBuffers.push(buffer);
  }

  /** Nothing of it is written any more. */
  drop(): void {
    this.#bytes = 0;
    this.#buffer = undefined;
  }

  tableLowered(): void {
    this.#owesTableSize = true;
  }

  /** False: there is no room for them now. */
  headers(stream: number, block: Buffer, endsStream: boolean): boolean {
    const frames = Math.floor(block.length / MOST_PAYLOAD_BYTES) + 1;
    const needed = block.length + frames * FRAME_HEAD_BYTES + NO_TABLE.length;
    if (needed > this.roomBytes && this.#bytes > 0) return false;
    const prefix = this.#owesTableSize ? NO_TABLE : NO_BLOCK;
    this.#owesTableSize = false;
    const out = this.#reserve(needed);
    let position = Math.min(block.length, MOST_PAYLOAD_BYTES - prefix.length);
    let isLast = position === block.length;
    const flags = (endsStream ? FLAG.END_STREAM : 0) | (isLast ? FLAG.END_HEADERS : 0);
    this.#head(out, prefix.length + position, FRAME.HEADERS, flags, stream);
    if (prefix.length > 0) this.#put(out, prefix, 0, prefix.length);
    this.#put(out, block, 0, position);
    while (!isLast) {
      const length = Math.min(block.length - position, MOST_PAYLOAD_BYTES);
      isLast = position + length === block.length;
      this.#head(out, length, FRAME.CONTINUATION, isLast ? FLAG.END_HEADERS : 0, stream);
      this.#put(out, block, position, position + length);
      position += length;
    }
    return true;
  }

  /** The caller has seen to windows and room. */
  data(stream: number, source: Buffer, from: number, to: number, endsStream: boolean): void {
    const length = to - from;
    const out = this.#reserve(length + FRAME_HEAD_BYTES);
    this.#head(out, length, FRAME.DATA, endsStream ? FLAG.END_STREAM : 0, stream);
    this.#put(out, source, from, to);
    this.window -= length;
  }

  resetStream(stream: number, code: Code): void {
    const out = this.#reserve(FRAME_HEAD_BYTES + 4);
    this.#head(out, 4, FRAME.RST_STREAM, 0, stream);
    this.#number(out, code);
  }

  windowUpdate(stream: number, bytes: number): void {
    const out = this.#reserve(FRAME_HEAD_BYTES + 4);
    this.#head(out, 4, FRAME.WINDOW_UPDATE, 0, stream);
    this.#number(out, bytes);
  }

  /** `payload`: eight bytes. */
  ping(flags: number, payload: Buffer, from: number): void {
    const out = this.#reserve(FRAME_HEAD_BYTES + 8);
    this.#head(out, 8, FRAME.PING, flags, 0);
    this.#put(out, payload, from, from + 8);
  }

  goAway(lastStream: number, code: Code = CODE.NO_ERROR): void {
    const out = this.#reserve(FRAME_HEAD_BYTES + 8);
    this.#head(out, 8, FRAME.GOAWAY, 0, 0);
    this.#number(out, lastStream);
    this.#number(out, code);
  }

  /** Each entry: identifier and value. */
  settings(entries: readonly (readonly [number, number])[]): void {
    const out = this.#reserve(FRAME_HEAD_BYTES + entries.length * 6);
    this.#head(out, entries.length * 6, FRAME.SETTINGS, 0, 0);
    for (const [identifier, value] of entries) {
      out[this.#bytes++] = identifier >>> 8;
      out[this.#bytes++] = identifier;
      this.#number(out, value);
    }
  }

  settingsTaken(): void {
    const out = this.#reserve(FRAME_HEAD_BYTES);
    this.#head(out, 0, FRAME.SETTINGS, FLAG.ACK, 0);
  }

  /** The buffer, with room for so many bytes more. */
  #reserve(byteCount: number): Buffer {
    const needed = this.#bytes + byteCount;
    const buffer = this.#buffer;
    if (buffer !== undefined && needed <= buffer.length) return buffer;
    if (buffer === undefined && needed <= OUTPUT_BYTES) {
      this.#buffer = freeBuffers.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BYTES);
      return this.#buffer;
    }
    const larger = Buffer.allocUnsafeSlow(needed + OUTPUT_BYTES);
    buffer?.copy(larger, 0, 0, this.#bytes);
    this.#buffer = larger;
    return larger;
  }

  #head(out: Buffer, length: number, type: number, flags: number, stream: number): void {
    const at = this.#bytes;
    out[at] = length >>> 16;
    out[at + 1] = length >>> 8;
    out[at + 2] = length;
    out[at + 3] = type;
    out[at + 4] = flags;
    this.#bytes = at + 5;
    this.#number(out, stream);
  }

  #number(out: Buffer, value: number): void {
    const at = this.#bytes;
    out[at] = value >>> 24;
    out[at + 1] = value >>> 16;
    out[at + 2] = value >>> 8;
    out[at + 3] = value;
    this.#bytes = at + 4;
  }

  #put(out: Buffer, source: Buffer, from: number, to: number): void {
    source.copy(out, this.#bytes, from, to);
    this.#bytes += to - from;
  }
}
