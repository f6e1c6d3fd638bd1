import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

const MAX_TAIL_BYTES = 64 * 1024;

export const fileSize = (path: string): number => {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
};

/** The last lines of a file, none from before `fromByte`; empty when there is no file. */
export const readLastLines = (path: string, count: number, fromByte = 0): readonly string[] => {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const start = Math.max(fromByte, size - MAX_TAIL_BYTES, 0);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    const length = readSync(file, buffer, 0, buffer.length, start);
    const lines = buffer.toString("utf8", 0, length).split("\n");
    return lines.filter((line) => line !== "").slice(-count);
  } finally {
    closeSync(file);
  }
};
