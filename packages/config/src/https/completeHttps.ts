import { hash } from "node:crypto";
import { join, resolve } from "node:path";
import type { HttpsEntry } from "../httpsContract.ts";

/** With files that are named from the home folder on. A certificate that the edge gets by itself lies with its key there. */
export const completeHttps = (entry: HttpsEntry, home: string): HttpsEntry => {
  const absolute = (file: string): string => (file === "" ? "" : resolve(home, file));
  const own = entry.certificateFile === "" && entry.acmeNames.length > 0 ? acmeFile(entry, home) : undefined;
  return {
    ...entry,
    certificateFile: own ?? absolute(entry.certificateFile),
    keyFile: own ?? absolute(entry.keyFile),
    chainFile: absolute(entry.chainFile),
    ocspFile: absolute(entry.ocspFile),
  };
};

const DIGEST_CHARACTERS = 12;

const acmeFile = ({ acmeNames, acmeDirectory, acmeKeyType }: HttpsEntry, home: string): string => {
  const digest = hash("sha256", JSON.stringify([acmeNames, acmeDirectory, acmeKeyType])).slice(0, DIGEST_CHARACTERS);
  return join(home, "acme", `${acmeNames[0] ?? ""}-${digest}.pem`);
};
