import { hash } from "node:crypto";
import type { DrmKeyPart, DrmSettings } from "../drmContract.ts";
import { type OptionTable, option } from "./option.ts";
import { megabytes, oneOf, type ValueType } from "./valueTypes.ts";

const MOST_MEGABYTES = 1_000_000;

const keyword: ValueType<string> = {
  name: "keyword",
  allowed: "letters, digits and - . _ ~",
  emptyIsValue: false,
  parse: (text) =>
    /^[A-Za-z0-9._~-]{1,64}$/.test(text) && text !== "." && text !== ".."
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text.slice(0, 100))} cannot be a keyword.` },
  format: (value) => value,
};

/** Shows that a secret has changed, and nothing of it. */
const shown = (text: string): string => (text === "" ? "" : `(secret ${hash("sha256", text).slice(0, 4)})`);

/** Never shown, in messages neither. */
const secretText: ValueType<string> = {
  name: "secret",
  allowed: "text on one line, or empty",
  emptyIsValue: true,
  parse: (text) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    /[\x00-\x1f\x7f]/.test(text) ? { ok: false, message: "It holds control characters." } : { ok: true, value: text },
  format: shown,
};

const keyPart = oneOf<DrmKeyPart>("$Token", "$url", "$filename1", "$filename2");

const keyExpression: ValueType<readonly DrmKeyPart[]> = {
  name: "list",
  allowed: "a comma list of $Token, $url, $filename1 and $filename2",
  emptyIsValue: false,
  parse: (text) => {
    const parts: DrmKeyPart[] = [];
    for (const field of text.split(",")) {
      const outcome = keyPart.parse(field.trim());
      if (!outcome.ok) return outcome;
      parts.push(outcome.value);
    }
    return { ok: true, value: parts };
  },
  format: (parts) => parts.join(","),
};

const secretType = oneOf("plain", "enc");

/** Places are relative to `<Options>` of `<VHostDefault>` or `<Vhost>`. */
export const DRM_OPTIONS: OptionTable<DrmSettings> = {
  status: option("Drm@Status", oneOf("Active", "Inactive"), "Inactive", {
    doc: "Whether content can be asked for encrypted.",
    spec: "HTTP-64, DRM-01",
  }),
  keyword: option("Drm@Keyword", keyword, "drm", {
    doc: "`/{keyword}` behind a URL asks for the encrypted form.",
    spec: "HTTP-65, DRM-02",
  }),
  maxSourceBytes: option<number>("Drm@MaxSourceSize", megabytes({ min: 1, max: MOST_MEGABYTES }), 500 * 1024 ** 2, {
    doc: "Largest content that is encrypted; for larger content the answer is 500.",
    defaultNote: "500",
    spec: "HTTP-66, DRM-04",
  }),
  algorithm: option("Drm/Algorithm", oneOf("RC4", "AES-128-CTR", "AES-128-CBC"), "RC4", {
    doc: "Cipher. RC4 is obsolete and here for players that have nothing else.",
    spec: "HTTP-67, DRM-05; AES: own values",
    reload: "restart",
  }),
  iv: option("Drm/IV", secretText, "", {
    doc: "Initial vector, for AES 16 characters or 32 hexadecimal digits; RC4 has none.",
    spec: "HTTP-68, DRM-06",
    reload: "restart",
  }),
  ivType: option("Drm/IV@Type", secretType, "plain", {
    doc: "`enc`: the value is what `/command/encryptpassword` answered.",
    spec: "HTTP-72, DRM-17",
    reload: "restart",
  }),
  token: option("Drm/Token", secretText, "", {
    doc: "Text that keys are made of.",
    spec: "HTTP-69, DRM-07",
    reload: "restart",
  }),
  tokenType: option("Drm/Token@Type", secretType, "plain", {
    doc: "`enc`: the value is what `/command/encryptpassword` answered.",
    spec: "HTTP-72, DRM-17",
    reload: "restart",
  }),
  key: option("Drm/Key", keyExpression, ["$Token"], {
    doc: "What the text of the key is put together from: the token, the path of the URL, the name of the file with and without its extension.",
    spec: "HTTP-70, DRM-08",
    reload: "restart",
  }),
  keyHash: option("Drm/Key@Hash", oneOf("none", "MD5", "SHA-1", "SHA-256"), "none", {
    doc: "Hash whose binary value is the key; `none`: the text itself is. AES takes the first 16 bytes.",
    spec: "HTTP-71, DRM-13",
    reload: "restart",
  }),
};
