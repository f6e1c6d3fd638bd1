import type { BlockDevice } from "./blockDevices.ts";
import { type Mount, mountOf } from "./mounts.ts";
import type { KernelFiles } from "./procText.ts";

const lastName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/**
 * The block device that holds a folder: by the number of its mount, else (file systems over several devices have a
 * number of their own) by the device that the mount names. Undefined for tmpfs, overlays and network file systems.
 */
export const deviceOf = (
  folder: string,
  mounts: readonly Mount[],
  devices: readonly BlockDevice[],
  files: Pick<KernelFiles, "link">,
): BlockDevice | undefined => {
  const mount = mountOf(mounts, folder);
  if (mount === undefined) return undefined;
  const byNumber = devices.find(({ major, minor }) => major === mount.major && minor === mount.minor);
  if (byNumber !== undefined || !mount.source.startsWith("/dev/")) return byNumber;
  const names = [lastName(mount.source), lastName(files.link(mount.source))];
  return devices.find(({ name }) => names.includes(name));
};
