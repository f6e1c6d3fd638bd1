import type { Dispatcher } from "undici";

const TRAILING_SPACE = /[\t ]+$/;

/** Undici's raw fields or trailers, Buffers over the socket's memory, as flat latin1 text; llhttp leaves white space after a value. */
export const flatFields = (raw: Dispatcher.DispatchController["rawHeaders"]): readonly string[] => {
  if (!Array.isArray(raw)) return [];
  const fields: string[] = [];
  for (const text of raw)
    fields.push((typeof text === "string" ? text : text.toString("latin1")).replace(TRAILING_SPACE, ""));
  return fields;
};

/** True when the origin says that it closes the connection after this response. */
export const announcesClose = (fields: readonly string[]): boolean => {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (name.length !== "connection".length || name.toLowerCase() !== "connection") continue;
    const options = (fields[index + 1] ?? "").toLowerCase().split(",");
    if (options.some((option) => option.trim() === "close")) return true;
  }
  return false;
};

/**
 * False for any transfer coding but exactly `chunked`, which is all that is decoded here: of another, what arrives would
 * be taken for the content (RFC 9112 6.1). The parser itself reads such bodies up to the end of the connection.
 */
export const hasPlainFraming = (fields: readonly string[]): boolean => {
  let codings: string | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (name.length !== "transfer-encoding".length || name.toLowerCase() !== "transfer-encoding") continue;
    const value = fields[index + 1] ?? "";
    codings = codings === undefined ? value : `${codings},${value}`;
  }
  return codings === undefined || codings.toLowerCase() === "chunked";
};

const LENGTHS: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/** Without the framing that a 1xx or 204 must not have (RFC 9110 8.6, RFC 9112 6.1), but that some origins give it. */
export const withoutFraming = (fields: readonly string[]): readonly string[] => {
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (!LENGTHS.has(name.toLowerCase())) kept.push(name, fields[index + 1] ?? "");
  }
  return kept;
};

const UNPRINTABLE = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * The reason phrase if it can be sent on. Undici decodes it as UTF-8: a character beyond latin1 would lose its upper
 * byte on the way out, and what is left can be a line break.
 */
export const printableReason = (reason: string | undefined): string =>
  reason === undefined || UNPRINTABLE.test(reason) ? "" : reason;
