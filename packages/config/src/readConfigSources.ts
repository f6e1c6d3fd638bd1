import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "@basalt/types";
import type { ConfigSources } from "./contract.ts";
import { wholeFile } from "./problems.ts";

const MAX_FILE_BYTES = 16 * 1024 ** 2;

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");

/** Without the path that the system adds: the problem names the file already. */
const describe = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/, \w+ '.*'$/s, "") : String(error);

/** The content of a file, undefined when there is none; throws what the operator must mend. */
const readBytes = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    const status = await stat(path);
    if (!status.isFile()) throw new Error("it is not a file");
    if (status.size > MAX_FILE_BYTES) throw new Error(tooLarge(status.size));
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

const tooLarge = (bytes: number): string => `it has ${bytes} bytes, at most 16 MB are read`;

const cannotBeRead = (file: string, reason: string): Problem => ({
  severity: "error",
  ...wholeFile(file),
  message: `The file cannot be read: ${reason}.`,
});

/** The files of a configuration as `parseConfig` takes them; those that are no text are among the `problems`. */
export const decodeConfigFiles = (
  files: ReadonlyMap<string, Uint8Array>,
  unreadable: readonly Problem[] = [],
): ConfigSources => {
  const texts = new Map<string, string>();
  const problems = [...unreadable];
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (const [file, bytes] of files) {
    try {
      if (bytes.length > MAX_FILE_BYTES) problems.push(cannotBeRead(file, tooLarge(bytes.length)));
      else texts.set(file, decoder.decode(bytes));
    } catch {
      problems.push(cannotBeRead(file, "it is not UTF-8 text"));
    }
  }
  return Object.assign(texts, { problems, files });
};

const listFolder = async (path: string): Promise<readonly string[]> => {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
};

/**
 * Reads `server.xml`, `vhosts.xml` and the condition files of a home folder. Never rejects: a file that is missing is
 * absent from the answer, one that cannot be read is among its `problems`, which `parseConfig` reports.
 */
export const readConfigSources = async (home: string): Promise<ConfigSources> => {
  const files = new Map<string, Uint8Array>();
  const problems: Problem[] = [];
  const read = async (file: string): Promise<void> => {
    try {
      const bytes = await readBytes(join(home, file));
      if (bytes !== undefined) files.set(file, bytes);
    } catch (error) {
      problems.push(cannotBeRead(file, describe(error)));
    }
  };
  const list = async (folder: string): Promise<readonly string[]> => {
    try {
      return await listFolder(join(home, folder));
    } catch (error) {
      const message = `The folder cannot be read: ${describe(error)}.`;
      problems.push({ severity: "error", ...wholeFile(folder), message });
      return [];
    }
  };
  await read("server.xml");
  await read("vhosts.xml");
  for (const vhost of await list("svc")) {
    const names = (await list(`svc/${vhost}`)).filter((name) => name.endsWith(".txt"));
    await Promise.all(names.map((name) => read(`svc/${vhost}/${name}`)));
  }
  return decodeConfigFiles(files, problems);
};
