import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { SocketKeeper } from "@basalt/edge/socket-keeper";
import { type Home, processEnvironment } from "./home.ts";
import { releasePidFile, writePidFile } from "./pidFile.ts";
import { countEarlyEnds, decideNextStep, type ProcessEnd } from "./restartPolicy.ts";

export interface SuperviseOptions {
  readonly home: Home;
  /** Script of the primary. */
  readonly entry: string;
  /** Has the sockets and the workers that outlive a primary. */
  readonly keeper: SocketKeeper;
  readonly report: (text: string) => void;
}

const describeEnd = ({ code, signal }: ProcessEnd): string =>
  signal === null ? `exit code ${code}` : `signal ${signal}`;

/** The primary hands on rows and reports all the time: what V8 would let pile up of them is memory that contents could have. */
const PRIMARY_V8_OPTIONS = ["--heap-growing-percent=25", "--max-semi-space-size=4"];

/** Keeps a primary running until it ends by itself or `stop` is called. */
export class Supervisor {
  readonly #options: SuperviseOptions;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;

  constructor(options: SuperviseOptions) {
    this.#options = options;
  }

  /** Resolves with the exit code for the launcher. */
  async run(): Promise<number> {
    const { keeper, report } = this.#options;
    try {
      return await this.#keepRunning();
    } finally {
      const left = keeper.orphans.length;
      if (left > 0) report(`${left} workers end behind their primary.`);
      await keeper.endOrphans();
    }
  }

  async #keepRunning(): Promise<number> {
    const { keeper, report } = this.#options;
    let earlyEnds = 0;
    for (;;) {
      const end = await this.#runPrimary();
      if (this.#stopping.signal.aborted) {
        report(`Primary stopped (${describeEnd(end)}).`);
        return end.code ?? 0;
      }
      const next = decideNextStep(end, earlyEnds, keeper.orphans.length > 0);
      earlyEnds = countEarlyEnds(end, earlyEnds);
      if (next.kind === "end") {
        report(`Primary ended (${describeEnd(end)}).`);
        return next.exitCode;
      }
      report(`Primary ended (${describeEnd(end)}); next start in ${next.delayMs} ms.`);
      if (next.delayMs > 0) await this.#pause(next.delayMs);
      if (this.#stopping.signal.aborted) return 0;
    }
  }

  /** The primary reads its configuration anew. */
  reload(): void {
    this.#child?.kill("SIGHUP");
  }

  stop(signal: "SIGTERM" | "SIGINT"): void {
    this.#stopping.abort();
    this.#child?.kill(signal);
  }

  /** The primary gets a session of its own: a Ctrl-C at the terminal reaches it once, through the launcher. */
  #runPrimary(): Promise<ProcessEnd> {
    const { home, entry, keeper, report } = this.#options;
    const startedAt = performance.now();
    const child = spawn(process.execPath, [...process.execArgv, ...PRIMARY_V8_OPTIONS, entry], {
      env: processEnvironment(home),
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
      detached: true,
    });
    this.#child = child;
    keeper.serve(child);
    const { pid } = child;
    if (pid !== undefined) {
      writePidFile(home.primaryPidFile, pid);
      report(`Primary started, pid ${pid}.`);
    }
    return new Promise((resolve) => {
      const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#child = undefined;
        if (pid !== undefined) releasePidFile(home.primaryPidFile, pid);
        resolve({ code, signal, livedMs: performance.now() - startedAt });
      };
      child.once("exit", finish);
      child.once("error", (error) => {
        report(`Primary could not be started: ${error.message}`);
        finish(1, null);
      });
    });
  }

  async #pause(delayMs: number): Promise<void> {
    await delay(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
