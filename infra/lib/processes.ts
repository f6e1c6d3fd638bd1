import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive, listProcessTree } from "./procfs.ts";

/** Processes that this program has started, each ended with all its descendants when this program ends. */
const running = new Set<StartedProcess>();

export interface StartedProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** The last 64 KB of what it wrote to standard output and error. */
  output(): string;
  /** Resolves with the exit code, or with the signal's name. */
  readonly exited: Promise<number | string>;
}

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Pins the process and its descendants to these cores. */
  readonly cores?: readonly number[] | undefined;
  readonly folder?: string;
  /** Ctrl-C of the terminal must not reach it: we end it ourselves, in order. */
  readonly ownGroup?: boolean;
}

export function startProcess(command: string, args: readonly string[], options: StartOptions = {}): StartedProcess {
  const { cores } = options;
  const child = spawn(
    cores === undefined ? command : "taskset",
    cores === undefined ? [...args] : ["-c", cores.join(","), command, ...args],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.environment },
      cwd: options.folder,
      detached: options.ownGroup ?? true,
    },
  );
  if (child.pid === undefined) throw new Error(`cannot start ${command}`);
  let output = "";
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString("utf8")).slice(-65_536);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const exited = new Promise<number | string>((resolve) => {
    child.once("close", (code, signal) => {
      running.delete(started);
      resolve(code ?? signal ?? "unknown");
    });
    child.once("error", (error) => {
      running.delete(started);
      resolve(error.message);
    });
  });
  const started: StartedProcess = { pid: child.pid, child, output: () => output, exited };
  running.add(started);
  return started;
}

/** SIGTERM, then SIGKILL to whatever of its tree is left after the grace time. */
export async function stopProcess(started: StartedProcess, graceMs = 10_000): Promise<void> {
  const tree = listProcessTree(started.pid);
  signal(started.pid, "SIGTERM");
  const deadline = Date.now() + graceMs;
  while (tree.some(isAlive) && Date.now() < deadline) await delay(20);
  for (const pid of tree) signal(pid, "SIGKILL");
  await started.exited;
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {}
}

/** Runs to the end; rejects unless it exits with 0. */
export async function runToEnd(command: string, args: readonly string[], options: StartOptions = {}): Promise<string> {
  const started = startProcess(command, args, options);
  const result = await started.exited;
  if (result !== 0) throw new Error(`${command} ended with ${result}: ${started.output().trim().slice(-2000)}`);
  return started.output();
}

/** Calls `stop` once on Ctrl-C or SIGTERM, then leaves with the conventional exit code. */
export function onInterrupt(stop: () => Promise<void>): void {
  let stopping = false;
  for (const [name, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(name, () => {
      if (stopping) return;
      stopping = true;
      stop().finally(() => process.exit(exitCode));
    });
  }
}

process.on("exit", () => {
  for (const started of running) {
    for (const pid of listProcessTree(started.pid)) signal(pid, "SIGKILL");
  }
});
