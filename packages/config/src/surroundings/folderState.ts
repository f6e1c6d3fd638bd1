import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";

export type FolderState =
  | { readonly kind: "usable" }
  /** Something else stands in its place, or in that of a folder above it. */
  | { readonly kind: "notAFolder"; readonly path: string }
  /** For the user who asks; the server may run as another. */
  | { readonly kind: "notWritable"; readonly path: string };

/** Whether a folder can be written to, or else be made; changes nothing. */
export const readFolderState = async (path: string): Promise<FolderState> => {
  try {
    if (!(await stat(path)).isDirectory()) return { kind: "notAFolder", path };
  } catch (error) {
    const isMissing =
      error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
    const parent = dirname(path);
    if (isMissing && parent !== path) return readFolderState(parent);
    return { kind: "notAFolder", path };
  }
  try {
    await access(path, constants.W_OK | constants.X_OK);
    return { kind: "usable" };
  } catch {
    return { kind: "notWritable", path };
  }
};
