import { wholeNumber, wordsOf } from "./procText.ts";

/** Time of all processors since the machine started, in ticks; time of guests is within `user` and `nice`. */
export interface CpuTimes {
  readonly user: number;
  readonly nice: number;
  readonly system: number;
  readonly idle: number;
  readonly ioWait: number;
  readonly irq: number;
  readonly softIrq: number;
  readonly steal: number;
}

/** The first line of /proc/stat. Columns that an old kernel does not write are 0. */
export const parseCpuTimes = (text: string): CpuTimes => {
  const line = text.split("\n").find((candidate) => /^cpu\s/.test(candidate)) ?? "";
  const [, user, nice, system, idle, ioWait, irq, softIrq, steal] = wordsOf(line);
  return {
    user: wholeNumber(user),
    nice: wholeNumber(nice),
    system: wholeNumber(system),
    idle: wholeNumber(idle),
    ioWait: wholeNumber(ioWait),
    irq: wholeNumber(irq),
    softIrq: wholeNumber(softIrq),
    steal: wholeNumber(steal),
  };
};

/** Number of processors that /proc/stat shows; at least 1. */
export const countProcessors = (text: string): number => Math.max(1, text.match(/^cpu\d+\s/gm)?.length ?? 0);

/** Shares of one interval in 0.01 % (STAT-45): Kernel, User and Idle are the whole, the others parts of them. */
export interface CpuShares {
  readonly kernel: number;
  readonly user: number;
  readonly idle: number;
  readonly nice: number;
  readonly ioWait: number;
  readonly irq: number;
  readonly softIrq: number;
  readonly steal: number;
}

const WHOLE = 10_000;

const grown = (before: CpuTimes, after: CpuTimes, name: keyof CpuTimes): number =>
  Math.max(0, after[name] - before[name]);

/** All 0 when no time has passed. A column that fell (processors taken offline) has not grown. */
export const cpuShares = (before: CpuTimes, after: CpuTimes): CpuShares => {
  const nice = grown(before, after, "nice");
  const user = grown(before, after, "user") + nice;
  const irq = grown(before, after, "irq");
  const softIrq = grown(before, after, "softIrq");
  const steal = grown(before, after, "steal");
  const kernel = grown(before, after, "system") + irq + softIrq + steal;
  const ioWait = grown(before, after, "ioWait");
  const total = user + kernel + grown(before, after, "idle") + ioWait;
  const share = (ticks: number): number => (total === 0 ? 0 : Math.round((ticks / total) * WHOLE));
  const kernelShare = share(kernel);
  const userShare = Math.min(share(user), WHOLE - kernelShare);
  return {
    kernel: kernelShare,
    user: userShare,
    idle: total === 0 ? 0 : WHOLE - kernelShare - userShare,
    nice: share(nice),
    ioWait: share(ioWait),
    irq: share(irq),
    softIrq: share(softIrq),
    steal: share(steal),
  };
};

/** What a set of processes used of all processors between two samples, in 0.01 %. */
export const shareOfTicks = (usedTicks: number, before: CpuTimes, after: CpuTimes): number => {
  const sum = (times: CpuTimes): number =>
    times.user + times.nice + times.system + times.idle + times.ioWait + times.irq + times.softIrq + times.steal;
  const total = sum(after) - sum(before);
  return total <= 0 || usedTicks <= 0 ? 0 : Math.min(WHOLE, Math.round((usedTicks / total) * WHOLE));
};
