import { EdgeError } from "@basalt/types";
import { isToken } from "./bytes.ts";
import { statusReason } from "./status.ts";

export interface StatusLine {
  readonly status: number;
  /** The registered phrase when left out. */
  readonly reason?: string;
}

/** No control character but tab, and nothing above one byte: written as latin1, U+010A would become a line feed. */
const UNSAFE_TEXT = /[^\t\x20-\x7e\x80-\xff]/;

/** Whether a field can be written without ending its line or the head early. */
export const isFieldSafe = (name: string, value: string): boolean => isToken(name) && !UNSAFE_TEXT.test(value);

/**
 * Head of an HTTP/1.1 response with its blank line; fields flat (name, value …).
 * @throws EdgeError INTERNAL for a status, phrase or field that would make another message of it.
 */
export const writeResponseHead = (line: StatusLine, fields: readonly string[]): Buffer => {
  const reason = line.reason ?? statusReason(line.status);
  if (!Number.isInteger(line.status) || line.status < 100 || line.status > 999 || UNSAFE_TEXT.test(reason)) {
    throw new EdgeError("INTERNAL", { detail: `unsafe status line ${JSON.stringify(line)}` });
  }
  let text = `HTTP/1.1 ${line.status} ${reason}\r\n`;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const value = fields[index + 1] ?? "";
    if (!isFieldSafe(name, value)) throw new EdgeError("INTERNAL", { detail: `unsafe field ${JSON.stringify(name)}` });
    text += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, "latin1");
};
