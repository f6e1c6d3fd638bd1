import { readFileSync } from "node:fs";

/** A process for as long as it lives: its number may be given to another one later, its start time tells. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, as `/proc` prints it; empty where there is none. */
  readonly startTicks: string;
}

/** Fields of `/proc/{pid}/stat` behind the name of the program, which may hold blanks: state first, start time 20th. */
const statOf = (pid: number): readonly string[] => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
};

export const identify = (pid: number): ProcessIdentity => ({ pid, startTicks: statOf(pid)[19] ?? "" });

/** Whether that very process still runs; one that has ended and waits for its parent does not. */
export const isRunning = ({ pid, startTicks }: ProcessIdentity): boolean => {
  const stat = statOf(pid);
  return stat.length > 0 && stat[0] !== "Z" && stat[19] === startTicks;
};

/** Sends a signal to that very process, if it still runs. */
export const signalTo = (identity: ProcessIdentity, signal: NodeJS.Signals): void => {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch {
    // It has ended meanwhile.
  }
};
