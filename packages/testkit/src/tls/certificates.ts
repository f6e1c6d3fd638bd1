import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  integer,
  objectIdentifier,
  octetString,
  oneBitString,
  sequence,
  set,
  tagged,
  utcTime,
  utf8String,
} from "./der.ts";

export type TestKeyType = "rsa" | "ec" | "ed25519";

export interface CertificateSpec {
  /** DNS names of the certificate. */
  readonly names: readonly string[];
  /** Default: the first name. */
  readonly commonName?: string;
  /** Default: `ec`, on P-256. */
  readonly keyType?: TestKeyType;
  readonly validFrom?: Date;
  readonly validTo?: Date;
  /** Default: it is signed by its own key. */
  readonly issuer?: TestCertificate;
  readonly isAuthority?: boolean;
  /** URL that is named as its OCSP responder. */
  readonly ocspResponder?: string;
  /** May answer for its issuer (RFC 6960, 4.2.2.2). */
  readonly isOcspSigner?: boolean;
}

export interface TestCertificate {
  readonly commonName: string;
  readonly serialNumber: number;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly privateKey: KeyObject;
  /** The key under a passphrase. */
  encryptedKeyPem(passphrase: string): string;
}

const DAY_MS = 86_400_000;
let serial = 1;
let rsaPair: ReturnType<typeof generateKeyPairSync> | undefined;

/** Making an RSA key takes long: all certificates of a process share one. */
const keyPairOf = (type: TestKeyType): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } => {
  switch (type) {
    case "ec":
      return generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    case "ed25519":
      return generateKeyPairSync("ed25519");
    case "rsa":
      rsaPair ??= generateKeyPairSync("rsa", { modulusLength: 2048 });
      return rsaPair;
  }
};

const OID = {
  commonName: "2.5.4.3",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  ocspSigning: "1.3.6.1.5.5.7.3.9",
  informationAccess: "1.3.6.1.5.5.7.1.1",
  ocsp: "1.3.6.1.5.5.7.48.1",
  rsa: "1.2.840.113549.1.1.11",
  ec: "1.2.840.10045.4.3.2",
  ed25519: "1.3.101.112",
} as const;

export const algorithmOf = (key: KeyObject): Buffer => {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return sequence(objectIdentifier(OID.rsa), Buffer.from([5, 0]));
    case "ed25519":
      return sequence(objectIdentifier(OID.ed25519));
    default:
      return sequence(objectIdentifier(OID.ec));
  }
};

export const nameOf = (commonName: string): Buffer =>
  sequence(set(sequence(objectIdentifier(OID.commonName), utf8String(commonName))));

const DNS_NAME = 0x82;
const URL_NAME = 0x86;
const EXTENSIONS = 0xa3;
const VERSION = 0xa0;
const TRUE = Buffer.from([1, 1, 0xff]);

const extensionsOf = ({
  names,
  isAuthority = false,
  isOcspSigner = false,
  ocspResponder,
}: CertificateSpec): readonly Buffer[] => {
  const extensions: Buffer[] = [];
  if (names.length > 0) {
    const list = sequence(...names.map((name) => tagged(DNS_NAME, Buffer.from(name, "latin1"))));
    extensions.push(sequence(objectIdentifier(OID.subjectAlternativeName), octetString(list)));
  }
  if (isAuthority) extensions.push(sequence(objectIdentifier(OID.basicConstraints), TRUE, octetString(sequence(TRUE))));
  if (isOcspSigner) {
    const uses = octetString(sequence(objectIdentifier(OID.ocspSigning)));
    extensions.push(sequence(objectIdentifier(OID.extendedKeyUsage), uses));
  }
  if (ocspResponder !== undefined) {
    const place = tagged(URL_NAME, Buffer.from(ocspResponder, "latin1"));
    const access = octetString(sequence(sequence(objectIdentifier(OID.ocsp), place)));
    extensions.push(sequence(objectIdentifier(OID.informationAccess), access));
  }
  return extensions.length === 0 ? [] : [tagged(EXTENSIONS, sequence(...extensions))];
};

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${(der.toString("base64").match(/.{1,64}/g) ?? []).join("\n")}\n-----END ${label}-----\n`;

/** A certificate of its own for tests: valid from yesterday for a year unless told otherwise. */
export const makeCertificate = (spec: CertificateSpec): TestCertificate => {
  const { privateKey, publicKey } = keyPairOf(spec.keyType ?? "ec");
  const commonName = spec.commonName ?? spec.names[0] ?? "test";
  const signer = spec.issuer?.privateKey ?? privateKey;
  const algorithm = algorithmOf(signer);
  const serialNumber = serial++;
  const body = sequence(
    tagged(VERSION, integer(2)),
    integer(serialNumber),
    algorithm,
    nameOf(spec.issuer?.commonName ?? commonName),
    sequence(
      utcTime(spec.validFrom ?? new Date(Date.now() - DAY_MS)),
      utcTime(spec.validTo ?? new Date(Date.now() + 365 * DAY_MS)),
    ),
    nameOf(commonName),
    publicKey.export({ type: "spki", format: "der" }),
    ...extensionsOf(spec),
  );
  const signature = sign(signer.asymmetricKeyType === "ed25519" ? null : "sha256", body, signer);
  return {
    commonName,
    serialNumber,
    certificatePem: pem("CERTIFICATE", sequence(body, algorithm, oneBitString(signature))),
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    privateKey,
    encryptedKeyPem: (passphrase) =>
      privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }).toString(),
  };
};
