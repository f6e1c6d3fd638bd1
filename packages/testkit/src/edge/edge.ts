import { AssertionError } from "node:assert";
import { setTimeout as pause } from "node:timers/promises";
import type { Seconds } from "@basalt/types";
import { PendingAnswer } from "../client/answer.ts";
import { fetchOnce, type RawClient, type RequestSpec, rawClient } from "../client/rawClient.ts";
import { HANG_LIMIT_MS } from "../limits.ts";
import {
  type ApiRequest,
  type ControlAnswer,
  callManagement,
  type EdgeStatus,
  type Envelope,
  parseEnvelope,
} from "./control.ts";
import { findFreePort } from "./freePorts.ts";
import { createDisks, createHome, readLogs, removeHome, writeHome } from "./home.ts";
import { type CommandOutcome, EdgeInstance } from "./instance.ts";
import { Metrics, readCounter } from "./metrics.ts";
import { disksOf, type EdgeConfiguration, type EdgeOptions, type EdgePorts, type VhostSpec } from "./options.ts";
import { recordProcess, signalProcess } from "./processTree.ts";
import { edgeProgram } from "./program.ts";

const COUNTED_POLL_MS = 100;

/** Everything about a request except what the edge fills in. */
export type EdgeRequest = Omit<RequestSpec, "path">;

export interface EdgeClock {
  /** How far the edge's clock is ahead of the system's; a full restart puts it back. */
  offsetMs: number;
  /** Moves the clock of every process forward. */
  advance(duration: Seconds | number): Promise<void>;
}

/** A running Basalt with a home of its own. */
export class TestEdge {
  readonly home: string;
  readonly #ports: EdgePorts;
  readonly #instance: EdgeInstance;
  #configuration: EdgeConfiguration;

  private constructor(home: string, ports: EdgePorts, options: EdgeOptions) {
    this.home = home;
    this.#ports = ports;
    this.#configuration = options;
    this.#instance = new EdgeInstance({
      home,
      program: options.program ?? edgeProgram(),
      env: options.env ?? {},
      start: options.start ?? "foreground",
      readyLimitMs: options.readyLimitMs ?? HANG_LIMIT_MS,
    });
  }

  static async start(options: EdgeOptions): Promise<TestEdge> {
    const ports = { service: await findFreePort(), manager: await findFreePort() };
    const edge = new TestEdge(await createHome(), ports, options);
    try {
      await edge.start();
    } catch (error) {
      const log = await edge.log();
      await edge.close({ keepHome: false });
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${log}`, { cause: error });
    }
    return edge;
  }

  get port(): number {
    return this.#ports.service;
  }

  get managerPort(): number {
    return this.#ports.manager;
  }

  get configuration(): EdgeConfiguration {
    return this.#configuration;
  }

  /** Folders of the disks, in the configured order. */
  get diskPaths(): readonly string[] {
    return disksOf(this.#configuration, this.home).map(({ path }) => path);
  }

  get #workerCount(): number {
    return this.#configuration.workers ?? 2;
  }

  /** The host that requests name unless they say otherwise: the first one. */
  get defaultHost(): string {
    return this.#configuration.vhosts[0]?.name ?? "localhost";
  }

  /** A request on a connection of its own. */
  request(path: string, request: EdgeRequest = {}): PendingAnswer {
    const spec = { host: this.defaultHost, ...request, path };
    const what = `${spec.method ?? "GET"} ${spec.host ?? ""}${path}`;
    return new PendingAnswer(what, fetchOnce(this.port, spec));
  }

  get(path: string, request: EdgeRequest = {}): PendingAnswer {
    return this.request(path, request);
  }

  head(path: string, request: EdgeRequest = {}): PendingAnswer {
    return this.request(path, { ...request, method: "HEAD" });
  }

  client(): Promise<RawClient> {
    return rawClient(this.port);
  }

  /** A call on the manager port. */
  api(path: string, call: ApiRequest = {}): Promise<ControlAnswer> {
    return callManagement({ port: this.managerPort }, path, call);
  }

  /** A call on the manager port that answers with the JSON envelope. */
  async apiJson(path: string, call: ApiRequest = {}): Promise<Envelope> {
    return parseEnvelope(await this.api(path, call));
  }

  /** A call on the control socket, which always has the role Admin. */
  control(path: string, call: ApiRequest = {}): Promise<ControlAnswer> {
    return callManagement({ socketPath: this.#instance.controlSocketPath }, path, call);
  }

  async metrics(): Promise<Metrics> {
    const answer = await this.api("/metrics");
    if (answer.status !== 200) throw new Error(`/metrics: ${answer.status} ${answer.text}`);
    return Metrics.parse(answer.text);
  }

  /**
   * Waits until the counters have those values (workers report theirs about once a second); see `readCounter` for
   * the names. Fails with the last values seen.
   */
  async counted(wanted: Readonly<Record<string, number>>, vhost?: string): Promise<void> {
    const limit = Date.now() + HANG_LIMIT_MS;
    for (;;) {
      const metrics = await this.metrics();
      const actual = Object.fromEntries(Object.keys(wanted).map((name) => [name, readCounter(metrics, name, vhost)]));
      if (Object.entries(wanted).every(([name, value]) => actual[name] === value)) return;
      if (Date.now() > limit) {
        throw new AssertionError({ message: `counters of ${vhost ?? "all hosts"}`, actual, expected: wanted });
      }
      await pause(COUNTED_POLL_MS);
    }
  }

  readonly clock: EdgeClock = {
    offsetMs: 0,
    advance: async (duration) => {
      const advanceMs = Math.round(duration * 1000);
      const path = `/control/clock?advance=${advanceMs}`;
      const answer = await this.control(path, { method: "POST" });
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
      this.clock.offsetMs += advanceMs;
    },
  };

  status(): Promise<EdgeStatus> {
    return this.#instance.status();
  }

  /** Process ids of the accept workers, by slot. */
  async workers(): Promise<number[]> {
    return (await this.status()).workers.map((worker) => worker.pid);
  }

  /** Signals a worker; resolves when that process is gone and another one serves in its place. */
  async kill(workerIndex: number, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const pid = (await this.workers())[workerIndex];
    if (pid === undefined) throw new Error(`no worker ${workerIndex}`);
    this.signal(pid, signal);
    await this.waitUntilServing((status) => status.workers.every((worker) => worker.pid !== pid));
  }

  signal(pid: number, signal: NodeJS.Signals): void {
    const record = recordProcess(pid);
    if (record === undefined || !signalProcess(record, signal)) throw new Error(`process ${pid} is gone`);
  }

  waitUntilServing(isWanted?: (status: EdgeStatus) => boolean): Promise<EdgeStatus> {
    return this.#instance.waitUntilServing(this.#workerCount, isWanted);
  }

  /** Writes the configuration files without telling the edge. */
  async configure(changes: Partial<EdgeConfiguration>): Promise<void> {
    this.#configuration = { ...this.#configuration, ...changes };
    await writeHome(this.home, this.#configuration, this.#ports);
  }

  async addVhost(vhost: VhostSpec): Promise<void> {
    await this.configure({ vhosts: [...this.#configuration.vhosts, vhost] });
  }

  /** Writes what is given, then calls `/conf/reload` over the control socket. */
  async reload(changes: Partial<EdgeConfiguration> = {}): Promise<Envelope> {
    await this.configure(changes);
    return parseEnvelope(await this.control("/conf/reload"));
  }

  /** Replaces the workers one after the other; resolves when the new ones serve. */
  async restart(): Promise<void> {
    const before = new Set(await this.workers());
    const answer = await this.control("/control/restart?how=rolling", { method: "POST", limitMs: 2 * HANG_LIMIT_MS });
    if (answer.status !== 200) throw new Error(`rolling restart: ${answer.status} ${answer.text}`);
    await this.waitUntilServing((status) => status.workers.every((worker) => !before.has(worker.pid)));
  }

  async start(): Promise<void> {
    this.clock.offsetMs = 0;
    await createDisks(this.home, this.#configuration);
    await writeHome(this.home, this.#configuration, this.#ports);
    await this.#instance.start(this.#workerCount);
  }

  stop(): Promise<void> {
    return this.#instance.stop();
  }

  /** Resolves when it has ended by itself and nothing of it is left, with the launcher's exit code. */
  ended(limitMs = HANG_LIMIT_MS): Promise<number | undefined> {
    return this.#instance.ended(limitMs);
  }

  /** Runs a command of the `basalt` program on this edge's home. */
  command(...words: string[]): Promise<CommandOutcome> {
    return this.#instance.command(words);
  }

  /** Stop, then start on the same home. */
  async restartEverything(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** SIGKILL to launcher, primary, transform host and workers at once. */
  crash(): Promise<void> {
    return this.#instance.crash();
  }

  /** As `crash`, with nothing between this call and the signals. */
  crashAtOnce(): Promise<void> {
    return this.#instance.crashAtOnce();
  }

  /** Everything printed and logged so far. */
  async log(): Promise<string> {
    return `${this.#instance.output}\n${await readLogs(this.home)}`;
  }

  /** Ends every process; the home is removed unless it is to be looked at. */
  async close(how: { readonly keepHome: boolean } = { keepHome: false }): Promise<void> {
    await this.#instance.status().catch(() => undefined);
    await this.#instance.crash();
    this.#instance.dispose();
    if (how.keepHome) process.stderr.write(`edge home kept for inspection: ${this.home}\n`);
    else await removeHome(this.home);
  }
}

export const startEdge = (options: EdgeOptions): Promise<TestEdge> => TestEdge.start(options);
