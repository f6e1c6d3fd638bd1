import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { HANG_LIMIT_MS } from "../limits.ts";
import { callManagement, type EdgeStatus, parseStatus } from "./control.ts";
import { guardProcesses } from "./leftovers.ts";
import { isAlive, killTree, type ProcessRecord, recordProcess, signalProcess } from "./processTree.ts";
import { edgeEnvironment, Program } from "./program.ts";

const POLL_MS = 25;
/** A process that hangs is asked again: it may have been replaced. */
const STATUS_LIMIT_MS = 20_000;

export interface InstanceOptions {
  readonly home: string;
  readonly program: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly start: "foreground" | "detached";
  readonly readyLimitMs: number;
}

export interface CommandOutcome {
  readonly exitCode: number | undefined;
  readonly output: string;
}

/** The processes of one home: starts them, knows all of them, ends them by their ids. */
export class EdgeInstance {
  readonly #options: InstanceOptions;
  readonly #known = new Map<number, ProcessRecord>();
  readonly #release: () => void;
  #launcher: Program | undefined;
  #earlierOutput = "";

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.#release = guardProcesses(() => [...this.#known.values()]);
  }

  get controlSocketPath(): string {
    return join(this.#options.home, "run", "basalt.sock");
  }

  get output(): string {
    return this.#earlierOutput + (this.#launcher?.output ?? "");
  }

  async start(workers: number): Promise<void> {
    const { home, program, env, start } = this.#options;
    this.#earlierOutput = this.output;
    const foreground = start === "foreground" ? ["--foreground"] : [];
    const launcher = new Program([...program, "start", ...foreground, "--home", home], edgeEnvironment(env));
    this.#launcher = launcher;
    this.#remember(launcher.child.pid);
    if (start === "detached") {
      const code = await launcher.exited;
      if (code !== 0) throw new Error(`start failed with exit code ${code}:\n${launcher.output}`);
    }
    await this.waitUntilServing(workers);
  }

  /** Resolves with the report when that many workers serve, and no other worker is left. */
  async waitUntilServing(workers: number, isWanted: (status: EdgeStatus) => boolean = () => true): Promise<EdgeStatus> {
    const limit = Date.now() + this.#options.readyLimitMs;
    for (let last = "no answer from the control socket"; ; ) {
      const status = await this.status().catch((error: unknown) => {
        last = error instanceof Error ? error.message : String(error);
        return undefined;
      });
      if (status !== undefined) {
        const serving = status.workers.filter((worker) => worker.state === "serving").length;
        if (serving === workers && status.workers.length === workers && isWanted(status)) return status;
        last = JSON.stringify(status);
      }
      const code = this.#launcher?.exitCode;
      if (this.#options.start === "foreground" && code !== undefined) {
        throw new Error(`the edge ended with exit code ${code} before it served:\n${this.output}`);
      }
      if (Date.now() > limit) {
        throw new Error(`not serving after ${this.#options.readyLimitMs} ms: ${last}\n${this.output}`);
      }
      await pause(POLL_MS);
    }
  }

  async status(): Promise<EdgeStatus> {
    const answer = await callManagement({ socketPath: this.controlSocketPath }, "/control/status", {
      limitMs: STATUS_LIMIT_MS,
    });
    if (answer.status !== 200) throw new Error(`/control/status: ${answer.status} ${answer.text}`);
    const status = parseStatus(answer.text);
    this.#remember(status.primaryPid);
    this.#remember(status.transform?.pid);
    for (const worker of status.workers) this.#remember(worker.pid);
    this.#remember(await this.#launcherPid());
    return status;
  }

  async #launcherPid(): Promise<number | undefined> {
    const text = await readFile(join(this.#options.home, "run", "basalt.pid"), "utf8").catch(() => "");
    const pid = Number.parseInt(text, 10);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  }

  #remember(pid: number | undefined): void {
    if (pid === undefined || pid <= 1 || pid === process.pid) return;
    const record = recordProcess(pid);
    if (record !== undefined) this.#known.set(pid, record);
  }

  /** Ends it as an operator does and waits until every process is gone. */
  async stop(): Promise<void> {
    const limit = Date.now() + HANG_LIMIT_MS;
    const child = this.#launcher?.child;
    if (this.#options.start === "foreground" && child?.pid !== undefined) {
      const record = this.#known.get(child.pid);
      if (record !== undefined) signalProcess(record, "SIGTERM");
    } else {
      const { program, home, env } = this.#options;
      await new Program([...program, "stop", "--home", home], edgeEnvironment(env)).exited;
    }
    while (this.#living().length > 0) {
      if (Date.now() > limit) {
        const left = this.#living().map((record) => record.pid);
        this.kill();
        throw new Error(`still running ${HANG_LIMIT_MS} ms after stop: ${left.join(", ")}\n${this.output}`);
      }
      await pause(POLL_MS);
    }
    this.#known.clear();
  }

  /** Resolves when it has ended by itself and no process of it is left, with the launcher's exit code. */
  async ended(limitMs: number): Promise<number | undefined> {
    const limit = Date.now() + limitMs;
    while (this.#living().length > 0) {
      if (Date.now() > limit) throw new Error(`still running after ${limitMs} ms\n${this.output}`);
      await pause(POLL_MS);
    }
    return this.#launcher?.exited;
  }

  /** Runs another command of the program on the same home. */
  async command(words: readonly string[]): Promise<CommandOutcome> {
    const { home, program, env } = this.#options;
    const [name = "", ...rest] = words;
    const run = new Program([...program, name, ...rest, "--home", home], edgeEnvironment(env));
    return { exitCode: await run.exited, output: run.output };
  }

  #living(): ProcessRecord[] {
    return [...this.#known.values()].filter(isAlive);
  }

  /** SIGKILL to everything at once. */
  kill(): ProcessRecord[] {
    const killed = killTree([...this.#known.values()]);
    this.#known.clear();
    return killed;
  }

  /** SIGKILL to everything, then waits until all of it is gone. */
  async crash(): Promise<void> {
    await this.status().catch(() => undefined);
    await this.crashAtOnce();
  }

  /** As `crash`, without asking first who runs: within the millisecond, as far as the processes are known. */
  async crashAtOnce(): Promise<void> {
    const before = [...this.#known.values(), ...this.kill()];
    while (before.some(isAlive)) await pause(POLL_MS);
  }

  /** No process of this instance is left afterwards. */
  dispose(): void {
    this.kill();
    this.#release();
  }
}
