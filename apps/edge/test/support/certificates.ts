import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface CertificateFiles {
  readonly names: readonly string[];
  readonly keyType?: "rsa" | "ec";
  /** Days from now on, negative for one that has expired. */
  readonly days?: number;
  readonly passphrase?: string;
}

const KEYS = { ec: ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], rsa: ["rsa:2048"] } as const;

/** Writes `{name}.pem` and `{name}.key` into the folder. */
export const writeCertificate = (folder: string, name: string, made: CertificateFiles): void => {
  const { names, keyType = "ec", days = 365, passphrase } = made;
  const request = join(folder, `${name}.csr`);
  const key = join(folder, `${name}.key`);
  const run = (...words: readonly string[]): void => {
    execFileSync("openssl", words, { stdio: "ignore", cwd: folder });
  };
  const protection = passphrase === undefined ? ["-nodes"] : ["-passout", `pass:${passphrase}`];
  const subject = ["-subj", `/CN=${names[0] ?? name}`];
  const listed = ["-addext", `subjectAltName=${names.map((each) => `DNS:${each}`).join(",")}`];
  // Only what is signed on its own can have ended before it began.
  if (days > 0) {
    const pem = join(folder, `${name}.pem`);
    run("req", "-x509", "-newkey", ...KEYS[keyType], ...protection, "-keyout", key, "-out", pem, ...subject, ...listed);
    return;
  }
  run("req", "-newkey", ...KEYS[keyType], ...protection, "-keyout", key, "-out", request, ...subject, ...listed);
  run("x509", "-req", "-in", request, "-key", key, "-days", String(days), "-out", join(folder, `${name}.pem`));
};

/** Writes `{name}.ocsp`: what a responder that has the certificate's own key says of it until some days from now on. */
export const writeOcspResponse = (folder: string, name: string, days: number): void => {
  const own = ["-issuer", `${name}.pem`, "-cert", `${name}.pem`, "-no_nonce", "-reqout", `${name}.ocspreq`];
  execFileSync("openssl", ["ocsp", ...own], { stdio: "ignore", cwd: folder });
  writeFileSync(join(folder, "index.txt"), "");
  const signer = ["-index", "index.txt", "-CA", `${name}.pem`, "-rsigner", `${name}.pem`, "-rkey", `${name}.key`];
  const answer = ["-reqin", `${name}.ocspreq`, "-ndays", String(days), "-respout", `${name}.ocsp`];
  execFileSync("openssl", ["ocsp", ...signer, ...answer], { stdio: "ignore", cwd: folder });
};
