import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { PRODUCT_NAME } from "@basalt/types";
import type { FuseDevice } from "./fuseDevice.ts";

/** What the source of our mounts is called. */
const SOURCE = PRODUCT_NAME.toLowerCase();

/** Descriptor under which the command finds the device. */
const INHERITED = 3;

const LONGEST_COMMAND_MS = 10_000;
/** Mounts of processes that were killed lie upon each other. */
const MOST_STALE = 16;

/** A mount of ours, as the kernel names it. */
export interface MountPoint {
  readonly path: string;
  /** Device number, which no other mount has while anybody has this one open, its server included. */
  readonly device: string;
}

interface CommandOutcome {
  readonly isDone: boolean;
  readonly complaint: string;
}

/** No command here may look at the mount itself: whoever serves it waits for the command. */
const run = async (program: string, args: readonly string[], descriptor?: number): Promise<CommandOutcome> => {
  const inherited = descriptor === undefined ? [] : [descriptor];
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe", ...inherited],
    timeout: LONGEST_COMMAND_MS,
  });
  const complaint = child.stderr === null ? Promise.resolve("") : text(child.stderr).catch(() => "");
  const code = await new Promise<number | null>((resolve) => {
    child.once("error", () => resolve(null));
    child.once("close", resolve);
  });
  return { isDone: code === 0, complaint: (await complaint).trim() || `${program} ended with ${code}` };
};

/** Octal escapes of `/proc/self/mountinfo`. */
const unescapePath = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** Our mounts at that path in the text of `/proc/self/mountinfo`, the topmost last. */
export const mountsIn = (mountInfo: string, path: string): readonly MountPoint[] =>
  mountInfo.split("\n").flatMap((line) => {
    const [front = "", back = ""] = line.split(" - ");
    const [, , device = "", , mountedAt = ""] = front.split(" ");
    const [kind, source] = back.split(" ");
    const isOurs = kind === "fuse" && source === SOURCE && unescapePath(mountedAt) === path;
    return isOurs ? [{ path, device }] : [];
  });

const mountsAt = async (path: string): Promise<readonly MountPoint[]> =>
  mountsIn(await readFile("/proc/self/mountinfo", "utf8"), path);

const unmountTop = async (path: string): Promise<boolean> =>
  (await run("umount", ["--no-canonicalize", "--internal-only", "--lazy", path])).isDone;

/** Takes away what processes before this one have left there; files that are open stay with whoever serves them. */
export const unmountAll = async (path: string): Promise<void> => {
  for (let left = MOST_STALE; left > 0 && (await mountsAt(path)).length > 0; left--) {
    if (!(await unmountTop(path))) return;
  }
};

/** Takes this mount away, and no later one at the same path. */
export const unmount = async ({ path, device }: MountPoint): Promise<void> => {
  const top = (await mountsAt(path)).at(-1);
  if (top?.device === device) await unmountTop(path);
};

/** Mounts the device at a folder that is there. A text says why it could not. */
export const mountDevice = async (device: FuseDevice, path: string): Promise<MountPoint | string> => {
  const options = `fd=${INHERITED},rootmode=40000,user_id=0,group_id=0,allow_other,nosuid,nodev,noatime`;
  const args = ["--no-canonicalize", "--internal-only", "--types", "fuse", "--options", options, SOURCE, path];
  const { isDone, complaint } = await run("mount", args, device.descriptor);
  if (!isDone) return complaint;
  return (await mountsAt(path)).at(-1) ?? "the mount cannot be found";
};
