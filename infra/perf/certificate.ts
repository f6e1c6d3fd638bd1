import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeCertificate, type TestCertificate } from "../../packages/testkit/src/tls/certificates.ts";

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** What both servers and the load speak. */
export const TLS_SUITE = "TLS_AES_128_GCM_SHA256";

/** One for each type of key and run: servers that are compared have the same. */
const made = new Map<"ec" | "rsa", TestCertificate>();

/** P-256, or RSA with 2048 bits. */
export async function writeCertificate(folder: string, keyType: "ec" | "rsa"): Promise<CertificateFiles> {
  const certificate = made.get(keyType) ?? makeCertificate({ names: ["rig.example"], keyType });
  made.set(keyType, certificate);
  const files = { certificate: join(folder, "certificate.pem"), key: join(folder, "key.pem") };
  await writeFile(files.certificate, certificate.certificatePem);
  await writeFile(files.key, certificate.keyPem);
  return files;
}
