import { type ChildProcess, fork } from "node:child_process";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import type { DeriveReply, DeriveRequest } from "@basalt/cache";
import type { EdgeConfig } from "@basalt/config";
import { Channel, portToChild } from "@basalt/ipc";
import { EdgeError } from "@basalt/types";
import type { LogLevel, TransformFigures, TransformOwner, TransformService } from "./protocol.ts";

const ENTRY = fileURLToPath(new URL("./transformHost.js", import.meta.url));

/** Transforms give way to delivery when both want the processor. */
const NICENESS = 10;
const STABLE_MS = 1_000;
const LONGEST_DELAY_MS = 5_000;

export interface TransformProcessParts {
  readonly config: () => EdgeConfig;
  readonly nextSegment: (disk: number) => Promise<number>;
  readonly nextFile: (disk: number) => number;
  readonly log: (level: LogLevel, text: string) => void;
  readonly onGone: () => void;
}

interface Running {
  readonly child: ChildProcess;
  readonly channel: Channel<TransformOwner, TransformService>;
  readonly startedMs: number;
  /** Resolves when the host takes jobs; rejects when it ended before. */
  readonly configured: Promise<void>;
}

/** The transform host, kept running; jobs in flight when it dies are done once more by its successor. */
export class TransformProcess {
  readonly #parts: TransformProcessParts;
  #running: Running;
  #restarts = 0;
  #delayMs = 0;
  #isStopping = false;

  constructor(parts: TransformProcessParts) {
    this.#parts = parts;
    this.#running = this.#spawn();
  }

  get pid(): number {
    return this.#running.child.pid ?? 0;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get uptimeSeconds(): number {
    return Math.floor((performance.now() - this.#running.startedMs) / 1000);
  }

  get isServing(): boolean {
    return this.#running.channel.isOpen;
  }

  async derive(request: DeriveRequest): Promise<DeriveReply> {
    const first = this.#running;
    try {
      await first.configured;
      return await first.channel.call("derive", request);
    } catch (cause) {
      if (EdgeError.from(cause).code !== "SHUTTING_DOWN" || this.#isStopping || first === this.#running) throw cause;
      await this.#running.configured;
      return await this.#running.channel.call("derive", request);
    }
  }

  async figures(): Promise<TransformFigures | undefined> {
    return await this.#running.channel.call("figures", null).catch(() => undefined);
  }

  stop(): void {
    this.#isStopping = true;
    this.#running.child.kill("SIGKILL");
  }

  #spawn(): Running {
    const child = fork(ENTRY, [], { serialization: "advanced" });
    if (child.pid !== undefined) lowerPriority(child.pid);
    let becomeReady: () => void = () => {};
    const ready = new Promise<void>((resolve) => {
      becomeReady = resolve;
    });
    const channel = new Channel<TransformOwner, TransformService>(
      portToChild(child),
      {
        nextSegment: ({ disk }) => this.#parts.nextSegment(disk),
        nextFile: ({ disk }) => this.#parts.nextFile(disk),
      },
      { ready: () => becomeReady(), log: ({ level, text }) => this.#parts.log(level, text) },
    );
    const ended = new Promise<never>((_, reject) => {
      channel.onClose(() => reject(new EdgeError("SHUTTING_DOWN", { detail: "transform host ended" })));
    });
    const configured = Promise.race([ready, ended]).then(async () => {
      await channel.call("configure", { config: this.#parts.config() });
    });
    configured.catch(() => {});
    child.once("exit", (code, signal) => this.#ended(code, signal));
    return { child, channel, startedMs: performance.now(), configured };
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.#parts.onGone();
    if (this.#isStopping) return;
    this.#restarts++;
    this.#parts.log("warning", `transform host ended (${signal ?? `exit code ${code}`}); starting another`);
    const isYoung = performance.now() - this.#running.startedMs < STABLE_MS;
    this.#delayMs = isYoung ? Math.min(LONGEST_DELAY_MS, Math.max(100, this.#delayMs * 2)) : 0;
    setTimeout(() => {
      if (!this.#isStopping) this.#running = this.#spawn();
    }, this.#delayMs);
  }
}

const lowerPriority = (pid: number): void => {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // A host that forbids it only loses the preference.
  }
};
