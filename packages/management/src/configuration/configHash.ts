import { createHash } from "node:crypto";
import type { ConfigFiles } from "./configFileNames.ts";

/** In the order of their names' bytes, which no locale changes. */
export const sortFiles = (files: ConfigFiles): readonly (readonly [path: string, bytes: Uint8Array])[] =>
  [...files].sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)));

/**
 * SHA-1 of names and contents, 40 upper-case digits (CFG-72): neither times nor the order of files nor the archive
 * that holds them change it (OPEN 14 of spec 01).
 */
export const hashConfigFiles = (files: ConfigFiles): string => {
  const hash = createHash("sha1");
  for (const [path, bytes] of sortFiles(files)) {
    hash.update(`${Buffer.byteLength(path)}:${path}${bytes.length}:`);
    hash.update(bytes);
  }
  return hash.digest("hex").toUpperCase();
};
