import { resolve } from "node:path";
import type { HttpsEntry } from "../httpsContract.ts";

/** With files that are named from the home folder on. */
export const completeHttps = (entry: HttpsEntry, home: string): HttpsEntry => {
  const absolute = (file: string): string => (file === "" ? "" : resolve(home, file));
  return {
    ...entry,
    certificateFile: absolute(entry.certificateFile),
    keyFile: absolute(entry.keyFile),
    chainFile: absolute(entry.chainFile),
    ocspFile: absolute(entry.ocspFile),
  };
};
