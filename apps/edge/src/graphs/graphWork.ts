import { Worker } from "node:worker_threads";
import { Channel, portToThread } from "@basalt/ipc";
import type { GraphQuestion } from "@basalt/management/graphs";
import type { InfoLog } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import type { GraphOwner, GraphService, GraphWindow, HostValues } from "./graphProtocol.ts";

/** More than the rows of a graph and its picture ever take. */
const THREAD_HEAP_MB = 128;

/** A thread takes some 15 MB, and has something to do every five minutes: without more it ends. */
const IDLE_MS = 20_000;

/** The history of the graphs and what is drawn of it, wherever that is done. */
export interface GraphWork {
  /** Undefined where there is no such graph, or it cannot be drawn now. */
  draw(question: GraphQuestion, untilMs: number): Promise<Uint8Array | undefined>;
  record(window: GraphWindow): Promise<void>;
  recordHosts(
    window: Pick<GraphWindow, "endedAtMs" | "seconds"> & { readonly hosts: readonly HostValues[] },
  ): Promise<void>;
  tidy(nowMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface GraphThreadParts {
  /** The script of the thread. */
  readonly entry: string;
  /** The file of the history. */
  readonly path: string;
  readonly log: Pick<InfoLog, "warning" | "error">;
}

/**
 * A thread of this process, started when there is something to do and ended when there was nothing for a while: neither the disk nor drawing holds up the event loop,
 * and one thing is done after another. Where it fails, it is started again for what comes next.
 */
export class GraphThread implements GraphWork {
  readonly #parts: GraphThreadParts;
  #channel: Channel<GraphOwner, GraphService> | undefined;
  #running = 0;
  #ending: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(parts: GraphThreadParts) {
    this.#parts = parts;
  }

  async draw(question: GraphQuestion, untilMs: number): Promise<Uint8Array | undefined> {
    try {
      return await this.#run((channel) => channel.call("draw", { question, untilMs }));
    } catch (cause) {
      this.#parts.log.error(`graphs: ${EdgeError.from(cause).detail}`);
      return undefined;
    }
  }

  async record(window: GraphWindow): Promise<void> {
    await this.#run((channel) => channel.call("record", window));
  }

  async recordHosts(window: Parameters<GraphWork["recordHosts"]>[0]): Promise<void> {
    await this.#run((channel) => channel.call("recordHosts", window));
  }

  async tidy(nowMs: number): Promise<void> {
    await this.#run((channel) => channel.call("tidy", { nowMs }));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  async #run<Result>(work: (channel: Channel<GraphOwner, GraphService>) => Promise<Result>): Promise<Result> {
    const channel = this.#open();
    clearTimeout(this.#ending);
    this.#running += 1;
    try {
      return await work(channel);
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#ending = setTimeout(() => void this.#end(), IDLE_MS).unref();
    }
  }

  /** What comes next has a thread of its own. */
  async #end(): Promise<void> {
    clearTimeout(this.#ending);
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel === undefined) return;
    await channel.call("close", null).catch(() => undefined);
    channel.close();
  }

  #open(): Channel<GraphOwner, GraphService> {
    if (this.#isClosed) throw new EdgeError("SHUTTING_DOWN", { detail: "the graphs are closed" });
    this.#channel ??= this.#start();
    return this.#channel;
  }

  #start(): Channel<GraphOwner, GraphService> {
    const { entry, path, log } = this.#parts;
    const worker = new Worker(entry, {
      workerData: { path },
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MB },
    });
    worker.on("error", (cause) => log.error(`graphs: ${EdgeError.from(cause).detail}`));
    worker.unref();
    const channel = new Channel<GraphOwner, GraphService>(
      portToThread(worker),
      {},
      { problem: ({ text }) => log.warning(`graphs: ${text}`) },
    );
    channel.onClose(() => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    return channel;
  }
}
