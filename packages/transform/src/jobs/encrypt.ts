import { createCipheriv } from "node:crypto";
import type { DeriveOperation } from "@basalt/policy";
import type { PieceOutcome, TransformOutcome } from "../contract.ts";
import { cpuMsOf, ownBytes } from "./measured.ts";
import { applyRc4, type Rc4State, scheduleRc4 } from "./rc4.ts";

type Encryption = Extract<DeriveOperation, { readonly kind: "encrypt" }>;
type Bytes = Uint8Array<ArrayBuffer>;

const BLOCK_BYTES = 16;

/** Encrypts a whole body (DRM-14); the memory of `source` is used for the result where lengths are the same. */
export const encryptWhole = (operation: Encryption, source: Bytes): TransformOutcome => {
  const before = process.threadCpuUsage();
  const { body } = encryptPart(operation, source, undefined, true);
  return { kind: "done", body: ownBytes(body), contentType: undefined, cpuMs: cpuMsOf(before) };
};

/**
 * One of the pieces of a body, in their order: together they are what the whole would have been. Every piece but the
 * last has a length in whole blocks of 16 bytes.
 */
export const encryptPiece = (
  operation: Encryption,
  source: Bytes,
  state: Bytes | undefined,
  isLast: boolean,
): PieceOutcome => {
  const before = process.threadCpuUsage();
  const part = encryptPart(operation, source, state, isLast);
  return { kind: "piece", body: ownBytes(part.body), state: part.state, cpuMs: cpuMsOf(before) };
};

interface Part {
  readonly body: Bytes;
  readonly state: Bytes;
}

const encryptPart = (operation: Encryption, source: Bytes, state: Bytes | undefined, isLast: boolean): Part => {
  const { algorithm, key, iv } = operation;
  if (algorithm === "RC4") return encryptRc4(state ?? scheduleRc4(key), source);
  if (!isLast && source.length % BLOCK_BYTES !== 0) throw new Error(`a piece of ${source.length} bytes`);
  const first = Uint8Array.from(state ?? iv);
  return algorithm === "AES-128-CTR" ? encryptCtr(key, first, source) : encryptCbc(key, first, source, isLast);
};

const encryptRc4 = (state: Rc4State, source: Bytes): Part => {
  applyRc4(state, source);
  return { body: source, state };
};

const encryptCtr = (key: Uint8Array, counter: Bytes, source: Bytes): Part => {
  const cipher = createCipheriv("aes-128-ctr", key, counter);
  const body = cipher.update(source);
  return { body, state: advanceCounter(counter, source.length / BLOCK_BYTES) };
};

/** Chained by the last block; only the end of the body is padded (PKCS #7). */
const encryptCbc = (key: Uint8Array, chained: Bytes, source: Bytes, isLast: boolean): Part => {
  const cipher = createCipheriv("aes-128-cbc", key, chained).setAutoPadding(isLast);
  const body = Buffer.concat([cipher.update(source), cipher.final()]);
  const end = body.length < BLOCK_BYTES ? chained : body.subarray(-BLOCK_BYTES);
  return { body, state: Uint8Array.from(end) };
};

/** The counter is one number of 128 bits, the most significant byte first. */
const advanceCounter = (counter: Bytes, blocks: number): Bytes => {
  const next = Uint8Array.from(counter);
  let carry = Math.ceil(blocks);
  for (let at = next.length - 1; at >= 0 && carry > 0; at--) {
    const sum = (next[at] ?? 0) + (carry % 256);
    next[at] = sum % 256;
    carry = Math.floor(carry / 256) + Math.floor(sum / 256);
  }
  return next;
};
