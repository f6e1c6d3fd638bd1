import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why nothing can be mounted here; undefined: it can. */
export const mountObstacle = (): string | undefined => {
  if (process.getuid?.() !== 0) return "only root can mount";
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return "/dev/fuse cannot be opened";
  }
};

export interface ToolOutcome {
  readonly code: number;
  readonly output: Buffer;
  readonly complaint: string;
}

/** Runs what follows as a user without any rights. */
export const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] as const;

const LONGEST_TOOL_MS = 30_000;

/** Runs a program; only others than this process ever touch a mount. */
export const tool = (program: string, ...args: readonly string[]): Promise<ToolOutcome> =>
  new Promise((resolve) => {
    const options = {
      encoding: "buffer",
      maxBuffer: 64 * 1024 * 1024,
      timeout: LONGEST_TOOL_MS,
      killSignal: "SIGKILL",
    } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, output: stdout, complaint: stderr.toString() });
    });
  });

/** What a program says; throws when it fails. */
export const told = async (program: string, ...args: readonly string[]): Promise<Buffer> => {
  const { code, output, complaint } = await tool(program, ...args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${code} ${complaint}`);
  return output;
};

/** A folder for a mount, which is not below anything that other programs look through. */
export const makeMountPoint = (): Promise<string> => mkdtemp(join(tmpdir(), "basalt-mount-"));

export const isMounted = async (path: string): Promise<boolean> =>
  (await readFile("/proc/self/mountinfo", "utf8")).includes(` ${path} `);

/** Frees the folder, whatever a failed scene has left there. */
export const removeMountPoint = async (path: string): Promise<void> => {
  while (await isMounted(path)) if ((await tool("umount", "-c", "-i", "-l", path)).code !== 0) break;
  await rm(path, { recursive: true, force: true });
};

/** Lines of the file system log of a host. */
export const fileSystemLines = async (home: string, host: string): Promise<readonly string[]> => {
  const folder = join(home, "log", host);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith("filesystem_"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return texts.join("").split("\n");
};
