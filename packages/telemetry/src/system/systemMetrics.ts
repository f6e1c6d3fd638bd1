import type { BlockCounters } from "./blockDevices.ts";
import type { CpuTimes } from "./cpuTimes.ts";
import type { NetworkDevice } from "./networkDevices.ts";
import { type SystemSample, TICKS_PER_SECOND } from "./sampleSystem.ts";

/** One metric of the machine, ready for the exposition format. */
export interface SystemMetric {
  /** Without the prefix of the product; with `_total` where it is a counter. */
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
  readonly read: (sample: SystemSample) => readonly SystemReading[];
}

export interface SystemReading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const CPU_MODES: readonly (readonly [keyof CpuTimes, string])[] = [
  ["user", "user"],
  ["nice", "nice"],
  ["system", "system"],
  ["idle", "idle"],
  ["ioWait", "iowait"],
  ["irq", "irq"],
  ["softIrq", "softirq"],
  ["steal", "steal"],
];

const single =
  (value: (sample: SystemSample) => number) =>
  (sample: SystemSample): readonly SystemReading[] => [{ labels: {}, value: value(sample) }];

const perDisk = (value: (counters: BlockCounters) => number) => (sample: SystemSample) =>
  sample.disks
    .filter(({ device }) => device !== "")
    .map((disk) => ({ labels: { disk: disk.path, device: disk.device }, value: value(disk) }));

const perDevice = (value: (device: NetworkDevice) => number) => (sample: SystemSample) =>
  sample.network.map((device) => ({ labels: { device: device.name }, value: value(device) }));

const SECTOR_BYTES = 512;

export const SYSTEM_METRICS: readonly SystemMetric[] = [
  {
    name: "system_cpu_seconds_total",
    kind: "counter",
    help: "Time of all processors of the machine by mode.",
    read: ({ cpu }) => CPU_MODES.map(([name, mode]) => ({ labels: { mode }, value: cpu[name] / TICKS_PER_SECOND })),
  },
  {
    name: "system_memory_total_bytes",
    kind: "gauge",
    help: "Memory of the machine.",
    read: single(({ memory }) => memory.totalBytes),
  },
  {
    name: "system_memory_free_bytes",
    kind: "gauge",
    help: "Memory of the machine that nothing uses.",
    read: single(({ memory }) => memory.freeBytes),
  },
  {
    name: "system_memory_available_bytes",
    kind: "gauge",
    help: "Memory of the machine that programs can still get without swapping.",
    read: single(({ memory }) => memory.availableBytes),
  },
  {
    name: "system_load",
    kind: "gauge",
    help: "Load average of the machine by minutes.",
    read: ({ load }) => [
      { labels: { minutes: "1" }, value: load.minute1 / 100 },
      { labels: { minutes: "5" }, value: load.minutes5 / 100 },
      { labels: { minutes: "15" }, value: load.minutes15 / 100 },
    ],
  },
  {
    name: "system_tcp_sockets",
    kind: "gauge",
    help: "TCP sockets of the machine by state.",
    read: ({ sockets }) => [
      { labels: { state: "established" }, value: sockets.established },
      { labels: { state: "time_wait" }, value: sockets.timeWait },
      { labels: { state: "orphan" }, value: sockets.orphan },
      { labels: { state: "allocated" }, value: sockets.allocated },
    ],
  },
  {
    name: "system_tcp_memory_pages",
    kind: "gauge",
    help: "Memory of the TCP sockets of the machine, in pages.",
    read: single(({ sockets }) => sockets.memoryPages),
  },
  {
    name: "system_disk_reads_total",
    kind: "counter",
    help: "Reads of the block device that holds the disk.",
    read: perDisk(({ reads }) => reads),
  },
  {
    name: "system_disk_read_bytes_total",
    kind: "counter",
    help: "Bytes read from the block device that holds the disk.",
    read: perDisk(({ readSectors }) => readSectors * SECTOR_BYTES),
  },
  {
    name: "system_disk_writes_total",
    kind: "counter",
    help: "Writes of the block device that holds the disk.",
    read: perDisk(({ writes }) => writes),
  },
  {
    name: "system_disk_written_bytes_total",
    kind: "counter",
    help: "Bytes written to the block device that holds the disk.",
    read: perDisk(({ writeSectors }) => writeSectors * SECTOR_BYTES),
  },
  {
    name: "system_disk_io_seconds_total",
    kind: "counter",
    help: "Time in which the block device that holds the disk had something to do.",
    read: perDisk(({ busyMs }) => busyMs / 1000),
  },
  {
    name: "system_disk_io_in_progress",
    kind: "gauge",
    help: "Operations under way on the block device that holds the disk.",
    read: perDisk(({ inProgress }) => inProgress),
  },
  {
    name: "system_network_receive_bytes_total",
    kind: "counter",
    help: "Bytes received by the network device.",
    read: perDevice(({ receivedBytes }) => receivedBytes),
  },
  {
    name: "system_network_transmit_bytes_total",
    kind: "counter",
    help: "Bytes sent by the network device.",
    read: perDevice(({ sentBytes }) => sentBytes),
  },
  {
    name: "system_network_errors_total",
    kind: "counter",
    help: "Packets that the network device lost or received damaged, both directions.",
    read: perDevice(
      (device) => device.receivedErrors + device.receivedDropped + device.sentErrors + device.sentDropped,
    ),
  },
];
