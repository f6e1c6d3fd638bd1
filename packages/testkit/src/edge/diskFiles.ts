import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Paths of the files below a folder whose names end so; none when there is no such folder. */
export const filesBelow = async (folder: string, ending = ""): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths: string[] = [];
  for (const entry of entries) {
    if (entry.isFile() && entry.name.endsWith(ending)) paths.push(join(entry.parentPath, entry.name));
  }
  return paths.sort();
};

/** Bytes that files really take on their disk: holes count nothing. */
export const allocatedBytes = async (paths: readonly string[]): Promise<number> => {
  let bytes = 0;
  for (const path of paths)
    bytes += await stat(path)
      .then(({ blocks }) => blocks * 512)
      .catch(() => 0);
  return bytes;
};

/** Turns over the bits of `length` bytes from `position` on, as a failing disk would. */
export const damageFile = async (path: string, position: number, length = 1): Promise<void> => {
  const file = await open(path, "r+");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    for (let index = 0; index < bytesRead; index++) buffer[index] = (buffer[index] ?? 0) ^ 0xff;
    await file.write(buffer, 0, bytesRead, position);
  } finally {
    await file.close();
  }
};
