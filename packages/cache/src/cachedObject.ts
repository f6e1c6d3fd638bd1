import { getField } from "@basalt/http";
import { tagsIn } from "@basalt/policy";
import type { CacheKey, ObjectLocation } from "@basalt/store";
import { fieldText, parseFieldText } from "./fieldText.ts";
import { AT, copyBlock, FIXED_BYTES, keyIn, NOT_ASKED, readLocation, writeLocation } from "./objectBlock.ts";
import { nameOf, selectorIn } from "./objectName.ts";
import type { PartedBody } from "./parts/partedBody.ts";
import { type EncodedHead, lastModifiedOf, type StoredHead } from "./storedHead.ts";

/**
 * A response as sent, ready in one piece: head and, where it is kept in memory, body. Belongs to the delivering side:
 * when the second has passed it writes a new Date into the head in place, unless a write still holds the bytes, and
 * makes a new one when the configuration has changed. Positions count from the start of `buffer`.
 */
export interface PreparedResponse {
  /** A view made anew by each look. */
  readonly buffer: Buffer;
  readonly headBytes: number;
  /** Field lines that every response made from the object carries lie in `[fieldsStart, fieldsEnd)`. */
  readonly fieldsStart: number;
  readonly fieldsEnd: number;
  /** The Connection lines begin here; behind them stand Date and the empty line. */
  readonly connectionStart: number;
  readonly generation: number;
  /** Epoch second for which Date and Age are right. */
  second: number;
  /** Writes that have not taken all of it yet. */
  readonly holds: number;
  /** One more such write; call what it returns when the write is over. */
  hold(): () => void;
}

/** What the delivering side makes of an object. */
export interface ResponseHead {
  /** The fields that clients see, flat; those that are stored the same way are kept only here. */
  readonly fields: readonly string[];
  readonly text: string;
  readonly fieldsStart: number;
  readonly fieldsEnd: number;
  readonly connectionStart: number;
  readonly generation: number;
  readonly second: number;
}

export interface ObjectState {
  readonly key: CacheKey;
  readonly location: ObjectLocation | undefined;
  readonly version: number;
  readonly freshUntilMs: number;
  readonly ttlSeconds: number;
  readonly updatedAtMs: number;
  readonly purged: boolean;
  readonly expiredByForce: boolean;
}

/** Cost beside the block: the object itself, its URL, and what memory of its own costs; see docs/decisions/0006. */
const ENTRY_OVERHEAD_BYTES = 900;

/** Cost of a prepared 304 beside its bytes. */
const NOT_MODIFIED_OVERHEAD_BYTES = 500;

/** Of a response that is to be prepared anew. */
const NO_GENERATION = 0xffff_ffff;

/** Colon, space and line end. */
const FIELD_LINE_BYTES = 4;

/** Room for what a response has beside the stored fields: status line, ETag, Via, Age, framing, Connection, Date. */
const HEAD_ROOM_BYTES = 208;

const FLAG = {
  PURGED: 1 << 0,
  EXPIRED_BY_FORCE: 1 << 1,
  IS_PARTIAL: 1 << 2,
  IS_GONE: 1 << 3,
  IS_TRANSIENT: 1 << 4,
  RENEWING: 1 << 5,
  HAS_BODY: 1 << 6,
  HAS_LOCATION: 1 << 7,
  STRETCHED: 1 << 8,
  IS_TAGGED: 1 << 9,
} as const;

/** Bits of the status; FLAG stands above them. */
const STATUS_BITS = 10;
const STATUS_MASK = (1 << STATUS_BITS) - 1;

/** Above the flags: bits of variants, as far as there are any that are compressed copies. */
const USELESS_SHIFT = 20;
const USELESS_MASK = 0b111_1111;

/** Above those: what the Content-Encoding is, once somebody has asked. */
const CODING_SHIFT = 28;
const CODING_MASK = 7;
const CODING = { NOT_ASKED: 0, NONE: 1, GZIP: 2, OTHER: 3, BROTLI: 4, ZSTD: 5 } as const;

const codingOf = (value: string | undefined): number => {
  switch (value) {
    case undefined:
      return CODING.NONE;
    case "gzip":
      return CODING.GZIP;
    case "br":
      return CODING.BROTLI;
    case "zstd":
      return CODING.ZSTD;
    default:
      return CODING.OTHER;
  }
};

type Head = StoredHead | EncodedHead;

const linesOf = (head: Head): Buffer =>
  "encoded" in head ? head.encoded.subarray(head.linesStart) : Buffer.from(fieldText(head.fields), "latin1");

/** One stored response in a worker's hands. The body may be in memory, on disk, or both. */
export class CachedObject implements PreparedResponse {
  readonly url: string;
  /** Variant and selector, as in its head. */
  readonly variant: string;
  /** Which requests it may answer, as in its head; empty: all. */
  readonly selection: string;
  version: number;
  /** Invalidations up to this version have been applied. */
  checkedVersion: number;
  preparedNotModified: PreparedResponse | undefined = undefined;
  /** A long body, kept open while it is in use. */
  openBody: PartedBody | undefined = undefined;
  #block: Buffer;
  #marks: number;
  #holds = 0;

  /** `url` and `isTagged` go with an encoded head, whose own texts stay unread. */
  constructor(
    from: ObjectState & {
      readonly head: Head;
      readonly body: Buffer | undefined;
      readonly url?: string;
      readonly isTagged?: boolean;
    },
  ) {
    const { head, body, location } = from;
    this.url = "url" in head ? head.url : (from.url ?? "");
    this.variant = head.variant;
    this.selection = head.selection;
    this.version = from.version;
    this.checkedVersion = from.version;
    const lines = linesOf(head);
    const linesEnd = FIXED_BYTES + lines.length;
    const bodyStart = linesEnd + HEAD_ROOM_BYTES;
    const block = Buffer.allocUnsafeSlow(bodyStart + (body?.length ?? 0)).fill(0, 0, FIXED_BYTES);
    from.key.copy(block, AT.key);
    block.writeDoubleLE(from.freshUntilMs, AT.freshUntilMs);
    block.writeDoubleLE(from.updatedAtMs, AT.updatedAtMs);
    block.writeDoubleLE(from.ttlSeconds, AT.ttlSeconds);
    block.writeDoubleLE(head.storedAtMs, AT.storedAtMs);
    block.writeDoubleLE(head.validatedAtMs, AT.validatedAtMs);
    block.writeDoubleLE(head.initialAgeSeconds, AT.initialAgeSeconds);
    block.writeDoubleLE(head.bodyBytes, AT.bodyBytes);
    block.writeDoubleLE(head.bodyVersion, AT.bodyVersion);
    block.writeDoubleLE(head.sourceVersion, AT.sourceVersion);
    block.writeDoubleLE(NOT_ASKED, AT.lastModifiedMs);
    block.writeUInt32LE(linesEnd, AT.linesEnd);
    block.writeUInt32LE(bodyStart, AT.bodyStart);
    lines.copy(block, FIXED_BYTES);
    body?.copy(block, bodyStart);
    if (location !== undefined) writeLocation(block, location);
    this.#block = block;
    this.#marks = head.status & STATUS_MASK;
    this.#mark(FLAG.PURGED, from.purged);
    this.#mark(FLAG.EXPIRED_BY_FORCE, from.expiredByForce);
    this.#mark(FLAG.HAS_BODY, body !== undefined);
    this.#mark(FLAG.HAS_LOCATION, location !== undefined);
    this.#mark(FLAG.IS_TAGGED, "fields" in head ? tagsIn(head.fields) !== "" : from.isTagged === true);
  }

  get key(): CacheKey {
    return Buffer.from(this.keyView);
  }

  /** The key for the moment: keeping it would keep all of the object. */
  get keyView(): CacheKey {
    return keyIn(this.#block);
  }

  get status(): number {
    return this.#marks & STATUS_MASK;
  }

  /** Content-Encoding of the response; its fields are read for it once. */
  get contentCoding(): string | undefined {
    const known = (this.#marks >>> CODING_SHIFT) & CODING_MASK;
    if (known === CODING.NONE) return undefined;
    if (known === CODING.GZIP) return "gzip";
    if (known === CODING.BROTLI) return "br";
    if (known === CODING.ZSTD) return "zstd";
    const value = getField(this.fields, "content-encoding");
    this.#marks = (this.#marks & ~(CODING_MASK << CODING_SHIFT)) | (codingOf(value) << CODING_SHIFT);
    return value;
  }

  get bodyBytes(): number {
    return this.#block.readDoubleLE(AT.bodyBytes);
  }

  get storedAtMs(): number {
    return this.#block.readDoubleLE(AT.storedAtMs);
  }

  /** When the origin sent or last confirmed it, epoch ms. */
  get validatedAtMs(): number {
    return this.#block.readDoubleLE(AT.validatedAtMs);
  }

  /** Its age at `validatedAtMs`, seconds. */
  get initialAgeSeconds(): number {
    return this.#block.readDoubleLE(AT.initialAgeSeconds);
  }

  /** The origin has confirmed it; nothing but its age has changed. Responses are prepared anew. */
  confirm(validatedAtMs: number, ageSeconds: number): void {
    this.#block.writeDoubleLE(validatedAtMs, AT.validatedAtMs);
    this.#block.writeDoubleLE(ageSeconds, AT.initialAgeSeconds);
    this.#block.writeUInt32LE(NO_GENERATION, AT.generation);
    this.preparedNotModified = undefined;
  }

  /** Under which it is found in memory. */
  get name(): string {
    return nameOf(this.url, selectorIn(this.variant));
  }

  get bodyVersion(): number {
    return this.#block.readDoubleLE(AT.bodyVersion);
  }

  get sourceVersion(): number {
    return this.#block.readDoubleLE(AT.sourceVersion);
  }

  /** Stored fields, flat; made anew by each look. */
  get fields(): string[] {
    const block = this.#block;
    let text = block.toString("latin1", FIXED_BYTES, block.readUInt32LE(AT.linesEnd));
    if (this.#headStart > 0) {
      text += block.toString("latin1", block.readUInt32LE(AT.fieldsStart), block.readUInt32LE(AT.storedEnd));
    }
    return parseFieldText(text) ?? [];
  }

  /** All of the head; made anew by each look. */
  get head(): StoredHead {
    return {
      url: this.url,
      variant: this.variant,
      selection: this.selection,
      status: this.status,
      fields: this.fields,
      bodyBytes: this.bodyBytes,
      storedAtMs: this.storedAtMs,
      validatedAtMs: this.validatedAtMs,
      initialAgeSeconds: this.initialAgeSeconds,
      bodyVersion: this.bodyVersion,
      sourceVersion: this.sourceVersion,
    };
  }

  /** Last-Modified in epoch ms, parsed once. */
  get lastModifiedMs(): number | undefined {
    let value = this.#block.readDoubleLE(AT.lastModifiedMs);
    if (value === NOT_ASKED) {
      value = lastModifiedOf(this) ?? Number.NaN;
      this.#block.writeDoubleLE(value, AT.lastModifiedMs);
    }
    return Number.isNaN(value) ? undefined : value;
  }

  get freshUntilMs(): number {
    return this.#block.readDoubleLE(AT.freshUntilMs);
  }

  set freshUntilMs(value: number) {
    this.#block.writeDoubleLE(value, AT.freshUntilMs);
  }

  get ttlSeconds(): number {
    return this.#block.readDoubleLE(AT.ttlSeconds);
  }

  set ttlSeconds(value: number) {
    this.#block.writeDoubleLE(value, AT.ttlSeconds);
  }

  get updatedAtMs(): number {
    return this.#block.readDoubleLE(AT.updatedAtMs);
  }

  set updatedAtMs(value: number) {
    this.#block.writeDoubleLE(value, AT.updatedAtMs);
  }

  /** Undefined until the store has taken it. */
  get location(): ObjectLocation | undefined {
    return this.#has(FLAG.HAS_LOCATION) ? readLocation(this.#block) : undefined;
  }

  set location(value: ObjectLocation | undefined) {
    this.#mark(FLAG.HAS_LOCATION, value !== undefined);
    if (value !== undefined) writeLocation(this.#block, value);
  }

  /** True when it has a location. */
  get isStored(): boolean {
    return this.#has(FLAG.HAS_LOCATION);
  }

  get purged(): boolean {
    return this.#has(FLAG.PURGED);
  }

  set purged(value: boolean) {
    this.#mark(FLAG.PURGED, value);
  }

  get expiredByForce(): boolean {
    return this.#has(FLAG.EXPIRED_BY_FORCE);
  }

  set expiredByForce(value: boolean) {
    this.#mark(FLAG.EXPIRED_BY_FORCE, value);
  }

  /** Its TTL was extended although the origin did not confirm it. */
  get stretched(): boolean {
    return this.#has(FLAG.STRETCHED);
  }

  set stretched(value: boolean) {
    this.#mark(FLAG.STRETCHED, value);
  }

  /** It has tags, for purges by tag. */
  /** Kept only while it is in use (ROW_FLAG.TRANSIENT). */
  get isTransient(): boolean {
    return this.#has(FLAG.IS_TRANSIENT);
  }

  set isTransient(value: boolean) {
    this.#mark(FLAG.IS_TRANSIENT, value);
  }

  get isTagged(): boolean {
    return this.#has(FLAG.IS_TAGGED);
  }

  /** Parted by one blank; made anew by each look. */
  get tags(): string {
    return this.isTagged ? tagsIn(this.fields) : "";
  }

  /** Blocks of its body may be absent on disk. */
  get isPartial(): boolean {
    return this.#has(FLAG.IS_PARTIAL);
  }

  set isPartial(value: boolean) {
    this.#mark(FLAG.IS_PARTIAL, value);
  }

  /** Deleted for good (HardPurge): never to be kept again. */
  get isGone(): boolean {
    return this.#has(FLAG.IS_GONE);
  }

  set isGone(value: boolean) {
    this.#mark(FLAG.IS_GONE, value);
  }

  /** Variants, as bits, of which no copy is worth making by the configuration of that generation (CMP-06). */
  uselessCopies(generation: number): number {
    const useless = (this.#marks >>> USELESS_SHIFT) & USELESS_MASK;
    return useless === 0 || this.#block.readUInt32LE(AT.uselessGeneration) !== generation ? 0 : useless;
  }

  noteUselessCopies(generation: number, bits: number): void {
    const useless = (this.uselessCopies(generation) | bits) & USELESS_MASK;
    this.#marks = (this.#marks & ~(USELESS_MASK << USELESS_SHIFT)) | (useless << USELESS_SHIFT);
    this.#block.writeUInt32LE(generation, AT.uselessGeneration);
  }

  /** A background renewal is running (TTL-30). */
  get renewing(): boolean {
    return this.#has(FLAG.RENEWING);
  }

  set renewing(value: boolean) {
    this.#mark(FLAG.RENEWING, value);
  }

  /** Epoch second of the last reported access. */
  get touchedSecond(): number {
    return this.#block.readUInt32LE(AT.touchedSecond);
  }

  set touchedSecond(value: number) {
    this.#block.writeUInt32LE(value, AT.touchedSecond);
  }

  /** Epoch second of the last use of `openBody`. */
  get bodyUsedSecond(): number {
    return this.#block.readUInt32LE(AT.bodyUsedSecond);
  }

  set bodyUsedSecond(value: number) {
    this.#block.writeUInt32LE(value, AT.bodyUsedSecond);
  }

  isFresh(nowMs: number): boolean {
    return nowMs < this.freshUntilMs && !this.purged;
  }

  /** True when the body is in memory. */
  get hasBody(): boolean {
    return this.#has(FLAG.HAS_BODY);
  }

  /** The body where it is in memory: a view made anew by each look. Its bytes never change. */
  get body(): Buffer | undefined {
    return this.hasBody ? this.#block.subarray(this.#block.readUInt32LE(AT.bodyStart)) : undefined;
  }

  /** Takes a copy into memory, or lets it go; the response has to be prepared again. */
  set body(value: Buffer | undefined) {
    const lines = Buffer.from(fieldText(this.fields), "latin1");
    this.#replaceBlock(lines, lines.length + HEAD_ROOM_BYTES, value);
    this.#mark(FLAG.HAS_BODY, value !== undefined);
  }

  /** What it costs to have it in memory; more once responses have been prepared. */
  get memoryBytes(): number {
    const { preparedNotModified } = this;
    const others = preparedNotModified === undefined ? 0 : preparedNotModified.headBytes + NOT_MODIFIED_OVERHEAD_BYTES;
    return ENTRY_OVERHEAD_BYTES + this.#block.length + others;
  }

  /** The response for clients, if it has been made. */
  get prepared(): PreparedResponse | undefined {
    return this.#headStart > 0 ? this : undefined;
  }

  /** Puts the head of the response in front of the body, in place unless a write still holds the one before. */
  prepare(head: ResponseHead): void {
    const { hidden, storedBytes } = partFields(this.fields, head.fields);
    const lines = Buffer.from(fieldText(hidden), "latin1");
    const roomBytes = lines.length + head.text.length;
    const isTooSmall = FIXED_BYTES + roomBytes > this.#block.readUInt32LE(AT.bodyStart);
    if (this.#holds > 0 || isTooSmall) this.#replaceBlock(lines, roomBytes, this.body);
    else this.#writeLines(lines);
    const block = this.#block;
    const headStart = block.readUInt32LE(AT.bodyStart) - head.text.length;
    block.write(head.text, headStart, "latin1");
    block.writeUInt32LE(headStart, AT.headStart);
    block.writeUInt32LE(headStart + head.fieldsStart, AT.fieldsStart);
    block.writeUInt32LE(headStart + head.fieldsStart + storedBytes, AT.storedEnd);
    block.writeUInt32LE(headStart + head.fieldsEnd, AT.fieldsEnd);
    block.writeUInt32LE(headStart + head.connectionStart, AT.connectionStart);
    block.writeUInt32LE(head.generation, AT.generation);
    block.writeUInt32LE(head.second, AT.second);
  }

  get buffer(): Buffer {
    return this.#block.subarray(this.#headStart);
  }

  get headBytes(): number {
    return this.#block.readUInt32LE(AT.bodyStart) - this.#headStart;
  }

  get fieldsStart(): number {
    return this.#block.readUInt32LE(AT.fieldsStart) - this.#headStart;
  }

  get fieldsEnd(): number {
    return this.#block.readUInt32LE(AT.fieldsEnd) - this.#headStart;
  }

  get connectionStart(): number {
    return this.#block.readUInt32LE(AT.connectionStart) - this.#headStart;
  }

  get generation(): number {
    return this.#block.readUInt32LE(AT.generation);
  }

  get second(): number {
    return this.#block.readUInt32LE(AT.second);
  }

  set second(value: number) {
    this.#block.writeUInt32LE(value, AT.second);
  }

  get holds(): number {
    return this.#holds;
  }

  hold(): () => void {
    const held = this.#block;
    this.#holds++;
    return () => {
      if (this.#block === held) this.#holds--;
    };
  }

  get #headStart(): number {
    return this.#block.readUInt32LE(AT.headStart);
  }

  #has(flag: number): boolean {
    return (this.#marks & (flag << STATUS_BITS)) !== 0;
  }

  #mark(flag: number, isSet: boolean): void {
    const bit = flag << STATUS_BITS;
    this.#marks = isSet ? this.#marks | bit : this.#marks & ~bit;
  }

  #writeLines(lines: Buffer): void {
    lines.copy(this.#block, FIXED_BYTES);
    this.#block.writeUInt32LE(FIXED_BYTES + lines.length, AT.linesEnd);
  }

  /** Moves to other memory; what clients are still being sent stays as it is. */
  #replaceBlock(lines: Buffer, roomBytes: number, body: Buffer | undefined): void {
    this.#block = copyBlock(this.#block, roomBytes, body);
    this.#holds = 0;
    this.#writeLines(lines);
  }
}

/** Which of the stored fields a response shows as they are, in its first lines, and which it does not. */
const partFields = (
  stored: readonly string[],
  shown: readonly string[],
): { readonly hidden: string[]; readonly storedBytes: number } => {
  const hidden: string[] = [];
  let storedBytes = 0;
  let next = 0;
  for (let index = 0; index + 1 < stored.length; index += 2) {
    const name = stored[index] ?? "";
    const value = stored[index + 1] ?? "";
    if (shown[next] === name && shown[next + 1] === value) {
      storedBytes += name.length + value.length + FIELD_LINE_BYTES;
      next += 2;
    } else {
      hidden.push(name, value);
    }
  }
  return { hidden, storedBytes };
};
