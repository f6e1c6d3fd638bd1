import { readFile } from "node:fs/promises";

/** Whether the processor has instructions for AES (TLS-12). */
export const hasAesInstructions = async (): Promise<boolean> => {
  const text = await readFile("/proc/cpuinfo", "latin1").catch(() => "");
  return /^(?:flags|Features)\s*:.*\baes\b/m.test(text);
};
