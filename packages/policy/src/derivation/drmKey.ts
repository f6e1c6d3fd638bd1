import { hash } from "node:crypto";
import type { DrmKeyPart, DrmSettings } from "@basalt/config";
import { unreachable } from "@basalt/types";

/** RC4 takes no longer key (DRM-05). */
export const RC4_MAX_KEY_BYTES = 256;
const AES_KEY_BYTES = 16;

const HASHES = { MD5: "md5", "SHA-1": "sha1", "SHA-256": "sha256" } as const;

const fileNameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const withoutExtension = (fileName: string): string => {
  const dot = fileName.lastIndexOf(".");
  return dot > 0 ? fileName.slice(0, dot) : fileName;
};

const textOf = (part: DrmKeyPart, token: string, path: string): string => {
  switch (part) {
    case "$Token":
      return token;
    case "$url":
      return path;
    case "$filename1":
      return fileNameOf(path);
    case "$filename2":
      return withoutExtension(fileNameOf(path));
    default:
      return unreachable(part);
  }
};

/** DRM-08 to DRM-12; `path` is that of the source, as the client wrote it, without query string. */
export const drmKeyText = ({ key, token }: Pick<DrmSettings, "key" | "token">, path: string): string =>
  key.map((part) => textOf(part, token, path)).join("");

/** DRM-05, DRM-13; undefined when what comes out cannot be a key of the algorithm. */
export const drmKeyOf = (
  settings: Pick<DrmSettings, "key" | "token" | "keyHash" | "algorithm">,
  path: string,
): Uint8Array | undefined => {
  const text = drmKeyText(settings, path);
  const { keyHash, algorithm } = settings;
  const bytes = keyHash === "none" ? Buffer.from(text) : hash(HASHES[keyHash], text, "buffer");
  if (algorithm === "RC4") {
    return bytes.length > 0 && bytes.length <= RC4_MAX_KEY_BYTES ? new Uint8Array(bytes) : undefined;
  }
  if (bytes.length < AES_KEY_BYTES) return undefined;
  if (keyHash === "none" && bytes.length > AES_KEY_BYTES) return undefined;
  return new Uint8Array(bytes.subarray(0, AES_KEY_BYTES));
};

/** DRM-06: 32 hexadecimal digits or 16 characters; undefined when AES has none to work with. */
export const drmIvOf = ({ algorithm, iv }: Pick<DrmSettings, "algorithm" | "iv">): Uint8Array | undefined => {
  if (algorithm === "RC4") return new Uint8Array(0);
  const bytes = /^[0-9a-f]{32}$/i.test(iv) ? Buffer.from(iv, "hex") : Buffer.from(iv);
  return bytes.length === AES_KEY_BYTES ? new Uint8Array(bytes) : undefined;
};
