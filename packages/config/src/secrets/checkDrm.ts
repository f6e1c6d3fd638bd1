import type { DrmSettings } from "../drmContract.ts";

export interface DrmFinding {
  readonly severity: "error" | "warning";
  readonly element: "Algorithm" | "IV" | "Token" | "Key";
  readonly message: string;
}

const RC4_LEAST_KEY_BYTES = 5;
const RC4_MOST_KEY_BYTES = 256;
const AES_BYTES = 16;

const error = (element: DrmFinding["element"], message: string): DrmFinding => ({
  severity: "error",
  element,
  message,
});
const warning = (element: DrmFinding["element"], message: string): DrmFinding => ({
  severity: "warning",
  element,
  message,
});

/** What is not a key of the algorithm, whatever the URL (DRM-05). Messages tell lengths and no secrets. */
const checkKey = ({ algorithm, key, keyHash, token }: DrmSettings): readonly DrmFinding[] => {
  const tokens = key.filter((part) => part === "$Token").length;
  const isFixed = tokens === key.length;
  if (isFixed && token === "") return [error("Token", "The key would be empty: the <Token> is missing.")];
  if (keyHash === "none" && algorithm !== "RC4" && !isFixed) {
    return [error("Key", `The key of ${algorithm} has ${AES_BYTES} bytes, so what depends on the URL needs a Hash.`)];
  }
  if (keyHash === "none") {
    const keyBytes = tokens * Buffer.byteLength(token);
    if (algorithm !== "RC4" && keyBytes !== AES_BYTES) {
      return [
        error("Key", `The key has ${keyBytes} bytes; that of ${algorithm} has ${AES_BYTES}. A Hash makes it fit.`),
      ];
    }
    if (algorithm === "RC4" && keyBytes > RC4_MOST_KEY_BYTES) {
      return [error("Key", `The key has ${keyBytes} bytes; that of RC4 has ${RC4_MOST_KEY_BYTES} at most.`)];
    }
    if (algorithm === "RC4" && isFixed && keyBytes < RC4_LEAST_KEY_BYTES) {
      return [warning("Key", `The key has ${keyBytes} bytes; fewer than ${RC4_LEAST_KEY_BYTES} protect nothing.`)];
    }
  }
  if (algorithm === "AES-128-CTR" && isFixed) {
    return [
      warning("Key", "All files would be encrypted with the same key stream. A <Key> with $url keeps them apart."),
    ];
  }
  return [];
};

const checkIv = ({ algorithm, iv }: DrmSettings): readonly DrmFinding[] => {
  if (algorithm === "RC4" || /^[0-9a-f]{32}$/i.test(iv) || Buffer.byteLength(iv) === AES_BYTES) return [];
  return [error("IV", `${algorithm} needs an <IV> of ${AES_BYTES} characters or ${2 * AES_BYTES} hexadecimal digits.`)];
};

/** What is wrong with the settings of a host that encrypts, secrets decrypted. */
export const checkDrm = (drm: DrmSettings): readonly DrmFinding[] =>
  drm.status === "Inactive" ? [] : [...checkKey(drm), ...checkIv(drm)];
