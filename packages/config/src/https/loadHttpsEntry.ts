import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { HttpsEntry } from "../httpsContract.ts";
import { formatHttpsListen } from "../options/httpsOptions.ts";
import { readOcspResponse } from "./ocspResponse.ts";

/** An entry with what its files hold. */
export interface LoadedHttpsEntry {
  readonly entry: HttpsEntry;
  /** In lower case; `*.` in front stands for one label (TLS-22). */
  readonly names: readonly string[];
  readonly keyType: "rsa" | "ec" | "ed25519";
  /** Of an EC key, as OpenSSL names it; else empty. */
  readonly curve: string;
  /** With its chain. */
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly ocsp: { readonly response: Uint8Array; readonly validToMs: number } | undefined;
  /** What an operator should know although the entry serves. */
  readonly warnings: readonly string[];
}

/** `reason` completes "left out: …". */
export type HttpsOutcome =
  | { readonly ok: true; readonly loaded: LoadedHttpsEntry }
  | { readonly ok: false; readonly entry: HttpsEntry; readonly reason: string };

/** How an operator finds the entry again. */
export const describeHttpsEntry = ({ listen, certificateFile }: HttpsEntry): string =>
  `<Https Listen="${formatHttpsListen(listen)}">${certificateFile === "" ? "" : ` with ${certificateFile}`}`;

const CERTIFICATES = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;
const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

/** A file that cannot be used; the message says why. */
class UnusableFile extends Error {}

/** Reads the files of an entry and looks whether they belong together (TLS-05 to TLS-07). */
export const loadHttpsEntry = async (entry: HttpsEntry, nowMs: number): Promise<HttpsOutcome> => {
  try {
    return { ok: true, loaded: await load(entry, nowMs) };
  } catch (cause) {
    if (cause instanceof UnusableFile) return { ok: false, entry, reason: cause.message };
    throw cause;
  }
};

const load = async (entry: HttpsEntry, nowMs: number): Promise<LoadedHttpsEntry> => {
  if (entry.certificateFile === "") throw new UnusableFile("it names no certificate, <Cert>");
  if (entry.keyFile === "") throw new UnusableFile("it names no key, <Key>");
  if (entry.acmeNames.length > 0 && !existsSync(entry.certificateFile)) {
    throw new UnusableFile("its certificate has not been issued yet");
  }
  const [first, ...rest] = await readCertificates(entry.certificateFile);
  const chain = entry.chainFile === "" ? [] : await readCertificates(entry.chainFile);
  if (first === undefined) throw new UnusableFile(`${entry.certificateFile} holds no certificate`);
  const keyPem = await readText(entry.keyFile);
  const key = readKey(entry.keyFile, keyPem);
  if (!first.checkPrivateKey(key)) {
    throw new UnusableFile(`the key ${entry.keyFile} is not that of the certificate ${entry.certificateFile}`);
  }
  const { keyType, curve } = describeKey(entry.keyFile, key);
  const warnings = warnOfDates(first, nowMs);
  const ocsp = await readOcsp(entry.ocspFile, nowMs, warnings);
  return {
    entry,
    names: namesOf(first),
    keyType,
    curve,
    certificatePem: [first, ...rest, ...chain].map((certificate) => certificate.toString()).join(""),
    keyPem,
    ocsp,
    warnings,
  };
};

const readText = async (path: string): Promise<string> => {
  try {
    return await readFile(path, "latin1");
  } catch (cause) {
    throw new UnusableFile(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
};

const readCertificates = async (path: string): Promise<readonly X509Certificate[]> => {
  const found = (await readText(path)).match(CERTIFICATES) ?? [];
  if (found.length === 0) throw new UnusableFile(`${path} holds no certificate`);
  try {
    return found.map((text) => new X509Certificate(text));
  } catch {
    throw new UnusableFile(`${path} holds something that is no certificate`);
  }
};

const readKey = (path: string, text: string): KeyObject => {
  if (ENCRYPTED.test(text)) throw new UnusableFile(`the key ${path} is encrypted, which is not supported`);
  try {
    return createPrivateKey(text);
  } catch {
    throw new UnusableFile(`${path} holds no private key`);
  }
};

const describeKey = (path: string, key: KeyObject): Pick<LoadedHttpsEntry, "keyType" | "curve"> => {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return { keyType: "rsa", curve: "" };
    case "ed25519":
      return { keyType: "ed25519", curve: "" };
    case "ec":
      return { keyType: "ec", curve: key.asymmetricKeyDetails?.namedCurve ?? "" };
    default:
      throw new UnusableFile(
        `the key ${path} is of the kind ${key.asymmetricKeyType}: RSA, EC and Ed25519 are supported`,
      );
  }
};

/** The names of the certificate; its common name where it lists none. */
const namesOf = (certificate: X509Certificate): readonly string[] => {
  const listed = [...(certificate.subjectAltName ?? "").matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name = ""]) => name);
  if (listed.length > 0) return listed.map((name) => name.toLowerCase());
  const [, commonName] = /^CN=(.+)$/m.exec(certificate.subject) ?? [];
  return commonName === undefined ? [] : [commonName.toLowerCase()];
};

const warnOfDates = ({ validFromDate, validToDate }: X509Certificate, nowMs: number): string[] => {
  const leftMs = validToDate.getTime() - nowMs;
  if (leftMs <= 0) return [`the certificate has expired on ${validToDate.toISOString().slice(0, 10)}`];
  if (leftMs < SOON_DAYS * DAY_MS) {
    return [`the certificate expires on ${validToDate.toISOString().slice(0, 10)}`];
  }
  return validFromDate.getTime() > nowMs
    ? [`the certificate is not valid before ${validFromDate.toISOString().slice(0, 10)}`]
    : [];
};

/** A response that cannot be used costs the stapling and not the entry. */
const readOcsp = async (path: string, nowMs: number, warnings: string[]): Promise<LoadedHttpsEntry["ocsp"]> => {
  if (path === "") return undefined;
  try {
    const response = await readFile(path);
    const { validToMs } = readOcspResponse(response);
    if (validToMs > nowMs) return { response, validToMs };
    warnings.push(`the OCSP response ${path} is out of date and not sent`);
  } catch (cause) {
    warnings.push(
      `the OCSP response ${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
  return undefined;
};
