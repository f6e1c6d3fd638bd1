import { fingerprint } from "./dimsValues.ts";
import type { ValueType } from "./valueTypes.ts";

const quote = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);

/** Name of a file behind a keyword: what needs no encoding in a URL. */
export const pathSegment: ValueType<string> = {
  name: "name",
  allowed: "1 to 100 letters, digits, and - . _ ~",
  emptyIsValue: false,
  parse: (text) =>
    /^[A-Za-z0-9._~-]{1,100}$/.test(text) && !/^\.{1,2}$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${quote(text)} cannot be the name of a file in a URL.` },
  format: (value) => value,
};

export const playlistVersion: ValueType<1 | 3> = {
  name: "version",
  allowed: "3 or 1",
  emptyIsValue: false,
  shape: { kind: "words", words: ["3", "1"] },
  parse: (text) => {
    if (text === "3") return { ok: true, value: 3 };
    return text === "1" ? { ok: true, value: 1 } : { ok: false, message: `${quote(text)} is no such version.` };
  },
  format: String,
};

/** Names what stands in front of `=`. */
export const queryKey: ValueType<string> = {
  name: "name",
  allowed: "the name of a query parameter: 1 to 100 letters, digits, and - . _ ~ $ [ ]",
  emptyIsValue: false,
  parse: (text) =>
    /^[A-Za-z0-9._~$[\]-]{1,100}$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${quote(text)} cannot be the name of a query parameter.` },
  format: (value) => value,
};

export const queryKeyOrNone: ValueType<string> = {
  ...queryKey,
  allowed: `${queryKey.allowed}; or empty`,
  emptyIsValue: true,
  parse: (text) => (text === "" ? { ok: true, value: "" } : queryKey.parse(text)),
};

const shown = (text: string): string => (text === "" ? "" : `(secret ${fingerprint(text)})`);

const AES_KEY = /^[0-9a-fA-F]{32}$/;
const ENCRYPTED = /^[A-Za-z0-9+/]{40,}={0,2}$/;
const LEAST_SECRET = 16;

export const isAesKey = (text: string): boolean => AES_KEY.test(text);

export const isKeySecret = (text: string): boolean => text.length >= LEAST_SECRET && /^[\x20-\x7e]*$/.test(text);

/** Messages tell nothing of the value. */
export const hexKey: ValueType<string> = {
  name: "key",
  allowed: "32 hexadecimal digits, or what /command/encryptpassword answered",
  emptyIsValue: true,
  parse: (text) =>
    text === "" || isAesKey(text) || ENCRYPTED.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: "The key has no 32 hexadecimal digits." },
  format: shown,
};

export const secretText: ValueType<string> = {
  name: "secret",
  allowed: `printable ASCII of at least ${LEAST_SECRET} characters, or empty`,
  emptyIsValue: true,
  parse: (text) =>
    text === "" || isKeySecret(text)
      ? { ok: true, value: text }
      : { ok: false, message: `The secret is no printable ASCII of at least ${LEAST_SECRET} characters.` },
  format: shown,
};

/** It stands between quotation marks in playlists. */
export const keyAddress: ValueType<string> = {
  name: "URI",
  allowed: "a URL or a path that begins with /, which may hold #URL, or empty",
  emptyIsValue: true,
  parse: (text) => {
    const rest = text.replaceAll("#URL", "");
    const isAddress = /^(?:https?:\/\/[^/]|\/)[!$-;=?-[\]_a-z~]*$/i.test(rest);
    return text === "" || isAddress
      ? { ok: true, value: text }
      : { ok: false, message: `${quote(text)} is no address of a key.` };
  },
  format: (value) => value,
};
