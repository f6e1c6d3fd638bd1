import { Worker } from "node:worker_threads";
import { Channel, portToThread } from "@basalt/ipc";
import type { GraphQuestion } from "@basalt/management/graphs";
import type { InfoLog } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import type { GraphOwner, GraphService, GraphWindow, HostValues } from "./graphProtocol.ts";

/** More than the rows of a graph and its picture ever take. */
const THREAD_HEAP_MB = 128;

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
 * A thread of this process, started when there is something to do: neither the disk nor drawing holds up the event loop,
 * and one thing is done after another. Where it fails, it is started again for what comes next.
 */
export class GraphThread implements GraphWork {
  readonly #parts: GraphThreadParts;
  #channel: Channel<GraphOwner, GraphService> | undefined;
  #isClosed = false;

  constructor(parts: GraphThreadParts) {
    this.#parts = parts;
  }

  async draw(question: GraphQuestion, untilMs: number): Promise<Uint8Array | undefined> {
    try {
      return await this.#open().call("draw", { question, untilMs });
    } catch (cause) {
      this.#parts.log.error(`graphs: ${EdgeError.from(cause).detail}`);
      return undefined;
    }
  }

  async record(window: GraphWindow): Promise<void> {
    await this.#open().call("record", window);
  }

  async recordHosts(window: Parameters<GraphWork["recordHosts"]>[0]): Promise<void> {
    await this.#open().call("recordHosts", window);
  }

  async tidy(nowMs: number): Promise<void> {
    await this.#open().call("tidy", { nowMs });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const channel = this.#channel;
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
