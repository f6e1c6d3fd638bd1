import { type Answer, fail, type JsonValue, succeed } from "../answer.ts";
import {
  type CacheResourceReport,
  COLD_FILE_BOUNDS_SECONDS,
  type ColdFileReport,
  type HardwareReport,
} from "../machine.ts";
import { parametersOf } from "../query.ts";
import type { Route } from "../route.ts";

const GIGABYTE = 1024 ** 3;
const DAY_SECONDS = 86_400;

/** CFG-24: every leaf is text. */
const describeHardware = (hardware: HardwareReport, productVersion: string): JsonValue => ({
  OS: hardware.os,
  STON: productVersion,
  CPU: {
    ProcCount: String(hardware.cpu.processors),
    Model: hardware.cpu.model,
    MHz: hardware.cpu.mhz,
    Cache: hardware.cpu.cache,
  },
  Memory: `${Math.round(hardware.memoryBytes / GIGABYTE)} GB`,
  NIC: hardware.network.map(({ device, model, ip, mac }) => ({ Dev: device, Model: model, IP: ip, MAC: mac })),
  Disk: hardware.disks.map(({ device, model, totalBytes, usedBytes }) => ({
    Dev: device,
    Model: model,
    Total: String(totalBytes),
    Usage: String(usedBytes),
  })),
});

const describeCacheResource = ({ memory, disks, objects, bodyBytes }: CacheResourceReport): JsonValue => ({
  Memory: {
    Total: memory.totalBytes,
    Free: memory.freeBytes,
    ContentLimit: memory.contentLimitBytes,
    ContentUsed: memory.contentUsedBytes,
    Cached: memory.tierBytes,
    CachedCount: memory.tierObjects,
  },
  Disk: disks.map(({ path, state, usedBytes, quotaBytes, availableBytes }) => ({
    Path: path,
    Status: state,
    Used: usedBytes,
    Quota: quotaBytes ?? 0,
    Available: availableBytes,
  })),
  FileTotal: objects,
  SizeTotal: bodyBytes,
});

const ageName = (boundSeconds: number): string =>
  boundSeconds < DAY_SECONDS ? `${boundSeconds / 3600}h` : `${boundSeconds / DAY_SECONDS}d`;

const describeColdFiles = ({ objects, bytes, classes }: ColdFileReport): JsonValue => ({
  FileTotal: objects,
  SizeTotal: bytes,
  Distribution: classes.map((one, index) => {
    const bound = COLD_FILE_BOUNDS_SECONDS[index];
    return {
      Age: bound === undefined ? `over ${ageName(COLD_FILE_BOUNDS_SECONDS.at(-1) ?? 0)}` : ageName(bound),
      Count: one.objects,
      Size: one.bytes,
    };
  }),
});

const common = { methods: ["GET", "HEAD"], role: "User", channel: "any" } as const;

/** The machine, and how the cache lies on it. */
export const MACHINE_ROUTES: readonly Route[] = [
  {
    ...common,
    path: "/monitoring/hwinfo",
    doc: "Operating system, processors, memory, network devices and disks of the machine.",
    handle: async (_, { control, productVersion }) =>
      succeed("hwinfo", describeHardware(await control.hardware(), productVersion)),
  },
  {
    ...common,
    path: "/monitoring/cpuinfo",
    doc: "Each processor of the machine, and the load averages in 0.01.",
    handle: (_, { control }) => {
      const { processors, load } = control.processors();
      return succeed("cpuinfo", {
        ProcCount: processors.length,
        SystemLoadAverage: { Min1: load.minute1, Min5: load.minutes5, Min15: load.minutes15 },
        Processor: processors.map(({ id, model, mhz, cache, socket, core }) => ({
          Id: id,
          Model: model,
          MHz: mhz,
          Cache: cache,
          Socket: socket,
          Core: core,
        })),
      });
    },
  },
  {
    ...common,
    path: "/monitoring/cacheresource",
    doc: "Memory and disks that the cache may take, and takes, in bytes.",
    handle: (_, { control }) => succeed("cacheresource", describeCacheResource(control.cacheResource())),
  },
  {
    ...common,
    path: "/monitoring/coldfiledist",
    doc: "Stored objects and their bytes by the time since they were last asked for; with vhost={name} of one host.",
    parameters: [{ name: "vhost", doc: "Name of a virtual host; without it all hosts." }],
    handle: async (call, { control }): Promise<Answer> => {
      const vhost = parametersOf(call).get("vhost") ?? undefined;
      if (vhost !== undefined && !control.vhostNames().includes(vhost)) {
        return fail("coldfiledist", 404, "No virtual host has this name.");
      }
      return succeed("coldfiledist", describeColdFiles(await control.coldFiles(vhost)));
    },
  },
  {
    ...common,
    path: "/monitoring/clusterlist",
    doc: "Members of the cluster of this server; Fail and nothing while it is in none.",
    handle: () => fail("clusterlist", 200, {}),
  },
];
