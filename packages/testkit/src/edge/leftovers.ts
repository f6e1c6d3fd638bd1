import { killTree, type ProcessRecord } from "./processTree.ts";

/** What is running because of this process: killed when it exits, however it exits (short of SIGKILL). */
const owners = new Set<() => readonly ProcessRecord[]>();
let guarding = false;

const killLeftovers = (): void => {
  for (const owned of owners) killTree(owned());
};

/** Registers a source of processes; the result takes it back. */
export const guardProcesses = (owned: () => readonly ProcessRecord[]): (() => void) => {
  owners.add(owned);
  if (!guarding) {
    guarding = true;
    process.once("exit", killLeftovers);
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.once(signal, () => {
        killLeftovers();
        process.kill(process.pid, signal);
      });
    }
  }
  return () => owners.delete(owned);
};
