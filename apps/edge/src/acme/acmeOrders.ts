import { hash, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AcmeChallenge, AcmeKeyType, EdgeConfig } from "@basalt/config";

/** A certificate that the edge is to have by itself. */
export interface AcmeOrder {
  readonly names: readonly string[];
  readonly directory: string;
  readonly email: string;
  readonly challenge: AcmeChallenge;
  readonly keyType: AcmeKeyType;
  /** Key and certificates, in one file so that they always belong together. */
  readonly file: string;
  /** Key of the account at that authority. */
  readonly accountFile: string;
}

const DIGEST_CHARACTERS = 12;

export const acmeOrdersOf = ({ server }: EdgeConfig): readonly AcmeOrder[] => {
  const orders = new Map<string, AcmeOrder>();
  for (const entry of server.https) {
    // An entry that names a key of its own has its certificate from elsewhere.
    if (entry.acmeNames.length === 0 || entry.certificateFile !== entry.keyFile) continue;
    const account = hash("sha256", entry.acmeDirectory).slice(0, DIGEST_CHARACTERS);
    orders.set(entry.certificateFile, {
      names: entry.acmeNames,
      directory: entry.acmeDirectory,
      email: entry.acmeEmail,
      challenge: entry.acmeChallenge,
      keyType: entry.acmeKeyType,
      file: entry.certificateFile,
      accountFile: join(dirname(entry.certificateFile), `account-${account}.pem`),
    });
  }
  return [...orders.values()];
};

/** The share of a certificate's life that is left when it is renewed. */
const RENEWED_AT = 1 / 3;

/** `none`: there is nothing that could be served until one is issued. */
export type AcmeState = "none" | "due" | "valid";

/** What there is of an order on disk. Rejects when that cannot be told: the file may be as good as it was. */
export const acmeStateOf = async ({ file, names }: AcmeOrder, nowMs: number): Promise<AcmeState> => {
  const content = await readIfThere(file);
  if (content === undefined) return "none";
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(content);
  } catch {
    return "none";
  }
  const { validFromDate, validToDate } = certificate;
  const isForAll = names.every((name) => certificate.checkHost(name) !== undefined);
  if (!isForAll || certificate.issuer === certificate.subject) return "due";
  const lifeMs = validToDate.getTime() - validFromDate.getTime();
  return validToDate.getTime() - nowMs < lifeMs * RENEWED_AT ? "due" : "valid";
};

export const readIfThere = async (file: string): Promise<Buffer | undefined> => {
  try {
    return await readFile(file);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw cause;
  }
};
