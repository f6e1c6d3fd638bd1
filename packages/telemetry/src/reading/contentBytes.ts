import { open, stat } from "node:fs/promises";

/** At the end of what gzip makes of a file: length of the content (RFC 1952 2.3.1). */
const GZIP_LENGTH_BYTES = 4;

export const readAt = async (path: string, position: number, bytes: number): Promise<Buffer> => {
  const file = await open(path, "r");
  try {
    const memory = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(memory, 0, bytes, position);
    return memory.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
};

/** Length of what a file contains; of compressed ones modulo 2^32. */
export const contentBytes = async (path: string): Promise<number> => {
  const { size } = await stat(path);
  if (!path.endsWith(".gz")) return size;
  const trailer = await readAt(path, Math.max(0, size - GZIP_LENGTH_BYTES), GZIP_LENGTH_BYTES);
  return trailer.length < GZIP_LENGTH_BYTES ? 0 : trailer.readUInt32LE(0);
};
