import { type ChildProcess, fork } from "node:child_process";
import { setPriority } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { DeriveReply, DeriveRequest } from "@basalt/cache";
import type { EdgeConfig } from "@basalt/config";
import { Channel, portToChild } from "@basalt/ipc";
import { EdgeError } from "@basalt/types";
import type { StoreDisks } from "./hostStore.ts";
import type { LogLevel, TransformFigures, TransformOwner, TransformService } from "./protocol.ts";

const ENTRY = fileURLToPath(new URL("./transformHost.js", import.meta.url));

/** Transforms give way to delivery when both want the processor. */
const NICENESS = 10;
const STABLE_MS = 1_000;
const LONGEST_DELAY_MS = 5_000;
/** A spare is made when the start of others is over. */
const SPARE_DELAY_MS = 1_000;
/** How long a job that lost its host waits for the next one. */
const SUCCESSOR_MS = 10_000;
const SUCCESSOR_POLL_MS = 10;

export interface TransformProcessParts {
  readonly config: () => EdgeConfig;
  readonly store: () => StoreDisks;
  readonly onDiskFailed: (disk: number) => void;
  readonly onDiskFull: (disk: number) => void;
  readonly nextSegment: (disk: number) => Promise<number>;
  readonly nextFile: (disk: number) => number;
  readonly log: (level: LogLevel, text: string) => void;
  readonly onGone: () => void;
}

interface Spawned {
  readonly child: ChildProcess;
  readonly channel: Channel<TransformOwner, TransformService>;
  /** Resolves when the process has loaded its code; rejects when it ended before. */
  readonly ready: Promise<void>;
}

interface Running extends Spawned {
  readonly startedMs: number;
  /** Resolves when the host takes jobs; rejects when it ended before. */
  readonly configured: Promise<void>;
}

/** The transform host, kept running; jobs in flight when it dies are done once more by its successor. */
export class TransformProcess {
  readonly #parts: TransformProcessParts;
  #running: Running;
  /** A process with its code loaded, so that jobs wait as little as possible when the host dies. */
  #spare: Spawned | undefined;
  #restarts = 0;
  #delayMs = 0;
  #isStopping = false;

  constructor(parts: TransformProcessParts) {
    this.#parts = parts;
    this.#running = this.#employ(this.#spawn());
    this.#prepareSpare();
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
      if (EdgeError.from(cause).code !== "SHUTTING_DOWN" || this.#isStopping) throw cause;
      const second = await this.#successorOf(first);
      await second.configured;
      return await second.channel.call("derive", request);
    }
  }

  /** Nobody waits for that job any more. */
  abandon(id: number): void {
    if (this.#running.channel.isOpen) this.#running.channel.tell("abandonDerivation", { id });
  }

  async figures(): Promise<TransformFigures | undefined> {
    return await this.#running.channel.call("figures", null).catch(() => undefined);
  }

  setStore(store: StoreDisks): void {
    this.#running.channel.tell("store", store);
  }

  stop(): void {
    this.#isStopping = true;
    this.#spare?.child.kill("SIGKILL");
    this.#running.child.kill("SIGKILL");
  }

  #spawn(): Spawned {
    const child = fork(ENTRY, [], { serialization: "advanced" });
    if (child.pid !== undefined) lowerPriority(child.pid);
    let becomeReady: () => void = () => {};
    const loaded = new Promise<void>((resolve) => {
      becomeReady = resolve;
    });
    const channel = new Channel<TransformOwner, TransformService>(
      portToChild(child),
      {
        nextSegment: ({ disk }) => this.#parts.nextSegment(disk),
        nextFile: ({ disk }) => this.#parts.nextFile(disk),
      },
      {
        ready: () => becomeReady(),
        diskFailed: ({ disk }) => this.#parts.onDiskFailed(disk),
        diskFull: ({ disk }) => this.#parts.onDiskFull(disk),
        log: ({ level, text }) => this.#parts.log(level, text),
      },
    );
    // A process that could not be made ends like one that died.
    child.on("error", (cause) => {
      this.#parts.log("error", `transform host: ${cause.message}`);
      channel.close();
    });
    const ended = new Promise<never>((_, reject) => {
      channel.onClose(() => reject(new EdgeError("SHUTTING_DOWN", { detail: "transform host ended" })));
    });
    const ready = Promise.race([loaded, ended]);
    ready.catch(() => {});
    return { child, channel, ready };
  }

  /** Makes a process the transform host: its threads start now. */
  #employ(spawned: Spawned): Running {
    const configured = spawned.ready.then(async () => {
      await spawned.channel.call("configure", { config: this.#parts.config(), store: this.#parts.store() });
    });
    configured.catch(() => {});
    const running = { ...spawned, startedMs: performance.now(), configured };
    // A spare may have died just now: its end is noticed when it has become the running one.
    queueMicrotask(() => spawned.channel.onClose(() => this.#ended(running)));
    return running;
  }

  #prepareSpare(): void {
    const timer = setTimeout(() => {
      if (this.#isStopping || this.#spare !== undefined) return;
      const spare = this.#spawn();
      this.#spare = spare;
      spare.channel.onClose(() => {
        if (this.#spare === spare) this.#spare = undefined;
      });
    }, SPARE_DELAY_MS);
    timer.unref();
  }

  #ended(running: Running): void {
    this.#parts.onGone();
    if (this.#isStopping || running !== this.#running) return;
    this.#restarts++;
    this.#parts.log("warning", "transform host ended unexpectedly; another takes its place");
    const isYoung = performance.now() - running.startedMs < STABLE_MS;
    this.#delayMs = isYoung ? Math.min(LONGEST_DELAY_MS, Math.max(100, this.#delayMs * 2)) : 0;
    if (this.#delayMs === 0) this.#replace();
    else setTimeout(() => this.#replace(), this.#delayMs);
  }

  #replace(): void {
    if (this.#isStopping) return;
    const spare = this.#spare;
    this.#spare = undefined;
    this.#running = this.#employ(spare ?? this.#spawn());
    this.#prepareSpare();
  }

  /** The host that came after one that ended. */
  async #successorOf(first: Running): Promise<Running> {
    const limitMs = performance.now() + SUCCESSOR_MS;
    while (this.#running === first && performance.now() < limitMs) await pause(SUCCESSOR_POLL_MS);
    return this.#running;
  }
}

const lowerPriority = (pid: number): void => {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // A host that forbids it only loses the preference.
  }
};
