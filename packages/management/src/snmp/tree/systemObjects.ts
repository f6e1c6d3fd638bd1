import { DISK_FIELDS, type DiskFacts, evaluate, type HostFacts } from "@basalt/telemetry";
import type { MinuteKind, SnmpDisk, SnmpObject, SnmpSubtree } from "../contract.ts";
import type { Oid } from "../oid.ts";
import { ofMachine } from "./sources.ts";

const KILOBYTE = 1024;
const MEGABYTE = 1024 ** 2;
const WHOLE = 10_000;

type Reading = (facts: HostFacts) => number;

const object = (
  suffix: Oid,
  name: string,
  unit: string,
  doc: string,
  minutes: MinuteKind | undefined,
  source: string,
  read: Reading,
): SnmpObject => ({
  suffix,
  name,
  type: "gauge",
  unit,
  doc,
  minutes,
  rows: undefined,
  source,
  read: (from, at) => read(from.host(at.minutes)),
});

const machine = (number: number, name: string, unit: string, source: string, doc: string, read: Reading): SnmpObject =>
  object([2, number], `system.${name}`, unit, doc, "system", source, read);

/** Percent, and behind it the same in hundredths (SNMP-37). */
const share = (
  number: number,
  name: string,
  source: string,
  doc: string,
  hundredths: Reading,
): readonly SnmpObject[] => [
  machine(number, name, "%", source, doc, (facts) => Math.trunc(hundredths(facts) / 100)),
  machine(number + 1, `${name}_x100`, "0.01 %", source, `${doc} In hundredths.`, hundredths),
];

const field = (json: string): { readonly source: string; readonly read: Reading } => ({
  source: json,
  read: ofMachine(json),
});

const cpu = (number: number, name: string, json: string, doc: string): readonly SnmpObject[] => {
  const { source, read } = field(`System.CPU.${json}`);
  return share(number, name, source, doc, read);
};

const kernel = ofMachine("System.CPU.Kernel");
const user = ofMachine("System.CPU.User");
const freeBytes = ofMachine("System.Mem.Free");
const ownBytes = ofMachine("System.Mem.STON");
const totalBytes: Reading = (facts) => facts.machine.now.memory.totalBytes;
const usedBytes: Reading = (facts) => Math.max(0, totalBytes(facts) - freeBytes(facts));

const shareOfMemory =
  (bytes: Reading): Reading =>
  (facts) => {
    const total = totalBytes(facts);
    return total === 0 ? 0 : Math.trunc((bytes(facts) / total) * WHOLE);
  };

const kilobytes =
  (bytes: Reading): Reading =>
  (facts) =>
    Math.trunc(bytes(facts) / KILOBYTE);

const memory: readonly SnmpObject[] = [
  object([2, 9], "system.memTotal", "KB", "Memory of the machine.", undefined, "/proc/meminfo", kilobytes(totalBytes)),
  machine(10, "memUse", "KB", "/proc/meminfo", "Memory that something uses.", kilobytes(usedBytes)),
  machine(11, "memFree", "KB", "System.Mem.Free", "Memory that nothing uses.", kilobytes(freeBytes)),
  machine(12, "memSTON", "KB", "System.Mem.STON", "Memory of the server's processes.", kilobytes(ownBytes)),
  ...share(13, "memUseRatio", "/proc/meminfo", "Share of the memory that something uses.", shareOfMemory(usedBytes)),
  ...share(15, "memSTONRatio", "System.Mem.STON", "Share of the server's processes.", shareOfMemory(ownBytes)),
];

const load = (number: number, name: string, minutes: string): SnmpObject => {
  const { source, read } = field(`System.SystemLoadAverage.Min${minutes}`);
  return machine(number, name, "0.01", source, `Load average over ${minutes} minutes.`, read);
};

const socket = (number: number, name: string, unit: string, doc: string): SnmpObject => {
  const { source, read } = field(`System.TCPSocket.${name}`);
  return machine(number, `TCPSocket.${name}`, unit, source, doc, read);
};

const disk = (
  number: number,
  name: string,
  type: SnmpObject["type"],
  unit: string,
  doc: string,
  read: (disk: SnmpDisk) => number | string,
): SnmpObject => ({
  suffix: [2, 18, 1, number],
  name: `system.diskInfo.${name}`,
  ...{ type, unit, doc, minutes: undefined, rows: "disks", source: "store and statfs" },
  read: (from, { row }) => {
    const one = from.disks[row - 1];
    return one === undefined ? undefined : read(one);
  },
});

const usedShare = ({ totalBytes: total, usedBytes: used }: SnmpDisk): number =>
  total === 0 ? 0 : Math.min(WHOLE, Math.trunc((used / total) * WHOLE));

const diskInfo: readonly SnmpObject[] = [
  disk(2, "diskInfoPath", "string", "", "The disk as configured.", ({ path }) => path),
  disk(3, "diskInfoTotalSize", "gauge", "MB", "Size of its file system.", (one) =>
    Math.trunc(one.totalBytes / MEGABYTE),
  ),
  disk(4, "diskInfoUseSize", "gauge", "MB", "What is used of it.", (one) => Math.trunc(one.usedBytes / MEGABYTE)),
  disk(5, "diskInfoFreeSize", "gauge", "MB", "What is free.", (one) => Math.trunc(one.freeBytes / MEGABYTE)),
  disk(6, "diskInfoUseRatio", "gauge", "%", "Share that is used.", (one) => Math.trunc(usedShare(one) / 100)),
  disk(7, "diskInfoUseRatio_x100", "gauge", "0.01 %", "Share that is used. In hundredths.", usedShare),
  disk(8, "diskInfoStatus", "string", "", "Normal, Invalid or Unmounted.", ({ state }) => state),
];

const activity = (number: number, name: string, unit: string, json: string): SnmpObject => {
  const found = DISK_FIELDS.find((one) => one.json === json);
  if (found === undefined) throw new Error(`the statistics have no ${json}`);
  const { source, doc } = found;
  const read = (facts: DiskFacts): number =>
    Number(evaluate(source, { values: new Float64Array(0), seconds: 1, samples: 1, isAverage: true }, facts) ?? 0);
  return {
    suffix: [2, 19, 1, number],
    name: `system.diskPerf.${name}`,
    ...{ type: "gauge", unit, doc, minutes: "disks", rows: "disks", source: `Storage.Disk.${json}` },
    read: (from, { minutes, row }) => {
      const facts = from.diskActivity(minutes)[row - 1];
      return facts === undefined ? undefined : read(facts);
    },
  };
};

const diskActivity: readonly SnmpObject[] = [
  activity(2, "diskPerfReadCount", "count", "Read"),
  activity(3, "diskPerfReadMergedCount", "count", "ReadMerged"),
  activity(4, "diskPerfReadSectorsCount", "sectors", "ReadSectors"),
  activity(5, "diskPerfReadTime", "ms", "ReadTime"),
  activity(6, "diskPerfWriteCount", "count", "Write"),
  activity(7, "diskPerfWriteMergedCount", "count", "WriteMerged"),
  activity(8, "diskPerfWriteSectorsCount", "sectors", "WriteSectors"),
  activity(9, "diskPerfWriteTime", "ms", "WriteTime"),
  activity(10, "diskPerfIOProgressCount", "count", "IOProgress"),
  activity(11, "diskPerfIOTime", "ms", "IOTime"),
  activity(12, "diskPerfIOTimeWeighted", "ms", "IOWeightedTime"),
];

const shared = (number: number, name: string, json: string, doc: string, isAmount = false): SnmpObject => {
  const { source, read } = field(`System.${json}`);
  const words = isAmount ? `amount of ${source}` : source;
  // What the statistics tell per second is the amount of the time here, as the unit of the guide says.
  const value: Reading = isAmount ? (facts) => read({ ...facts, seconds: 1 }) : read;
  return object([3, number], `global.${name}`, "count", doc, "global", words, value);
};

const sockets = (first: number, name: string, json: string, accepted: string, doc: string): readonly SnmpObject[] => [
  shared(first, `${name}.Total`, `${json}.Total`, `${doc}.`),
  shared(first + 1, `${name}.Established`, `${json}.Established`, `${doc} that stand.`),
  shared(first + 2, `${name}.Accepted`, `${json}.${accepted}`, `${doc}: new ones.`, true),
  shared(first + 3, `${name}.Closed`, `${json}.Closed`, `${doc}: closed ones.`, true),
];

/** SNMP-67 to SNMP-138. */
export const SYSTEM_OBJECTS: readonly SnmpObject[] = [
  ...share(
    1,
    "cpuTotal",
    "System.CPU.Kernel and User",
    "Load of the processors.",
    (facts) => kernel(facts) + user(facts),
  ),
  ...cpu(3, "cpuKernel", "Kernel", "Time in the kernel."),
  ...cpu(5, "cpuUser", "User", "Time in programs."),
  ...cpu(7, "cpuIdle", "Idle", "Idle time."),
  ...memory,
  {
    suffix: [2, 17],
    name: "system.diskCount",
    ...{ type: "gauge", unit: "count", doc: "Configured disks.", minutes: undefined, rows: undefined },
    source: "configuration",
    read: (from) => from.rowsOf("disks").count,
  },
  ...diskInfo,
  ...diskActivity,
  ...cpu(20, "cpuProcKernel", "ProcKernel", "The server's processes in the kernel."),
  ...cpu(22, "cpuProcUser", "ProcUser", "The server's processes outside of it."),
  load(24, "sysLoadAverage", "1"),
  load(25, "sysLoadAverage5", "5"),
  load(26, "sysLoadAverage15", "15"),
  ...cpu(27, "cpuNice", "Nice", "Programs of low priority."),
  ...cpu(29, "cpuIOWait", "IOWait", "Idle while a disk is waited for."),
  ...cpu(31, "cpuIRQ", "IRQ", "Interrupts."),
  ...cpu(33, "cpuSoftIRQ", "SoftIRQ", "Soft interrupts."),
  ...cpu(35, "cpuSteal", "Steal", "Taken by the hypervisor."),
  socket(40, "Established", "count", "TCP connections of the machine."),
  socket(41, "Timewait", "count", "TCP connections in TIME_WAIT."),
  socket(42, "Orphan", "count", "TCP connections held by no process."),
  socket(43, "Alloc", "count", "TCP sockets of the machine."),
  socket(44, "Mem", "pages", "Memory that TCP takes."),
  shared(5, "EQ", "EQ", "Jobs that wait for the transform host."),
  shared(6, "RQ", "RQ", "Objects in the memory tiers."),
  shared(7, "waitingFiles2Write", "WaitingFiles2Write", "Origin responses that are being stored."),
  ...sockets(10, "ServerSocket", "ServerSocket", "Accepted", "Connections of clients"),
  ...sockets(20, "ClientSocket", "ClientSocket", "Connected", "Connections to origins"),
  shared(30, "ServiceAccess.Allow", "ServiceAccess.Allow", "Connections let in by ServiceAccess.", true),
  shared(31, "ServiceAccess.Deny", "ServiceAccess.Deny", "Connections turned away by ServiceAccess.", true),
];

export const SYSTEM_SUBTREES: readonly SnmpSubtree[] = [
  { suffix: [2], name: "system", doc: "The machine." },
  { suffix: [2, 18, 1], name: "system.diskInfo", doc: "One entry for each disk." },
  { suffix: [2, 19, 1], name: "system.diskPerf", doc: "What the device of each disk did." },
  { suffix: [3], name: "global", doc: "What all virtual hosts have in common." },
];
