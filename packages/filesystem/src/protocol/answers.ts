import { type Errno, MAJOR, MINOR, OUT_HEADER_BYTES } from "./words.ts";

/** What the kernel is told of a node. */
export type Attributes =
  | { readonly kind: "folder" }
  /** `modifiedMs`: since the epoch. */
  | { readonly kind: "file"; readonly bytes: number; readonly modifiedMs: number };

/** How long the kernel may believe it. */
export interface Validity {
  readonly entrySeconds: number;
  readonly attributeSeconds: number;
}

const REGULAR_FILE = 0o100_444;
const FOLDER = 0o040_755;
const BLOCK_BYTES = 512;
const IO_BYTES = 4096;
const ATTRIBUTE_BYTES = 88;
const MS_PER_SECOND = 1000;
const NS_PER_MS = 1_000_000;
/** Longest name of a file, which may stand for a whole path (FS-52). */
export const LONGEST_NAME_BYTES = 1024;

const begin = (unique: bigint, bodyBytes: number): Buffer => {
  const answer = Buffer.alloc(OUT_HEADER_BYTES + bodyBytes);
  answer.writeUInt32LE(answer.length, 0);
  answer.writeBigUInt64LE(unique, 8);
  return answer;
};

/** Done, and nothing to say. */
export const doneAnswer = (unique: bigint): Buffer => begin(unique, 0);

export const errorAnswer = (unique: bigint, errno: Errno): Buffer => {
  const answer = begin(unique, 0);
  answer.writeInt32LE(-errno, 4);
  return answer;
};

/** Header of an answer that those bytes follow. */
export const dataHeader = (unique: bigint, byteCount: number): Buffer => {
  const header = begin(unique, 0);
  header.writeUInt32LE(OUT_HEADER_BYTES + byteCount, 0);
  return header;
};

export interface InitAnswer {
  readonly readAheadBytes: number;
  readonly flags: number;
  readonly maxWriteBytes: number;
  readonly maxPages: number;
  /** Requests for read-ahead that may be under way. */
  readonly maxBackground: number;
}

export const initAnswer = (unique: bigint, init: InitAnswer): Buffer => {
  const answer = begin(unique, 64);
  let at = answer.writeUInt32LE(MAJOR, OUT_HEADER_BYTES);
  at = answer.writeUInt32LE(MINOR, at);
  at = answer.writeUInt32LE(init.readAheadBytes, at);
  at = answer.writeUInt32LE(init.flags, at);
  at = answer.writeUInt16LE(init.maxBackground, at);
  at = answer.writeUInt16LE(Math.floor((init.maxBackground * 3) / 4), at);
  at = answer.writeUInt32LE(init.maxWriteBytes, at);
  at = answer.writeUInt32LE(1, at);
  answer.writeUInt16LE(init.maxPages, at);
  return answer;
};

/** A kernel with a later major version asks once more in this one. */
export const majorAnswer = (unique: bigint): Buffer => {
  const answer = begin(unique, 64);
  answer.writeUInt32LE(MAJOR, OUT_HEADER_BYTES);
  answer.writeUInt32LE(MINOR, OUT_HEADER_BYTES + 4);
  return answer;
};

const writeAttributes = (answer: Buffer, from: number, node: number, attributes: Attributes): void => {
  const isFile = attributes.kind === "file";
  const bytes = isFile ? attributes.bytes : 0;
  const timeMs = isFile ? Math.max(0, Math.floor(attributes.modifiedMs)) : 0;
  let at = answer.writeBigUInt64LE(BigInt(node), from);
  at = answer.writeBigUInt64LE(BigInt(bytes), at);
  at = answer.writeBigUInt64LE(BigInt(Math.ceil(bytes / BLOCK_BYTES)), at);
  // Of access, of modification, of change: one time.
  for (let time = 0; time < 3; time++) at = answer.writeBigUInt64LE(BigInt(Math.floor(timeMs / MS_PER_SECOND)), at);
  for (let time = 0; time < 3; time++) at = answer.writeUInt32LE((timeMs % MS_PER_SECOND) * NS_PER_MS, at);
  at = answer.writeUInt32LE(isFile ? REGULAR_FILE : FOLDER, at);
  at = answer.writeUInt32LE(isFile ? 1 : 2, at);
  // Owner and group are root, and it is no device.
  answer.writeUInt32LE(IO_BYTES, at + 12);
};

/** Answer to LOOKUP. */
export const entryAnswer = (unique: bigint, node: number, attributes: Attributes, validity: Validity): Buffer => {
  const answer = begin(unique, 40 + ATTRIBUTE_BYTES);
  answer.writeBigUInt64LE(BigInt(node), OUT_HEADER_BYTES);
  answer.writeBigUInt64LE(BigInt(validity.entrySeconds), OUT_HEADER_BYTES + 16);
  answer.writeBigUInt64LE(BigInt(validity.attributeSeconds), OUT_HEADER_BYTES + 24);
  writeAttributes(answer, OUT_HEADER_BYTES + 40, node, attributes);
  return answer;
};

/** Answer to GETATTR. */
export const attributesAnswer = (unique: bigint, node: number, attributes: Attributes, seconds: number): Buffer => {
  const answer = begin(unique, 16 + ATTRIBUTE_BYTES);
  answer.writeBigUInt64LE(BigInt(seconds), OUT_HEADER_BYTES);
  writeAttributes(answer, OUT_HEADER_BYTES + 16, node, attributes);
  return answer;
};

export const openAnswer = (unique: bigint, handle: number, openFlags: number): Buffer => {
  const answer = begin(unique, 16);
  answer.writeBigUInt64LE(BigInt(handle), OUT_HEADER_BYTES);
  answer.writeUInt32LE(openFlags, OUT_HEADER_BYTES + 8);
  return answer;
};

/** Nothing is free, and nothing is full: how much there is, nobody can say. */
export const statfsAnswer = (unique: bigint): Buffer => {
  const answer = begin(unique, 80);
  const at = answer.writeUInt32LE(IO_BYTES, OUT_HEADER_BYTES + 40);
  answer.writeUInt32LE(LONGEST_NAME_BYTES, at);
  answer.writeUInt32LE(IO_BYTES, at + 4);
  return answer;
};
