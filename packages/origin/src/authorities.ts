import { readFileSync } from "node:fs";

/** A file that was replaced is noticed after this long. */
const KEPT_MS = 60_000;

const read = new Map<string, { readonly pem: string; readonly readAtMs: number }>();

/** PEM text of a file of authorities. Throws when it cannot be read: connections must fail then, not go unchecked. */
export const readAuthorities = (path: string): string => {
  const known = read.get(path);
  const nowMs = performance.now();
  if (known !== undefined && nowMs - known.readAtMs < KEPT_MS) return known.pem;
  const pem = readFileSync(path, "latin1");
  read.set(path, { pem, readAtMs: nowMs });
  return pem;
};
