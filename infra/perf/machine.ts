import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { checkout } from "../lib/edge.ts";
import { nginxProgram } from "./nginx.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly nginx: string;
  readonly wrk: string;
  readonly commit: string;
}

/** What a program says about itself; some say it on standard error or with a non-zero exit. */
function ask(command: string, args: readonly string[]): string {
  try {
    return execFileSync("sh", ["-c", '"$0" "$@" 2>&1 || true', command, ...args], {
      cwd: checkout,
      encoding: "utf8",
    }).trim();
  } catch {
    return "";
  }
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    nginx: nginxProgram === undefined ? "" : (/nginx\/(\S+)/.exec(ask(nginxProgram, ["-v"]))?.[1] ?? ""),
    wrk: /wrk (?:debian\/)?(\S+)/.exec(ask("wrk", ["-v"]))?.[1] ?? "",
    commit: ask("git", ["rev-parse", "--short", "HEAD"]),
  };
}
