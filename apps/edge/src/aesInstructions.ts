import { readFile } from "node:fs/promises";

/** What the info log says of the processor's instructions for AES (TLS-12); undefined where they are not there or not wanted. */
export const describeAes = async (isWanted: boolean, cpuInfo = "/proc/cpuinfo"): Promise<string | undefined> => {
  if (!isWanted) return undefined;
  const text = await readFile(cpuInfo, "latin1").catch(() => "");
  return /^(?:flags|Features)\s*:.*\baes\b/m.test(text) ? "AES-NI : ON (SSL/TLS accelerated)" : undefined;
};
