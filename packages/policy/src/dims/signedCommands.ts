import { createHmac, timingSafeEqual } from "node:crypto";
import type { DimsSigningKey } from "@basalt/config";
import { remembered } from "./remembered.ts";

/** What stands behind the keyword of a signed URL. */
export interface SignedCommands {
  readonly isValid: boolean;
  /** Without the signature. */
  readonly commands: string;
}

const DIGITS = 64;
const SIGNED = /^sign\/([0-9A-Fa-f]{64})\/(.*)$/s;

const macOf = (secret: string, text: string): Buffer => createHmac("sha256", secret).update(text, "latin1").digest();

/** The signature of `{front}{commands}` as hexadecimal digits; `front` is the URL of the source with `/{keyword}/`. */
export const signCommands = (key: Pick<DimsSigningKey, "secret">, front: string, commands: string): string =>
  macOf(key.secret, front + commands).toString("hex");

export type VerifyCommands = (front: string, text: string) => SignedCommands;

/** Without keys everything is valid as it is. */
export const compileSignatures = (keys: readonly DimsSigningKey[]): VerifyCommands => {
  if (keys.length === 0) return (_front, text) => ({ isValid: true, commands: text });
  const isSigned = remembered((signed) => {
    const given = Buffer.from(signed.slice(0, DIGITS), "hex");
    return keys.some(({ secret }) => timingSafeEqual(given, macOf(secret, signed.slice(DIGITS))));
  });
  return (front, text) => {
    const [, digits, commands = ""] = SIGNED.exec(text) ?? [];
    if (digits === undefined) return { isValid: false, commands: text };
    return { isValid: isSigned(digits + front + commands), commands };
  };
};
