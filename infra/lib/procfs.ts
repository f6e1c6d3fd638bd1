import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Ticks in which Linux reports CPU time to user space: 100 a second on every platform Node runs on. */
const TICKS_PER_SECOND = 100;

interface ProcessStat {
  /** Ended, but its parent has not asked how. */
  readonly isZombie: boolean;
  readonly parent: number;
  readonly cpuSeconds: number;
}

/** Undefined when there is no such process (any more). */
function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The command name is in brackets and may itself hold blanks and brackets: count from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const userTicks = Number(fields[11]);
  const systemTicks = Number(fields[12]);
  return {
    isZombie: fields[0] === "Z",
    parent: Number(fields[1]),
    cpuSeconds: (userTicks + systemTicks) / TICKS_PER_SECOND,
  };
}

/** The process and all its living descendants, parents first. */
export function listProcessTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined;
    if (stat !== undefined) {
      const siblings = children.get(stat.parent);
      if (siblings === undefined) children.set(stat.parent, [pid]);
      else siblings.push(pid);
    }
  }
  const tree = readStat(root) === undefined ? [] : [root];
  for (let index = 0; index < tree.length; index++) tree.push(...(children.get(tree[index] ?? 0) ?? []));
  return tree;
}

/** User and system time of all threads of all these processes; one that has gone counts nothing. */
export function readCpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (readStat(pid)?.cpuSeconds ?? 0), 0);
}

export function isAlive(pid: number): boolean {
  return readStat(pid)?.isZombie === false;
}

export interface ProcessMemory {
  readonly rssBytes: number;
  /** Shared pages divided by the number of processes that map them. */
  readonly pssBytes: number;
  /** Anonymous memory: heaps and stacks, no mapped files. */
  readonly anonymousBytes: number;
}

export function readMemory(pid: number): ProcessMemory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { rssBytes: bytes("Rss"), pssBytes: bytes("Pss"), anonymousBytes: bytes("Anonymous") };
}

/** TCP ports of 127.0.0.1 on which the process listens. */
export function listListeningPorts(pid: number): number[] {
  const inodes = new Set<string>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {}
  }
  const ports: number[] = [];
  for (const line of readFileSync(`/proc/${pid}/net/tcp`, "latin1").split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const listening = fields[3] === "0A";
    const port = /^0100007F:([0-9A-F]{4})$/.exec(fields[1] ?? "")?.[1];
    if (listening && port !== undefined && inodes.has(fields[9] ?? "")) ports.push(Number.parseInt(port, 16));
  }
  return ports;
}

/** Cores this process may run on, e.g. `[0, 1]`. */
export function listAllowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  return list.split(",").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
