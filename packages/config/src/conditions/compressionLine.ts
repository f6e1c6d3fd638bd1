import type { ContentCoding } from "../compressionContract.ts";

export interface CompressionAction {
  readonly compress: boolean;
  readonly method: ContentCoding | undefined;
  readonly level: number | undefined;
}

type Outcome =
  | { readonly ok: true; readonly value: CompressionAction }
  | { readonly ok: false; readonly message: string };

const METHODS: readonly ContentCoding[] = ["gzip", "br", "zstd"];

/** Lowest and highest level of each coding; a line without a method is about gzip, as CMP-04 counts. */
const LEVELS = { gzip: [1, 9], br: [0, 11], zstd: [1, 19] } as const;

const refuse = (message: string): Outcome => ({ ok: false, message });

/**
 * Method and level of a line of compression.txt (CMP-20 to CMP-24). A number in the place of the method is a level
 * (CMP-23), and like the level of a line without a method that of gzip alone: codings do not count alike.
 */
export const readCompression = (methodText: string, levelText: string): Outcome => {
  const word = methodText.toLowerCase();
  const isLevel = /^\d+$/.test(word);
  if (isLevel && levelText !== "") return refuse("The level stands twice.");
  const method = METHODS.find((known) => known === word);
  if (!isLevel && word !== "" && word !== "no" && method === undefined) {
    return refuse(`${JSON.stringify(methodText)} is none of gzip, br, zstd, no and a level.`);
  }
  const written = isLevel ? word : levelText;
  const compress = word !== "no";
  if (written === "") return { ok: true, value: { compress, method, level: undefined } };
  const [least, most] = LEVELS[method ?? "gzip"];
  const level = /^\d{1,2}$/.test(written) ? Number(written) : -1;
  if (level < least || level > most) return refuse(`The level ${JSON.stringify(written)} is not ${least} to ${most}.`);
  return { ok: true, value: { compress, method, level } };
};
