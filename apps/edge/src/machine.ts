import { statfs } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import type { HardwareReport, ProcessorReport } from "@basalt/management";
import {
  createSystemSampler,
  type Hardware,
  type MemoryInfo,
  openKernelFiles,
  parseProcessors,
  readHardware,
  type SystemSample,
} from "@basalt/telemetry/system";

/** What the primary tells of the machine that it runs on. */
export class Machine {
  readonly #files = openKernelFiles();
  readonly #sampler = createSystemSampler(this.#files);
  #hardware: Hardware | undefined;

  /** Figures of this moment, of the machine, these processes and the block devices that hold these folders. */
  sample(pids: readonly number[], diskPaths: readonly string[]): SystemSample {
    return this.#sampler.sample(pids, diskPaths);
  }

  memory(): MemoryInfo {
    return this.#sampler.memory();
  }

  async hardware(): Promise<HardwareReport> {
    this.#hardware ??= readHardware(this.#files);
    const { kernel, distribution, cpu, memoryBytes, network, disks } = this.#hardware;
    const addresses = networkInterfaces();
    return {
      os: kernel === "" ? distribution : kernel,
      cpu,
      memoryBytes,
      network: network.map((device) => {
        const known = addresses[device.device] ?? [];
        const ip = (known.find(({ family }) => family === "IPv4") ?? known[0])?.address ?? "";
        return { ...device, ip };
      }),
      disks: await Promise.all(
        disks.map(async ({ device, model, totalBytes, folders }) => ({
          device,
          model,
          totalBytes,
          usedBytes: (await Promise.all(folders.map(usedBytesOf))).reduce((sum, bytes) => sum + bytes, 0),
        })),
      ),
    };
  }

  processors(): ProcessorReport {
    return {
      processors: parseProcessors(this.#files.text("/proc/cpuinfo")),
      load: this.#sampler.load(),
    };
  }
}

/** 0 for a file system that does not tell. */
const usedBytesOf = async (folder: string): Promise<number> => {
  try {
    const { blocks, bfree, bsize } = await statfs(folder);
    return (blocks - bfree) * bsize;
  } catch {
    return 0;
  }
};
