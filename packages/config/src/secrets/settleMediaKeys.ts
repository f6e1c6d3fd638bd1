import type { HlsEncryptionSettings, MediaSettings } from "../mediaContract.ts";
import { isAesKey, isKeySecret } from "../options/mediaValues.ts";

export interface MediaKeyFinding {
  readonly attribute: "Key" | "Secret";
  readonly message: string;
}

export interface SettledMediaKeys {
  readonly media: MediaSettings;
  readonly findings: readonly MediaKeyFinding[];
}

export const hasEncryptedMediaKeys = ({ mp4Hls: { encryption } }: MediaSettings): boolean =>
  encryption.keyType === "enc" || encryption.secretType === "enc";

/** What segments are encrypted with, decrypted and checked. Messages tell nothing of it. */
export const settleMediaKeys = async (
  media: MediaSettings,
  decrypt: (encrypted: string) => Promise<string>,
): Promise<SettledMediaKeys> => {
  const { encryption } = media.mp4Hls;
  const findings: MediaKeyFinding[] = [];
  const plainOf = async (
    attribute: MediaKeyFinding["attribute"],
    { text, type }: { readonly text: string; readonly type: HlsEncryptionSettings["keyType"] },
    isSound: (plain: string) => boolean,
  ): Promise<string> => {
    if (text === "" || type === "plain") return text;
    try {
      const plain = await decrypt(text);
      if (isSound(plain)) return plain;
      findings.push({ attribute, message: "The decrypted value is none that may stand here." });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      findings.push({ attribute, message: `The value cannot be decrypted here: ${reason}.` });
    }
    return "";
  };
  const key = await plainOf("Key", { text: encryption.key, type: encryption.keyType }, isAesKey);
  const secret = await plainOf("Secret", { text: encryption.secret, type: encryption.secretType }, isKeySecret);
  const settled: HlsEncryptionSettings = { ...encryption, key, keyType: "plain", secret, secretType: "plain" };
  return { media: { ...media, mp4Hls: { ...media.mp4Hls, encryption: settled } }, findings };
};
