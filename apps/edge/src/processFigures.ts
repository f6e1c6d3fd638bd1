import { monitorEventLoopDelay } from "node:perf_hooks";

const delay = monitorEventLoopDelay({ resolution: 20 });

/** Own figures of this process; the loop's lag is measured from the first call on. */
export const ownFigures = (): {
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  readonly eventLoopLagSeconds: number;
} => {
  delay.enable();
  const cpu = process.cpuUsage();
  const lag = Math.max(0, delay.mean / 1e9 - 0.02);
  const figures = {
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    eventLoopLagSeconds: Number.isFinite(lag) ? lag : 0,
  };
  delay.reset();
  return figures;
};
