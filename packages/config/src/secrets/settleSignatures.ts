import type { DimsSettings, DimsSigningKey } from "../dimsContract.ts";
import { isSigningSecret } from "../options/dimsValues.ts";

export interface SignatureFinding {
  /** Of the key among those of the host. */
  readonly index: number;
  readonly message: string;
}

export interface SettledSignatures {
  readonly dims: DimsSettings;
  readonly findings: readonly SignatureFinding[];
}

export const hasEncryptedKeys = ({ signatures }: DimsSettings): boolean =>
  signatures.some(({ type }) => type === "enc");

/** Keys of signed commands, decrypted. One that cannot be is left out: with it nothing could be signed or verified. */
export const settleSignatures = async (
  dims: DimsSettings,
  decrypt: (encrypted: string) => Promise<string>,
): Promise<SettledSignatures> => {
  const signatures: DimsSigningKey[] = [];
  const findings: SignatureFinding[] = [];
  for (const [index, key] of dims.signatures.entries()) {
    if (key.type === "plain") {
      signatures.push(key);
      continue;
    }
    try {
      const secret = await decrypt(key.secret);
      if (isSigningSecret(secret)) signatures.push({ secret, type: "plain" });
      else findings.push({ index, message: "The decrypted key is too short, or no printable ASCII." });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      findings.push({ index, message: `The key cannot be decrypted here: ${reason}.` });
    }
  }
  return { dims: { ...dims, signatures }, findings };
};
