import cluster, { type Worker } from "node:cluster";
import { fileURLToPath } from "node:url";
import { type CallHandlers, Channel, type EventHandlers, portToChild, type SocketHandle } from "@basalt/ipc";
import type { PrimaryService, WorkerConfiguration, WorkerFigures, WorkerService } from "./protocol.ts";

const ENTRY = fileURLToPath(new URL("./worker.js", import.meta.url));

/** A worker's heap holds little beside the memory tier's index: what V8 would keep in reserve belongs to the tier. */
const V8_OPTIONS = ["--heap-growing-percent=25", "--max-semi-space-size=4"];

/** How long a new worker may take from fork to its first configuration. */
const START_LIMIT_MS = 30_000;

export type WorkerState = "starting" | "serving" | "draining" | "gone";

export interface ListeningPlace {
  readonly place: string;
  readonly port: number;
  readonly handle: SocketHandle;
}

/** One accept worker, seen from the primary: a process, its channel, and what it last told. */
export class WorkerProcess {
  readonly id: number;
  /** Place among the workers; -1 while the process waits as a spare. */
  slot = -1;
  readonly channel: Channel<PrimaryService, WorkerService>;
  startedMs = performance.now();
  state: WorkerState = "starting";
  figures: WorkerFigures | undefined;
  readonly #places = new Set<string>();
  #generation = 0;
  readonly #worker: Worker;
  readonly #ready: Promise<void>;
  readonly #gone: Promise<number | null>;

  constructor(
    calls: (worker: WorkerProcess) => CallHandlers<PrimaryService>,
    events: (worker: WorkerProcess) => Omit<EventHandlers<PrimaryService>, "ready" | "figures">,
  ) {
    cluster.setupPrimary({ exec: ENTRY, serialization: "advanced", args: [], execArgv: [...V8_OPTIONS] });
    this.#worker = cluster.fork();
    this.id = this.#worker.id;
    let becomeReady: () => void = () => {};
    this.#ready = new Promise((resolve) => {
      becomeReady = resolve;
    });
    this.#gone = new Promise((resolve) => {
      this.#worker.once("exit", (code) => {
        this.state = "gone";
        resolve(code);
      });
    });
    this.channel = new Channel<PrimaryService, WorkerService>(portToChild(this.#worker.process), calls(this), {
      ...events(this),
      ready: () => becomeReady(),
      figures: (figures) => {
        this.figures = figures;
      },
    });
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0;
  }

  /** Resolves when the process has ended. */
  get gone(): Promise<number | null> {
    return this.#gone;
  }

  /** Gives a spare its place: its life as a worker begins now. */
  takeSlot(slot: number): void {
    this.slot = slot;
    this.startedMs = performance.now();
  }

  /** Configures the worker and lets it accept. False when it died on the way. */
  async start(configuration: WorkerConfiguration, places: readonly ListeningPlace[]): Promise<boolean> {
    const timer = setTimeout(() => this.kill(), START_LIMIT_MS);
    const ended = this.#gone.then(() => false);
    try {
      const isReady = await Promise.race([this.#ready.then(() => true), ended]);
      if (!isReady) return false;
      const isConfigured = await Promise.race([this.configure(configuration).then(() => true), ended]).catch(
        () => false,
      );
      if (!isConfigured) return false;
      for (const place of places) this.listen(place);
      // Answered behind the sockets: until a worker has taken one, connections to it are refused.
      const accepts = this.channel.call("figures", null).then(() => true);
      if (!(await Promise.race([accepts, ended]).catch(() => false))) return false;
      if (this.state === "starting") this.state = "serving";
      return this.state === "serving";
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when every later request sees the configuration. */
  async configure(configuration: WorkerConfiguration): Promise<void> {
    await this.channel.call("configure", configuration);
    this.#generation = configuration.config.generation;
  }

  /** Of the configuration that the worker has confirmed. */
  get generation(): number {
    return this.#generation;
  }

  isListening(place: string): boolean {
    return this.#places.has(place);
  }

  unlisten(place: string): void {
    this.#places.delete(place);
    this.channel.tell("unlisten", { place });
  }

  listen({ place, port, handle }: ListeningPlace): void {
    this.#places.add(place);
    this.channel.tell("listen", { place, port }, handle);
  }

  drain(limitMs: number): void {
    if (this.state === "gone") return;
    this.state = "draining";
    this.channel.tell("drain", { limitMs });
    const timer = setTimeout(() => this.kill(), limitMs + 2_000);
    void this.#gone.then(() => clearTimeout(timer));
  }

  kill(): void {
    this.#worker.process.kill("SIGKILL");
  }
}
