import { readFileSync, rmSync, writeFileSync } from "node:fs";

/**
 * A pid file has the pid in its first line and, on Linux, the start time of the process in its second, so that a
 * number given to another process since is recognised.
 */
const startTicks = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name of the program, in parentheses, may hold blanks; the start time is the 20th field behind it.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
};

const isZombie = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
};

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
};

/** The process that the file names, if it still lives. */
export const readLivePid = (path: string): number | undefined => {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const [first = "", ticks = ""] = text.split("\n");
  if (!/^[1-9]\d{0,9}$/.test(first)) return undefined;
  const pid = Number(first);
  if (!isAlive(pid)) return undefined;
  return ticks === "" || ticks === startTicks(pid) ? pid : undefined;
};

const content = (pid: number): string => `${pid}\n${startTicks(pid)}\n`;

export const writePidFile = (path: string, pid: number): void => writeFileSync(path, content(pid));

/** False when a living process holds the file; a stale file is replaced. */
export const claimPidFile = (path: string): boolean => {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(path, content(process.pid), { flag: "wx" });
      return true;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      if (readLivePid(path) !== undefined) return false;
      rmSync(path, { force: true });
    }
  }
  return false;
};

/** Removes the file unless another process has claimed it meanwhile. */
export const releasePidFile = (path: string, pid: number): void => {
  try {
    if (readFileSync(path, "utf8").split("\n")[0] === String(pid)) rmSync(path, { force: true });
  } catch {
    // Without the file there is nothing to release.
  }
};
