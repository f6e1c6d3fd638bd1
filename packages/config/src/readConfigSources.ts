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

/** The text of a file, undefined when there is none; throws what the operator must mend. */
const readText = async (path: string): Promise<string | undefined> => {
  try {
    const status = await stat(path);
    if (!status.isFile()) throw new Error("it is not a file");
    if (status.size > MAX_FILE_BYTES) throw new Error(`it has ${status.size} bytes, at most 16 MB are read`);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error instanceof TypeError ? new Error("it is not UTF-8 text", { cause: error }) : error;
  }
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
  const texts = new Map<string, string>();
  const problems: Problem[] = [];
  const report = (file: string, message: string): void => {
    problems.push({ severity: "error", ...wholeFile(file), message });
  };
  const read = async (file: string): Promise<void> => {
    try {
      const text = await readText(join(home, file));
      if (text !== undefined) texts.set(file, text);
    } catch (error) {
      report(file, `The file cannot be read: ${describe(error)}.`);
    }
  };
  const list = async (folder: string): Promise<readonly string[]> => {
    try {
      return await listFolder(join(home, folder));
    } catch (error) {
      report(folder, `The folder cannot be read: ${describe(error)}.`);
      return [];
    }
  };
  await read("server.xml");
  await read("vhosts.xml");
  for (const vhost of await list("svc")) {
    const names = (await list(`svc/${vhost}`)).filter((name) => name.endsWith(".txt"));
    await Promise.all(names.map((name) => read(`svc/${vhost}/${name}`)));
  }
  return Object.assign(texts, { problems });
};
