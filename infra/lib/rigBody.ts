import { createHash } from "node:crypto";

/** Bodies of the rigs' origin: noise that does not compress, with its position written into every 64 KB. */
const CHUNK_BYTES = 65_536;

const noise = Buffer.alloc(CHUNK_BYTES);
for (let state = 0x2545f491, index = 0; index < CHUNK_BYTES; index++) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  noise[index] = state >>> 24;
}

/** The body of that size, piece by piece. */
export function* generateRigBody(size: number): Generator<Buffer> {
  for (let offset = 0; offset < size; offset += CHUNK_BYTES) {
    const chunk = Buffer.from(noise);
    chunk.writeBigUInt64BE(BigInt(offset));
    yield chunk.subarray(0, Math.min(CHUNK_BYTES, size - offset));
  }
}

export function hashRigBody(size: number): string {
  const hash = createHash("sha256");
  for (const chunk of generateRigBody(size)) hash.update(chunk);
  return hash.digest("hex");
}
