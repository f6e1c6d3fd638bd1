import { IN_HEADER_BYTES } from "../src/protocol/words.ts";

/** A message as the kernel gives it. */
export const message = (
  opcode: number,
  head: { readonly unique?: bigint; readonly node?: number; readonly uid?: number } = {},
  body: Buffer = Buffer.alloc(0),
): Buffer => {
  const bytes = Buffer.alloc(IN_HEADER_BYTES + body.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(opcode, 4);
  bytes.writeBigUInt64LE(head.unique ?? 1n, 8);
  bytes.writeBigUInt64LE(BigInt(head.node ?? 1), 16);
  bytes.writeUInt32LE(head.uid ?? 0, 24);
  body.copy(bytes, IN_HEADER_BYTES);
  return bytes;
};

export const nameBody = (name: string): Buffer => Buffer.from(`${name}\0`, "latin1");

export const words32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index);
  return bytes;
};

export const readBody = (handle: number, offset: bigint, size: number): Buffer => {
  const bytes = Buffer.alloc(40);
  bytes.writeBigUInt64LE(BigInt(handle), 0);
  bytes.writeBigUInt64LE(offset, 8);
  bytes.writeUInt32LE(size, 16);
  return bytes;
};

export const handleBody = (handle: number): Buffer => {
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(BigInt(handle), 0);
  return bytes;
};
