import type { Oid } from "./oid.ts";

/** Elements of BER as bytes. All lengths are as short as they can be. */

const lengthOf = (length: number): number[] => {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >>> 8, length & 0xff];
};

/** Content of less than 64 KB. */
export const element = (tag: number, content: Uint8Array): Buffer =>
  Buffer.concat([Uint8Array.from([tag, ...lengthOf(content.length)]), content]);

export const elements = (tag: number, parts: readonly Uint8Array[]): Buffer => element(tag, Buffer.concat(parts));

/** A whole number of at most 32 bits and a sign, in two's complement. */
export const integer = (tag: number, value: number): Buffer => {
  const bytes = [value & 0xff];
  let rest = Math.floor(value / 256);
  while (!((rest === 0 && (bytes[0] ?? 0) < 0x80) || (rest === -1 && (bytes[0] ?? 0) >= 0x80))) {
    bytes.unshift(rest & 0xff);
    rest = Math.floor(rest / 256);
  }
  return element(tag, Uint8Array.from(bytes));
};

const pushNumber = (bytes: number[], value: number): void => {
  const from = bytes.length;
  bytes.push(value % 128);
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.splice(from, 0, (rest % 128) + 0x80);
  }
};

export const oid = (tag: number, numbers: Oid): Buffer => {
  const [first = 0, second = 0, ...rest] = numbers;
  const bytes: number[] = [];
  pushNumber(bytes, first * 40 + second);
  for (const number of rest) pushNumber(bytes, number);
  return element(tag, Uint8Array.from(bytes));
};
