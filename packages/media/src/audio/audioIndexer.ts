import type { MediaIndexMemory } from "../contract.ts";
import { isTagHeader } from "../recognise.ts";
import { FRAME_HEADER_BYTES, frameBytesOf, haveOneForm, reachBackOf, sideInfoAt } from "./frameHeader.ts";
import { FrameTable } from "./frameTable.ts";
import { readSummaryFrame, SUMMARY_BYTES, type SummaryFrame } from "./summaryFrame.ts";

/** With so many bytes everything about one position can be decided: the longest frame, and what follows it. */
const LOOKAHEAD_BYTES = 3_072;

/** Of a frame whose place is known: header, checksum, beginning of the side information. */
const FRAME_START_BYTES = 8;

/** Without a frame or a tag for so long, what follows counts as no sound any more (MEDIA-53). */
const MAX_GARBAGE_BYTES = 1024 * 1024;

/** Tags are believed up to this length where that of the file is unknown. */
const MAX_TAG_BYTES = 256 * 1024 * 1024;

const ID3_HEADER_BYTES = 10;
/** ID3v1. */
const OLD_TAG_BYTES = 128;
const APE_HEADER_BYTES = 32;

const NOTHING = new Uint8Array(0);

/**
 * Reads a file of MPEG audio in one pass, in pieces of any size and in the order of the file. Keeps 3 KB of it and 2 bytes
 * for each frame. Never throws: what cannot be read ends the analysis.
 */
export class AudioIndexer {
  readonly #fileBytes: number;
  readonly #table = new FrameTable();
  /** What is not decided yet, from `#at` on. */
  #carry: Uint8Array = NOTHING;
  #received = 0;
  /** The position that is looked at. */
  #at = 0;
  /** Header of the last frame; 0: none yet. */
  #header = 0;
  /** A frame is expected at `#at`. */
  #isInStep = false;
  #garbageBytes = 0;
  #summary: SummaryFrame | undefined;
  #isOver = false;
  #isComplete = true;

  /** `fileBytes`: length of the file; -1 while it is unknown. */
  constructor(fileBytes: number) {
    this.#fileBytes = fileBytes < 0 ? Number.POSITIVE_INFINITY : fileBytes;
  }

  /** Bytes of the file from `position` on, which must not be behind those that have come: else the analysis ends there. */
  push(position: number, bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (position > this.#received) {
      this.#stop();
      return;
    }
    const start = this.#received;
    const fresh = bytes.subarray(start - position, Math.max(0, this.#fileBytes - position));
    if (fresh.length === 0) return;
    this.#received += fresh.length;
    if (this.#carry.length > 0) {
      const carryStart = start - this.#carry.length;
      const joined = new Uint8Array(this.#carry.length + Math.min(fresh.length, LOOKAHEAD_BYTES));
      joined.set(this.#carry);
      joined.set(fresh.subarray(0, LOOKAHEAD_BYTES), this.#carry.length);
      this.#read(carryStart, joined, false);
      if (fresh.length <= LOOKAHEAD_BYTES) {
        this.#keep(carryStart, joined);
        return;
      }
    }
    this.#read(start, fresh, false);
    this.#keep(start, fresh);
  }

  finish(): { kind: "indexed"; memory: MediaIndexMemory } | { kind: "unreadable"; detail: string } {
    this.#read(this.#received - this.#carry.length, this.#carry, true);
    this.#carry = NOTHING;
    this.#isOver = true;
    this.#table.dropCutFrame(this.#received);
    if (this.#table.frameCount === 0) return { kind: "unreadable", detail: "no frames of MPEG audio" };
    const isWhole = this.#fileBytes === Number.POSITIVE_INFINITY || this.#received >= this.#fileBytes;
    return {
      kind: "indexed",
      memory: this.#table.encode({
        fileBytes: this.#fileBytes === Number.POSITIVE_INFINITY ? this.#received : this.#fileBytes,
        isComplete: this.#isComplete && isWhole,
        delaySamples: this.#summary?.delaySamples,
        paddingSamples: this.#summary?.paddingSamples,
      }),
    };
  }

  /** Copied, since the piece belongs to whoever pushed it. */
  #keep(start: number, data: Uint8Array): void {
    const from = this.#at - start;
    this.#carry = this.#isOver || from >= data.length ? NOTHING : data.slice(from);
  }

  #stop(): void {
    this.#isOver = true;
    this.#isComplete = false;
  }

  /** As far as `data`, which begins at `start` in the file, allows; to its end with `isLast`. */
  #read(start: number, data: Uint8Array, isLast: boolean): void {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const window: Window = { data, view, start, end: isLast ? this.#received : this.#fileBytes };
    while (!this.#isOver) {
      const left = start + data.length - this.#at;
      if (left <= 0) return;
      if (this.#isInStep) {
        if (left < FRAME_START_BYTES && !isLast) return;
        this.#isInStep = left >= FRAME_START_BYTES && this.#follow(window);
      } else {
        if (left < LOOKAHEAD_BYTES && !isLast) return;
        this.#search(window);
      }
    }
  }

  /** Takes the frame that is expected there; false when there is none. */
  #follow({ view, start }: Window): boolean {
    const offset = this.#at - start;
    const header = view.getUint32(offset);
    const byteCount = frameBytesOf(header);
    if (byteCount === 0 || !haveOneForm(header, this.#header) || this.#at + byteCount > this.#fileBytes) return false;
    this.#take(header, byteCount, view.getUint16(offset + sideInfoAt(header)));
    return true;
  }

  #take(header: number, byteCount: number, sideInfo: number): void {
    if (!this.#table.append(this.#at, header, reachBackOf(header, sideInfo))) {
      this.#stop();
      return;
    }
    this.#header = header;
    this.#garbageBytes = 0;
    this.#at += byteCount;
  }

  /** One position where a tag, a frame or anything may be. */
  #search(window: Window): void {
    const { data, view, start } = window;
    const offset = this.#at - start;
    if (!mayBegin(data[offset])) {
      this.#pass();
      return;
    }
    const tagBytes = tagBytesAt(window, offset);
    if (tagBytes > 0) {
      this.#at += tagBytes;
      this.#garbageBytes = 0;
      return;
    }
    const header = offset + FRAME_START_BYTES <= view.byteLength ? view.getUint32(offset) : 0;
    const byteCount = frameBytesOf(header);
    if (byteCount > 0 && this.#isConfirmed(window, offset, byteCount)) {
      this.#isInStep = true;
      if (this.#isSummary(view, offset, byteCount)) {
        this.#header = header;
        this.#at += byteCount;
      } else this.#take(header, byteCount, view.getUint16(offset + sideInfoAt(header)));
      return;
    }
    this.#pass();
  }

  #pass(): void {
    this.#at++;
    if (++this.#garbageBytes > MAX_GARBAGE_BYTES) this.#stop();
  }

  /** Another frame of that form follows, or a tag, or the end of the file. */
  #isConfirmed(window: Window, offset: number, byteCount: number): boolean {
    const { view, start, end } = window;
    const header = view.getUint32(offset);
    const next = offset + byteCount;
    if (start + next === end) return this.#header === 0 || haveOneForm(header, this.#header);
    if (next + FRAME_HEADER_BYTES > view.byteLength) return false;
    const following = view.getUint32(next);
    return (frameBytesOf(following) > 0 && haveOneForm(header, following)) || tagBytesAt(window, next) > 0;
  }

  #isSummary(view: DataView, offset: number, byteCount: number): boolean {
    if (this.#header !== 0) return false;
    const length = Math.min(byteCount, SUMMARY_BYTES, view.byteLength - offset);
    const frame = new DataView(view.buffer, view.byteOffset + offset, length);
    this.#summary = readSummaryFrame(view.getUint32(offset), frame);
    return this.#summary !== undefined;
  }
}

/** Bytes of the file from `start` on; `end`: of the file. */
interface Window {
  readonly data: Uint8Array;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

/** A frame, or one of the tags: `I`, `T`, `A`. */
const mayBegin = (byte: number | undefined): boolean =>
  byte === 0xff || byte === 0x49 || byte === 0x54 || byte === 0x41;

/** Length of the tag that begins there; 0 for none. ID3v2 anywhere, ID3v1 at the end, APE with its header or its footer. */
const tagBytesAt = ({ data, view, start, end }: Window, offset: number): number => {
  const believed = (byteCount: number, leastBytes: number): number =>
    byteCount <= Math.min(end - start - offset, MAX_TAG_BYTES) ? byteCount : leastBytes;
  switch (data[offset]) {
    case 0x49:
      return isTagHeader(data, offset) ? believed(id3BytesOf(view, offset), ID3_HEADER_BYTES) : 0;
    case 0x54:
      return start + offset + OLD_TAG_BYTES === end && view.getUint32(offset) >>> 8 === 0x544147 ? OLD_TAG_BYTES : 0;
    case 0x41: {
      if (offset + APE_HEADER_BYTES > data.length) return 0;
      if (view.getUint32(offset) !== 0x41504554 || view.getUint32(offset + 4) !== 0x41474558) return 0;
      const isHeader = (view.getUint32(offset + 20, true) & 0x20000000) !== 0;
      return believed(APE_HEADER_BYTES + (isHeader ? view.getUint32(offset + 12, true) : 0), APE_HEADER_BYTES);
    }
    default:
      return 0;
  }
};

/** Seven bits of each byte count; old writers used all eight, which is seen only if one of them is set. */
const id3BytesOf = (view: DataView, offset: number): number => {
  const size = view.getUint32(offset + 6);
  const isPlain = (size & 0x80808080) !== 0;
  const seven = ((size >>> 24) << 21) | (((size >>> 16) & 127) << 14) | (((size >>> 8) & 127) << 7) | (size & 127);
  const hasFooter = (view.getUint8(offset + 5) & 16) !== 0;
  return ID3_HEADER_BYTES + (isPlain ? size : seven) + (hasFooter ? ID3_HEADER_BYTES : 0);
};
