import { CACHE_RESULTS } from "@basalt/types";
import { PROCESS_SLOT, VHOST_SLOT } from "../counterTable.ts";
import { cpuShares, shareOfTicks } from "../system/cpuTimes.ts";
import type { HostFacts } from "./facts.ts";
import { attribute, type Field, fact, LEVEL, PER_SECOND, SHARE, TOTAL, text, total } from "./field.ts";
import { CLIENT_CLASSES, ORIGIN_CLASSES } from "./slots.ts";
import { divide, type FieldSource } from "./sources.ts";
import { summaryFields } from "./summaryFields.ts";

const HOST: readonly Field<HostFacts>[] = [
  attribute(
    "Version",
    "text",
    fact("product", ({ version }) => version),
    "Version of the product.",
  ),
  attribute(
    "Name",
    "text",
    fact("configuration", ({ name }) => name),
    "Name of the server; that of the host without one.",
  ),
  attribute(
    "State",
    "text",
    fact("primary", ({ state }) => state),
    "Healthy, Inactive or Emergency.",
  ),
  attribute(
    "Uptime",
    "s",
    fact("primary", ({ uptimeSeconds }) => uptimeSeconds),
    "Since the primary was started.",
  ),
];

const countSums: readonly Field<HostFacts>[] = [
  attribute("HttpCountSum.OriginReqCount", TOTAL, total([VHOST_SLOT.originRequests]), "Requests sent to origins."),
  ...ORIGIN_CLASSES.map(({ name, words, count }) =>
    attribute<HostFacts>(`HttpCountSum.OriginRes${name}Count`, TOTAL, total(count), `Origins: ${words}.`),
  ),
  attribute("HttpCountSum.ClientReqCount", TOTAL, total([VHOST_SLOT.clientRequests]), "Requests of clients."),
  ...CLIENT_CLASSES.map(({ name, words, count }) =>
    attribute<HostFacts>(`HttpCountSum.ClientRes${name}Count`, TOTAL, total(count), `Clients: ${words}.`),
  ),
];

const hitSums: readonly Field<HostFacts>[] = CACHE_RESULTS.map((result, index) =>
  attribute(`HttpRequestHitSum.${result}`, TOTAL, total([VHOST_SLOT.cacheResult + index]), `Requests with ${result}.`),
);

const cpu = (name: string, read: (facts: HostFacts) => number, doc: string): Field<HostFacts> =>
  attribute(`System.CPU.${name}`, SHARE, fact("/proc/stat", read), doc);

const share =
  (name: keyof ReturnType<typeof cpuShares>) =>
  ({ machine: { before, now } }: HostFacts): number =>
    cpuShares(before.cpu, now.cpu)[name];

const processShare =
  (name: "userTicks" | "systemTicks") =>
  ({ machine: { before, now } }: HostFacts): number =>
    shareOfTicks(now.processes[name] - before.processes[name], before.cpu, now.cpu);

const processRate = (slot: number): FieldSource<HostFacts> =>
  fact("process counters", ({ process, seconds }) => divide(process[slot] ?? 0, seconds));

const processLevel = (slot: number): FieldSource<HostFacts> =>
  fact("process counters", ({ process, samples }) => divide(process[slot] ?? 0, samples));

const tcp = (name: string, read: (facts: HostFacts) => number, doc: string): Field<HostFacts> =>
  attribute(`System.TCPSocket.${name}`, LEVEL, fact("/proc/net", read), doc);

/** Of `System`, up to the disks. */
export const SYSTEM_FIELDS: readonly Field<HostFacts>[] = [
  cpu("Kernel", share("kernel"), "Time in the kernel; Kernel and User together are the load."),
  cpu("User", share("user"), "Time in programs."),
  cpu("Idle", share("idle"), "Idle."),
  cpu("ProcKernel", processShare("systemTicks"), "The server's processes in the kernel."),
  cpu("ProcUser", processShare("userTicks"), "The server's processes outside of it."),
  cpu("Nice", share("nice"), "Programs of low priority."),
  cpu("IOWait", share("ioWait"), "Idle while a disk is waited for."),
  cpu("IRQ", share("irq"), "Interrupts."),
  cpu("SoftIRQ", share("softIrq"), "Soft interrupts."),
  cpu("Steal", share("steal"), "Taken by the hypervisor."),
  attribute(
    "System.Mem.Free",
    "bytes",
    fact("/proc/meminfo", ({ machine }) => machine.now.memory.freeBytes),
    "Memory that nothing uses.",
  ),
  attribute(
    "System.Mem.STON",
    "bytes",
    fact("/proc", ({ machine }) => machine.now.processes.residentBytes),
    "Resident memory of the server's processes.",
  ),
];

/** Of `System`, behind the disks. */
export const SOCKET_FIELDS: readonly Field<HostFacts>[] = [
  attribute("System.ServerSocket.Total", LEVEL, processLevel(PROCESS_SLOT.connectionsOpen), "Client connections."),
  attribute(
    "System.ServerSocket.Established",
    LEVEL,
    processLevel(PROCESS_SLOT.connectionsOpen),
    "Client connections that stand.",
  ),
  attribute(
    "System.ServerSocket.Accepted",
    PER_SECOND,
    processRate(PROCESS_SLOT.connectionsAccepted),
    "Client connections accepted.",
  ),
  attribute(
    "System.ServerSocket.Closed",
    PER_SECOND,
    processRate(PROCESS_SLOT.connectionsClosed),
    "Client connections closed.",
  ),
  attribute(
    "System.ClientSocket.Total",
    LEVEL,
    processLevel(PROCESS_SLOT.originConnectionsOpen),
    "Origin connections.",
  ),
  attribute(
    "System.ClientSocket.Established",
    LEVEL,
    processLevel(PROCESS_SLOT.originConnectionsOpen),
    "Origin connections that stand.",
  ),
  attribute(
    "System.ClientSocket.Connected",
    PER_SECOND,
    processRate(PROCESS_SLOT.originConnectionsMade),
    "Origin connections made.",
  ),
  attribute(
    "System.ClientSocket.Closed",
    PER_SECOND,
    processRate(PROCESS_SLOT.originConnectionsClosed),
    "Origin connections closed.",
  ),
  tcp("Established", ({ machine }) => machine.now.sockets.established, "TCP connections of the machine."),
  tcp("Timewait", ({ machine }) => machine.now.sockets.timeWait, "Of the machine, in TIME_WAIT."),
  tcp("Orphan", ({ machine }) => machine.now.sockets.orphan, "Of the machine, held by no process."),
  tcp("Alloc", ({ machine }) => machine.now.sockets.allocated, "TCP sockets of the machine."),
  tcp("Mem", ({ machine }) => machine.now.sockets.memoryPages, "Pages of memory that TCP takes."),
  text(
    "System.EQ",
    LEVEL,
    fact("primary", ({ waitingEvents }) => waitingEvents),
    "Jobs that wait for the transform host.",
  ),
  text(
    "System.RQ",
    LEVEL,
    processLevel(PROCESS_SLOT.memoryTierObjects),
    "Objects in the memory tiers, which hold what was served lately.",
  ),
  text(
    "System.WaitingFiles2Write",
    LEVEL,
    processLevel(PROCESS_SLOT.fillsRunning),
    "Origin responses that are being stored.",
  ),
  attribute(
    "System.ServiceAccess.Allow",
    PER_SECOND,
    processRate(PROCESS_SLOT.accessAllowed),
    "Connections let in by `<ServiceAccess>`.",
  ),
  attribute(
    "System.ServiceAccess.Deny",
    PER_SECOND,
    processRate(PROCESS_SLOT.accessDenied),
    "Connections turned away by `<ServiceAccess>`.",
  ),
  ...(["1", "5", "15"] as const).map((minutes) =>
    attribute<HostFacts>(
      `System.SystemLoadAverage.Min${minutes}`,
      "0.01",
      fact("/proc/loadavg", ({ machine: { now } }) => {
        if (minutes === "1") return now.load.minute1;
        return minutes === "5" ? now.load.minutes5 : now.load.minutes15;
      }),
      `Load average over ${minutes} minutes.`,
    ),
  ),
  text("System.URLRewrite", PER_SECOND, processRate(PROCESS_SLOT.rewrittenUrls), "URLs rewritten."),
];

/** Of `Host` itself. */
export const HOST_FIELDS: readonly Field<HostFacts>[] = [
  ...HOST,
  ...summaryFields<HostFacts>(),
  ...countSums,
  ...hitSums,
];
