import { realpathSync } from "node:fs";
import { type BlockCounters, NO_BLOCK_COUNTERS, parseBlockDevices } from "./blockDevices.ts";
import { type CpuTimes, parseCpuTimes } from "./cpuTimes.ts";
import { deviceOf } from "./diskDevices.ts";
import { type LoadAverage, parseLoadAverage } from "./loadAverage.ts";
import { type MemoryInfo, parseMemoryInfo } from "./memoryInfo.ts";
import { type Mount, parseMounts } from "./mounts.ts";
import { type NetworkDevice, parseNetworkDevices } from "./networkDevices.ts";
import { pageBytes } from "./pageSize.ts";
import { type ProcessStat, parseProcessStat } from "./processStat.ts";
import { type KernelFiles, openKernelFiles } from "./procText.ts";
import { parseEstablished, parseTcpSockets, type TcpSockets } from "./sockets.ts";

/** One moment of the machine. Times and counts grow from the start of the machine: what they mean is a difference. */
export interface SystemSample {
  readonly cpu: CpuTimes;
  readonly memory: MemoryInfo;
  readonly load: LoadAverage;
  readonly sockets: TcpSockets & { readonly established: number };
  /** One for each folder asked for, in that order; all 0 for what is on no block device. */
  readonly disks: readonly SystemDisk[];
  readonly network: readonly NetworkDevice[];
  /** All processes asked for, together; one that has gone counts nothing. */
  readonly processes: SystemProcesses;
}

export interface SystemDisk extends BlockCounters {
  readonly path: string;
  /** E.g. `sda1`; empty without one. */
  readonly device: string;
}

export interface SystemProcesses {
  /** Of processes that have ended too, from the first sample on. */
  readonly userTicks: number;
  readonly systemTicks: number;
  readonly residentBytes: number;
}

/** Ticks of /proc in a second: 100 on every platform that Node runs on. */
export const TICKS_PER_SECOND = 100;

/** Which mount a folder is on is looked up again after so many samples. */
const SAMPLES_PER_LOOK = 60;

export interface SystemSampler {
  /**
   * Reads /proc at once, about ten small files and one for each process. Absent files give zeros, never an error.
   */
  sample(pids: readonly number[], diskPaths: readonly string[]): SystemSample;
  load(): LoadAverage;
  memory(): MemoryInfo;
}

const realFolder = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

export const createSystemSampler = (files: KernelFiles = openKernelFiles()): SystemSampler => {
  let mounts: readonly Mount[] = [];
  let folders: ReadonlyMap<string, string> = new Map();
  let samplesUntilLook = 0;

  const lookAtMounts = (diskPaths: readonly string[]): void => {
    const isKnown = diskPaths.length === folders.size && diskPaths.every((path) => folders.has(path));
    samplesUntilLook -= 1;
    if (isKnown && samplesUntilLook > 0) return;
    samplesUntilLook = SAMPLES_PER_LOOK;
    mounts = parseMounts(files.text("/proc/self/mountinfo"));
    folders = new Map(diskPaths.map((path) => [path, realFolder(path)]));
  };

  const sampleDisks = (diskPaths: readonly string[]): readonly SystemDisk[] => {
    lookAtMounts(diskPaths);
    const devices = diskPaths.length === 0 ? [] : parseBlockDevices(files.text("/proc/diskstats"));
    return diskPaths.map((path) => {
      const device = deviceOf(folders.get(path) ?? path, mounts, devices, files);
      if (device === undefined) return { path, device: "", ...NO_BLOCK_COUNTERS };
      const { major: _, minor: __, name, ...counters } = device;
      return { path, device: name, ...counters };
    });
  };

  /** By process: as it was last read. */
  let known: ReadonlyMap<number, ProcessStat> = new Map();
  let [userTicks, systemTicks] = [0, 0];

  const sampleProcesses = (pids: readonly number[]): SystemProcesses => {
    const stats = new Map<number, ProcessStat>();
    let residentPages = 0;
    for (const pid of pids) {
      const before = known.get(pid);
      const stat = parseProcessStat(files.text(`/proc/${pid}/stat`));
      residentPages += stat?.residentPages ?? 0;
      if (stat !== undefined) {
        // A number that another process has now begins anew.
        const isSame = before !== undefined && stat.userTicks >= before.userTicks;
        userTicks += stat.userTicks - (isSame ? before.userTicks : 0);
        systemTicks += Math.max(0, stat.systemTicks - (isSame ? before.systemTicks : 0));
      }
      const last = stat ?? before;
      if (last !== undefined) stats.set(pid, last);
    }
    known = stats;
    return { userTicks, systemTicks, residentBytes: residentPages * pageBytes() };
  };

  const load = (): LoadAverage => parseLoadAverage(files.text("/proc/loadavg"));

  const memory = (): MemoryInfo => parseMemoryInfo(files.text("/proc/meminfo"));

  return {
    load,
    memory,
    sample: (pids, diskPaths) => ({
      cpu: parseCpuTimes(files.text("/proc/stat")),
      memory: memory(),
      load: load(),
      sockets: {
        ...parseTcpSockets(files.text("/proc/net/sockstat"), files.text("/proc/net/sockstat6")),
        established: parseEstablished(files.text("/proc/net/snmp")),
      },
      disks: sampleDisks(diskPaths),
      network: parseNetworkDevices(files.text("/proc/net/dev")),
      processes: sampleProcesses(pids),
    }),
  };
};
