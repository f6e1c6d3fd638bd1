import { createHmac, timingSafeEqual } from "node:crypto";
import type { DimsSigningKey } from "@basalt/config";

/** What stands behind the keyword of a signed URL. */
export interface SignedCommands {
  readonly isValid: boolean;
  /** Without the signature. */
  readonly commands: string;
}

const SIGNED = /^sign\/([0-9A-Fa-f]{64})\/(.*)$/s;

const macOf = (secret: string, text: string): Buffer => createHmac("sha256", secret).update(text, "latin1").digest();

/** The signature of `{front}{commands}` as hexadecimal digits; `front` is the URL of the source with `/{keyword}/`. */
export const signCommands = (key: Pick<DimsSigningKey, "secret">, front: string, commands: string): string =>
  macOf(key.secret, front + commands).toString("hex");

export const verifyCommands = (keys: readonly DimsSigningKey[], front: string, text: string): SignedCommands => {
  const [, digits, commands = ""] = SIGNED.exec(text) ?? [];
  if (digits === undefined) return { isValid: false, commands: text };
  const given = Buffer.from(digits, "hex");
  const isValid = keys.some(({ secret }) => timingSafeEqual(given, macOf(secret, front + commands)));
  return { isValid, commands };
};
