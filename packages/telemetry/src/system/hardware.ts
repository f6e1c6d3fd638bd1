import { parseProcessors } from "./cpuInfo.ts";
import { parseMemoryInfo } from "./memoryInfo.ts";
import { parseMounts } from "./mounts.ts";
import { type KernelFiles, openKernelFiles, readPairs, wholeNumber } from "./procText.ts";

/** What the machine is made of. */
export interface Hardware {
  readonly kernel: string;
  readonly distribution: string;
  readonly cpu: { readonly processors: number; readonly model: string; readonly mhz: string; readonly cache: string };
  readonly memoryBytes: number;
  readonly network: readonly { readonly device: string; readonly model: string; readonly mac: string }[];
  readonly disks: readonly HardwareDisk[];
}

export interface HardwareDisk {
  readonly device: string;
  readonly model: string;
  readonly totalBytes: number;
  /** One folder for each file system on the device and its partitions. */
  readonly folders: readonly string[];
}

const unquote = (text: string): string => text.replace(/^(["'])(.*)\1$/, "$2");

/** `PRETTY_NAME` of /etc/os-release. */
export const parseDistribution = (text: string): string => unquote(/^PRETTY_NAME=(.*)$/m.exec(text)?.[1]?.trim() ?? "");

const SECTOR_BYTES = 512;

/** Names of block devices that are no disks. */
const NO_DISK = /^(loop|ram|zram|sr|fd|dm-|md|nbd)/;

/** Model names of PCI devices; the first of the two is where Debian has them. */
const PCI_TABLES = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"];

/** Vendor and device by their four hexadecimal digits each, from a text in the format of pci.ids. */
export const findPciModel = (table: string, vendorId: string, deviceId: string): string => {
  const start = table.search(new RegExp(`^${vendorId}\\s`, "m"));
  if (start < 0) return "";
  const [head = "", ...lines] = table.slice(start).split("\n");
  const vendor = head.slice(vendorId.length).trim();
  for (const line of lines) {
    if (line !== "" && !/^[\t#]/.test(line)) break;
    if (line.startsWith(`\t${deviceId} `)) return `${vendor} ${line.slice(deviceId.length + 1).trim()}`;
  }
  return `${vendor} device ${deviceId}`;
};

const hexOf = (text: string): string => /^0x([0-9a-f]{4})/i.exec(text.trim())?.[1]?.toLowerCase() ?? "";

const diskModel = (files: KernelFiles, device: string): string => {
  const folder = `/sys/block/${device}/device`;
  const words = [files.text(`${folder}/vendor`), files.text(`${folder}/model`)].map((text) => text.trim());
  const name = words.filter((word) => word !== "" && !/^0x[0-9a-f]+$/i.test(word)).join(" ");
  const bus = device.startsWith("nvme") ? "nvme" : device.startsWith("vd") ? "virtio" : "scsi";
  return `${name === "" ? device : name} (${bus})`;
};

/**
 * What does not change while the machine runs. Reads /sys and, for the names of PCI network devices, their table,
 * which has more than a megabyte: ask once.
 */
export const readHardware = (files: KernelFiles = openKernelFiles()): Hardware => {
  const processors = parseProcessors(files.text("/proc/cpuinfo"));
  const [first] = processors;
  const mounts = parseMounts(files.text("/proc/self/mountinfo"));
  let pciTable: string | undefined;
  const networkModel = (device: string): string => {
    const folder = `/sys/class/net/${device}/device`;
    const driver = readPairs(files.text(`${folder}/uevent`).replaceAll("=", ":")).get("DRIVER") ?? "";
    const [vendor, model] = [hexOf(files.text(`${folder}/vendor`)), hexOf(files.text(`${folder}/device`))];
    if (vendor === "" || model === "") return driver;
    pciTable ??= PCI_TABLES.map((path) => files.text(path)).find((text) => text !== "") ?? "";
    return findPciModel(pciTable, vendor, model) || [driver, `${vendor}:${model}`].filter(Boolean).join(" ");
  };
  return {
    kernel: files.text("/proc/version").trim(),
    distribution: parseDistribution(files.text("/etc/os-release")),
    cpu: {
      processors: processors.length,
      model: first?.model ?? "",
      mhz: first?.mhz ?? "",
      cache: first?.cache ?? "",
    },
    memoryBytes: parseMemoryInfo(files.text("/proc/meminfo")).totalBytes,
    network: files
      .names("/sys/class/net")
      .filter((device) => device !== "lo")
      .toSorted()
      .map((device) => ({
        device,
        model: networkModel(device),
        mac: files.text(`/sys/class/net/${device}/address`).trim(),
      })),
    disks: files
      .names("/sys/block")
      .filter((device) => !NO_DISK.test(device))
      .toSorted()
      .map((device) => {
        const numbers = new Set(
          ["", ...files.names(`/sys/block/${device}`).filter((name) => name.startsWith(device))].map((part) =>
            files.text(`/sys/block/${device}/${part}/dev`).trim(),
          ),
        );
        const byDevice = new Map(
          mounts
            .filter(({ major, minor }) => numbers.has(`${major}:${minor}`))
            .map((mount) => [`${mount.major}:${mount.minor}`, mount.folder] as const)
            .toReversed(),
        );
        return {
          device,
          model: diskModel(files, device),
          totalBytes: wholeNumber(files.text(`/sys/block/${device}/size`).trim()) * SECTOR_BYTES,
          folders: [...byDevice.values()].toSorted(),
        };
      }),
  };
};
