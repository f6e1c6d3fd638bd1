import { SNMP_LIMITS } from "./limits.ts";
import type { Oid } from "./oid.ts";

/** What came in is no such message: the datagram is dropped. */
export class MalformedMessage extends Error {}

const malformed = (what: string): never => {
  throw new MalformedMessage(what);
};

/** An element of a message: its tag, and a reader of its content alone. */
export interface BerElement {
  readonly tag: number;
  readonly content: BerReader;
}

const LONG_FORM = 0x80;
const MOST_LENGTH_BYTES = 4;
const LARGEST_NUMBER = 2 ** 32 - 1;

/**
 * Reads BER as SNMP uses it (RFC 3417, 8): tags of one byte, definite lengths, nothing beyond the end of what an element
 * lies in. Throws MalformedMessage.
 */
export class BerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The whole content, as it is. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  next(): BerElement {
    const tag = this.#byte();
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) malformed("a length beyond the end");
    const content = new BerReader(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return { tag, content };
  }

  expect(tag: number): BerReader {
    const element = this.next();
    if (element.tag !== tag) malformed(`tag ${element.tag} instead of ${tag}`);
    return element.content;
  }

  /** INTEGER of 32 bits, leading sign bytes allowed. */
  integer(tag: number): number {
    const { bytes } = this.expect(tag);
    if (bytes.length === 0 || bytes.length > 8) malformed("an integer of no or too many bytes");
    let value = (bytes[0] ?? 0) >= 0x80 ? -1n : 0n;
    for (const byte of bytes) value = (value << 8n) | BigInt(byte);
    if (value < -(2n ** 31n) || value > 2n ** 31n - 1n) malformed("an integer beyond 32 bits");
    return Number(value);
  }

  oid(tag: number): Oid {
    const { bytes } = this.expect(tag);
    const numbers: number[] = [];
    let value = 0;
    let isWithin = false;
    for (const byte of bytes) {
      if (!isWithin && byte === LONG_FORM) malformed("a number of an OID with a leading zero");
      value = value * 128 + (byte & 0x7f);
      if (value > LARGEST_NUMBER) malformed("a number of an OID beyond 32 bits");
      isWithin = byte >= LONG_FORM;
      if (isWithin) continue;
      if (numbers.length === 0) numbers.push(...firstTwo(value));
      else numbers.push(value);
      if (numbers.length > SNMP_LIMITS.oidNumbers) malformed("an OID of too many numbers");
      value = 0;
    }
    if (isWithin || numbers.length === 0) malformed("an OID without its end");
    return numbers;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return malformed("an end within an element");
    this.#at += 1;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < LONG_FORM) return first;
    const count = first - LONG_FORM;
    if (count === 0 || count > MOST_LENGTH_BYTES) malformed("a length of no such form");
    let length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + this.#byte();
    return length;
  }
}

const firstTwo = (value: number): readonly [number, number] => {
  if (value < 40) return [0, value];
  return value < 80 ? [1, value - 40] : [2, value - 80];
};
