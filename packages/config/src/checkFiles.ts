import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Problem } from "@basalt/types";
import type { EdgeConfig } from "./contract.ts";
import { wholeFile } from "./problems.ts";
import type { Provenance } from "./provenance.ts";
import { VHOSTS_FILE } from "./vhostsPlaces.ts";

const CA_FILE = "OriginOptions/OriginTls@CaFile";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs;

/** Undefined when every certificate in the file can be read and there is one. */
const whatIsWrongWith = async (path: string): Promise<string | undefined> => {
  try {
    const certificates = (await readFile(path, "latin1")).match(CERTIFICATE) ?? [];
    if (certificates.length === 0) return `${path} holds no certificate.`;
    for (const certificate of certificates) new X509Certificate(certificate);
    return undefined;
  } catch (cause) {
    return `${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`;
  }
};

/** Errors in the files that a configuration names beside its own: with them it is not to be put in service. */
export const checkFiles = async (config: EdgeConfig, provenance: Provenance): Promise<readonly Problem[]> => {
  const hosts = new Map<string, string>();
  for (const { name, originOptions } of config.vhosts) {
    const { caFile } = originOptions.tls;
    if (caFile !== "" && !hosts.has(caFile)) hosts.set(caFile, name);
  }
  const problems: Problem[] = [];
  for (const [caFile, host] of hosts) {
    const message = await whatIsWrongWith(caFile);
    if (message === undefined) continue;
    const [place] = provenance.placesOf(host, CA_FILE);
    const where = place === undefined ? wholeFile(VHOSTS_FILE) : { ...place, column: 0 };
    problems.push({ severity: "error", ...where, message, allowed: "a PEM file with certificates" });
  }
  return problems;
};
