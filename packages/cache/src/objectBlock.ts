import type { CacheKey, ObjectLocation } from "@basalt/store";

/**
 * All bytes of an object in memory, in one piece, because each piece of memory has a price of its own (about 350 bytes)
 * and so has each number that is no small integer (24):
 *
 *     0                  key and numbers, at the offsets below
 *     FIXED_BYTES        field lines: all that are stored, or those that `head` leaves out
 *     AT.linesEnd        free
 *     AT.headStart       head of the response as clients get it, if it has been made; it ends where the body begins
 *     AT.bodyStart       body, if it is in memory
 */
export const AT = {
  key: 0,
  freshUntilMs: 16,
  updatedAtMs: 24,
  ttlSeconds: 32,
  storedAtMs: 40,
  initialAgeSeconds: 48,
  bodyBytes: 56,
  bodyVersion: 64,
  sourceVersion: 72,
  lastModifiedMs: 80,
  segment: 88,
  offset: 96,
  file: 104,
  disk: 112,
  headBytes: 116,
  linesEnd: 120,
  bodyStart: 124,
  headStart: 128,
  fieldsStart: 132,
  storedEnd: 136,
  fieldsEnd: 140,
  connectionStart: 144,
  generation: 148,
  second: 152,
  touchedSecond: 156,
  bodyUsedSecond: 160,
  uselessGeneration: 164,
  validatedAtMs: 168,
} as const;

export const FIXED_BYTES = 176;

const KEY_BYTES = 16;

/** `lastModifiedMs` while nobody has asked. */
export const NOT_ASKED = Number.NEGATIVE_INFINITY;

export const keyIn = (block: Buffer): CacheKey => block.subarray(AT.key, AT.key + KEY_BYTES);

export const writeLocation = (block: Buffer, location: ObjectLocation): void => {
  block.writeDoubleLE(location.segment, AT.segment);
  block.writeDoubleLE(location.offset, AT.offset);
  block.writeDoubleLE(location.file, AT.file);
  block.writeUInt32LE(location.disk, AT.disk);
  block.writeUInt32LE(location.headBytes, AT.headBytes);
};

export const readLocation = (block: Buffer): ObjectLocation => ({
  disk: block.readUInt32LE(AT.disk),
  segment: block.readDoubleLE(AT.segment),
  offset: block.readDoubleLE(AT.offset),
  headBytes: block.readUInt32LE(AT.headBytes),
  bodyBytes: block.readDoubleLE(AT.bodyBytes),
  file: block.readDoubleLE(AT.file),
});

/** A block with the same numbers and so many bytes for lines and head in front of the body. */
export const copyBlock = (old: Buffer, roomBytes: number, body: Buffer | undefined): Buffer => {
  const bodyStart = FIXED_BYTES + roomBytes;
  const block = Buffer.allocUnsafeSlow(bodyStart + (body?.length ?? 0));
  old.copy(block, 0, 0, FIXED_BYTES);
  body?.copy(block, bodyStart);
  block.writeUInt32LE(bodyStart, AT.bodyStart);
  block.writeUInt32LE(0, AT.headStart);
  return block;
};
