import type { ChildProcess } from "node:child_process";
import type { EdgeConfig } from "@basalt/config";
import { type CallHandlers, Channel, type EventHandlers, portToChild, type SocketHandle } from "@basalt/ipc";
import { DrainLimit } from "@basalt/server";
import { identify, type ProcessIdentity } from "./processIdentity.ts";
import type { PrimaryService, WorkerConfiguration, WorkerFigures, WorkerService } from "./protocol.ts";
import { forkWorker } from "./workerFork.ts";

/** Numbers of workers are given once in the life of a primary. */
let lastId = 0;

/** How long a new worker may take from fork to the moment when it can be configured, and from there until it serves. */
const START_LIMIT_MS = 30_000;
/** In addition for each virtual host: thousands of them take their time on a busy machine. */
const START_LIMIT_PER_HOST_MS = 10;
/** Behind the limit that a draining worker keeps by itself. */
const DRAIN_GRACE_MS = 2_000;

/** What a worker is to be told, and the configuration that it then has. */
export interface PreparedConfiguration {
  readonly config: EdgeConfig;
  readonly message: WorkerConfiguration;
}

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
  readonly #drainLimit = new DrainLimit(() => this.kill());
  #configured: EdgeConfig | undefined;
  #configuring = 0;
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  readonly #gone: Promise<number | null>;

  constructor(
    calls: (worker: WorkerProcess) => CallHandlers<PrimaryService>,
    events: (worker: WorkerProcess) => Omit<EventHandlers<PrimaryService>, "ready" | "figures">,
  ) {
    this.#child = forkWorker();
    this.id = ++lastId;
    let becomeReady: () => void = () => {};
    this.#ready = new Promise((resolve) => {
      becomeReady = resolve;
    });
    this.#gone = new Promise((resolve) => {
      const end = (code: number | null): void => {
        this.state = "gone";
        resolve(code);
      };
      this.#child.once("exit", end);
      // A process that could not be made ends like one that died.
      this.#child.once("error", () => {
        if (this.#child.pid === undefined) end(null);
      });
    });
    this.channel = new Channel<PrimaryService, WorkerService>(portToChild(this.#child), calls(this), {
      ...events(this),
      ready: () => becomeReady(),
      figures: (figures) => {
        this.figures = figures;
      },
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get identity(): ProcessIdentity {
    return identify(this.pid);
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
  async start(configuration: () => PreparedConfiguration, places: () => readonly ListeningPlace[]): Promise<boolean> {
    let timer = setTimeout(() => this.kill(), START_LIMIT_MS);
    const ended = this.#gone.then(() => false);
    try {
      const isReady = await Promise.race([this.#ready.then(() => true), ended]);
      if (!isReady) return false;
      const prepared = configuration();
      clearTimeout(timer);
      timer = setTimeout(() => this.kill(), START_LIMIT_MS + prepared.config.vhosts.length * START_LIMIT_PER_HOST_MS);
      const isConfigured = await Promise.race([this.configure(prepared).then(() => true), ended]).catch(() => false);
      if (!isConfigured) return false;
      // Those of now: a reload may have closed what was held when the process was made.
      for (const place of places()) this.listen(place);
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
  async configure({ config, message }: PreparedConfiguration): Promise<void> {
    this.#configuring += 1;
    try {
      await this.channel.call("configure", message);
      this.#configured = config;
    } finally {
      this.#configuring -= 1;
    }
  }

  /** Of the configuration that the worker has confirmed. */
  get generation(): number {
    return this.#configured?.generation ?? 0;
  }

  /** It knows a configuration, or will before anything that it is told from now on. */
  get isInformed(): boolean {
    return this.#configuring > 0 || this.#configured !== undefined;
  }

  /** What the worker has, where it is sure to be the configuration just before that one; else it is to be told all. */
  baseOf({ generation }: EdgeConfig): EdgeConfig | undefined {
    return this.#configuring === 0 && this.#configured?.generation === generation - 1 ? this.#configured : undefined;
  }

  get listeningPlaces(): readonly string[] {
    return [...this.#places];
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

  /** Should the primary die from now on, the worker serves on. */
  enterService(): void {
    this.channel.tell("inService", null);
  }

  /** The next primary will take its place: resolves when it writes nothing any more. */
  async leave(limitMs: number): Promise<void> {
    await this.channel.call("leave", { limitMs }).catch(() => null);
  }

  /** It may be called again, with less time. */
  drain(limitMs: number): void {
    if (this.state === "gone") return;
    if (this.state !== "draining") void this.#gone.then(() => this.#drainLimit.end());
    this.state = "draining";
    if (this.#drainLimit.shorten(limitMs + DRAIN_GRACE_MS)) this.channel.tell("drain", { limitMs });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** Name of a worker as a writer of segments and a source of counters. */
export const sourceOf = (worker: WorkerProcess): string => `worker-${worker.id}`;
