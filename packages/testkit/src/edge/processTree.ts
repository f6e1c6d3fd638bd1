import { readdirSync, readFileSync } from "node:fs";

/** A process by id and start time, so that a later process with the same id is never taken for it. */
export interface ProcessRecord {
  readonly pid: number;
  readonly startTicks: number;
}

interface ProcessEntry extends ProcessRecord {
  readonly parent: number;
  readonly state: string;
  readonly threads: number;
}

const readEntry = (pid: number): ProcessEntry | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // the command name, in parentheses, may hold anything; the fields after it are plain
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      pid,
      state: fields[0] ?? "",
      parent: Number(fields[1]),
      threads: Number(fields[17]),
      startTicks: Number(fields[19]),
    };
  } catch {
    return undefined;
  }
};

export const recordProcess = (pid: number): ProcessRecord | undefined => {
  const entry = readEntry(pid);
  return entry === undefined ? undefined : { pid, startTicks: entry.startTicks };
};

/**
 * False for a zombie: it holds nothing any more. Unless threads of it are still ending: until the last one has, its
 * sockets are open and accept.
 */
export const isAlive = (record: ProcessRecord): boolean => {
  const entry = readEntry(record.pid);
  if (entry === undefined || entry.startTicks !== record.startTicks) return false;
  return (entry.state !== "Z" && entry.state !== "X") || entry.threads > 1;
};

/** The living descendants of those processes, themselves included; parents come before children. */
export const processTree = (roots: readonly ProcessRecord[]): ProcessRecord[] => {
  const children = new Map<number, ProcessEntry[]>();
  for (const name of readdirSync("/proc")) {
    const entry = /^\d+$/.test(name) ? readEntry(Number(name)) : undefined;
    if (entry === undefined) continue;
    const siblings = children.get(entry.parent);
    if (siblings === undefined) children.set(entry.parent, [entry]);
    else siblings.push(entry);
  }
  const tree = new Map<number, ProcessRecord>();
  const pending = roots.filter(isAlive);
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    if (tree.has(next.pid)) continue;
    tree.set(next.pid, { pid: next.pid, startTicks: next.startTicks });
    pending.push(...(children.get(next.pid) ?? []));
  }
  return [...tree.values()];
};

export const signalProcess = (record: ProcessRecord, signal: NodeJS.Signals): boolean => {
  if (!isAlive(record)) return false;
  try {
    return process.kill(record.pid, signal);
  } catch {
    return false;
  }
};

/** Kills them and whatever they have started, parents first; repeated so that nothing started meanwhile escapes. */
export const killTree = (roots: readonly ProcessRecord[]): ProcessRecord[] => {
  const killed: ProcessRecord[] = [];
  for (let round = 0; round < 3; round++) {
    const tree = processTree([...roots, ...killed]);
    for (const record of tree) if (signalProcess(record, "SIGKILL")) killed.push(record);
    if (tree.length === 0) break;
  }
  return killed;
};
