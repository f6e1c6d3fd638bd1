export { type BlockCounters, NO_BLOCK_COUNTERS } from "./blockDevices.ts";
export { type Processor, parseProcessors } from "./cpuInfo.ts";
export { type CpuShares, type CpuTimes, cpuShares, shareOfTicks } from "./cpuTimes.ts";
export { type Hardware, readHardware } from "./hardware.ts";
export type { LoadAverage } from "./loadAverage.ts";
export type { MemoryInfo } from "./memoryInfo.ts";
export type { NetworkDevice } from "./networkDevices.ts";
export { type KernelFiles, openKernelFiles } from "./procText.ts";
export {
  createSystemSampler,
  type SystemDisk,
  type SystemProcesses,
  type SystemSample,
  type SystemSampler,
  TICKS_PER_SECOND,
} from "./sampleSystem.ts";
export type { TcpSockets } from "./sockets.ts";
export { SYSTEM_METRICS, type SystemMetric, type SystemReading } from "./systemMetrics.ts";
