import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { ObjectCoordinator } from "@basalt/cache";
import { diffConfigs, type EdgeConfig } from "@basalt/config";
import type { CallHandlers, EventHandlers } from "@basalt/ipc";
import {
  type Control,
  controlSocketPath,
  createManagementServer,
  decideAccess,
  type FileInfo,
  type ManagementServer,
  type PurgeOutcome,
  type PurgeRequest,
  type ReloadOutcome,
  type StatusReport,
} from "@basalt/management";
import type { PurgeAnswer, PurgeCall } from "@basalt/server";
import {
  type BodyStore,
  type BodyUpkeep,
  createSpaceKeeper,
  type DiskIndex,
  KEEPER_WRITER,
  openBodyStore,
  openDiskIndexWriter,
  type SpaceKeeper,
} from "@basalt/store";
import { CounterAggregate, type InfoLog, type ProcessFigures } from "@basalt/telemetry";
import { createMetrics, type Metrics } from "@basalt/telemetry/prometheus";
import {
  type AdjustableClock,
  EdgeError,
  epochMs,
  formatProblem,
  milliseconds,
  PRODUCT_VERSION,
  type Problem,
} from "@basalt/types";
import { describeStoredFiles } from "./fileInfo.ts";
import { Listeners } from "./listeners.ts";
import { loadConfig } from "./loadConfig.ts";
import { memoryTierBytes } from "./memoryPlan.ts";
import { ownFigures } from "./processFigures.ts";
import type { LogLevel, PrimaryService, TransformFigures, WorkerConfiguration } from "./protocol.ts";
import { runPurge } from "./purging.ts";
import { indexPathOf, storeDisksOf } from "./storeDisks.ts";
import { TransformProcess } from "./transformProcess.ts";
import { WorkerPool } from "./workerPool.ts";
import type { ListeningPlace, WorkerProcess } from "./workerProcess.ts";

/** The launcher starts the primary again at once. */
export const EXIT_RESTART = 75;

const SPACE_CHECK_MS = 1_000;
const OPEN_FILES = 64;
const ORPHAN_FILES_PER_SECOND = 200;
const TRANSFORM_WRITER = "transform";

export interface InstanceParts {
  readonly home: string;
  readonly config: EdgeConfig;
  readonly clock: AdjustableClock;
  readonly log: InfoLog;
  /** Test mode: the control socket may move the clock. */
  readonly hasTestClock: boolean;
  readonly exit: (code: number) => void;
}

/**
 * The primary of a running instance: owner of configuration, listening sockets, index, workers, transform host and
 * management. Everything that the management API can do is a method here.
 */
export class Instance implements Control {
  readonly advanceClock?: (milliseconds: number) => Promise<void>;
  readonly #parts: InstanceParts;
  readonly #startedMs = performance.now();
  readonly #aggregate = new CounterAggregate();
  readonly #metrics: Metrics;
  readonly #listeners = new Listeners();
  readonly #index: DiskIndex;
  readonly #bodies: BodyStore & BodyUpkeep;
  readonly #space: SpaceKeeper;
  readonly #coordinator: ObjectCoordinator;
  readonly #workers: WorkerPool;
  readonly #transform: TransformProcess;
  readonly #management: ManagementServer;
  #transformFigures: TransformFigures | undefined;
  #config: EdgeConfig;
  /** Reloads, rolling restarts and scaling exclude one another. */
  #changing: Promise<unknown> = Promise.resolve();
  #isStopping = false;

  constructor(parts: InstanceParts) {
    this.#parts = parts;
    this.#config = parts.config;
    if (parts.hasTestClock) this.advanceClock = (advanceMs) => this.#advanceClock(advanceMs);
    const { clock, log, home } = parts;
    const onProblem = (problem: Problem): void => log.warning(formatProblem(problem));
    const indexPath = indexPathOf(parts.config, home);
    mkdirSync(dirname(indexPath), { recursive: true });
    this.#index = openDiskIndexWriter(indexPath, { clock, onProblem });
    const disks = storeDisksOf(parts.config);
    this.#bodies = openBodyStore({
      disks,
      allocateSegment: (disk) => this.#space.grantSegment(KEEPER_WRITER, disk),
      allocateFile: () => Promise.resolve(this.#index.nextFileId()),
      onProblem,
      maxOpenFiles: OPEN_FILES,
      clock,
    });
    this.#space = createSpaceKeeper({ disks, index: this.#index, bodies: this.#bodies, clock, onProblem });
    this.#transform = new TransformProcess({
      config: () => this.#config,
      nextSegment: (disk) => this.#space.grantSegment(TRANSFORM_WRITER, disk),
      nextFile: () => this.#index.nextFileId(),
      log: (level, text) => log[level](text),
      onGone: () => this.#space.writerGone(TRANSFORM_WRITER),
    });
    this.#coordinator = new ObjectCoordinator({
      clock,
      index: this.#index,
      derive: (request) => this.#transform.derive(request),
      onDefect: (error) => log.error(`unexpected: ${EdgeError.from(error).detail}`),
    });
    this.#workers = new WorkerPool({
      calls: (worker) => this.#workerCalls(worker),
      events: (worker) => this.#workerEvents(worker),
      configuration: () => this.#workerConfiguration(),
      places: () => this.#listeners.places,
      onEntering: (worker) => this.#coordinator.addWorker(worker.id, worker.channel),
      onServing: (worker) => {
        this.#catchUp(worker);
        log.notice(`worker ${worker.slot} serves, pid ${worker.pid}`);
      },
      onGone: (worker, code) => this.#workerGone(worker, code),
    });
    this.#metrics = createMetrics(this.#aggregate, () => this.#processFigures());
    this.#management = createManagementServer({
      control: this,
      settings: () => this.#config.server.host.manager,
      productVersion: PRODUCT_VERSION,
      log,
      socketPath: controlSocketPath(home),
    });
  }

  /** Binds, starts everything, resolves when all workers serve. Throws when a port cannot be had. */
  async start(): Promise<void> {
    const { log } = this.#parts;
    this.#listeners.prepare(this.#config).commit();
    await this.#management.start();
    this.#aggregate.setVhosts(this.vhostNames());
    await this.#workers.scale(this.#config.server.cache.workers, this.#drainMs());
    setInterval(() => void this.#keepSpace(), SPACE_CHECK_MS);
    void this.#removeOrphans();
    const took = Math.round(performance.now() - this.#startedMs);
    log.notice(
      `Basalt ${PRODUCT_VERSION} serves ${this.#listeners.names.join(", ") || "no port"}, started in ${took} ms`,
    );
  }

  vhostNames(): readonly string[] {
    return this.#config.vhosts.map((vhost) => vhost.name);
  }

  purge(request: PurgeRequest): Promise<PurgeOutcome> {
    return runPurge(request, this.#config, this.#coordinator, this.#parts.clock);
  }

  fileInfo(url: string): Promise<readonly FileInfo[]> {
    return describeStoredFiles(url, {
      config: this.#config,
      variantsOf: (vhost, path) => this.#coordinator.variantsOf(vhost, path),
      bodies: this.#bodies,
      nowMs: this.#parts.clock.now(),
    });
  }

  reload(): Promise<ReloadOutcome> {
    return this.#exclusively(() => this.#reload());
  }

  restart(how: "rolling" | "full"): Promise<void> {
    if (how === "full") {
      setImmediate(() => void this.stop(EXIT_RESTART));
      return Promise.resolve();
    }
    return this.#exclusively(async () => {
      this.#parts.log.notice("rolling restart begins");
      await this.#workers.replaceAll(this.#drainMs());
      this.#parts.log.notice("rolling restart done");
    });
  }

  terminate(): void {
    setImmediate(() => void this.stop(0));
  }

  scale(workers: number): Promise<void> {
    return this.#exclusively(async () => {
      await this.#workers.scale(workers, this.#drainMs());
      this.#parts.log.notice(`scaled to ${workers} workers`);
    });
  }

  status(): StatusReport {
    const { objects, bytes } = this.#index.totals;
    return {
      version: PRODUCT_VERSION,
      pid: process.pid,
      uptimeSeconds: Math.floor((performance.now() - this.#startedMs) / 1000),
      generation: this.#config.generation,
      workers: this.#workers.slots.map(({ worker, restarts }, slot) => ({
        slot,
        pid: worker?.pid ?? 0,
        state: worker === undefined || worker.state === "gone" ? "waiting" : worker.state,
        uptimeSeconds: worker === undefined ? 0 : Math.floor((performance.now() - worker.startedMs) / 1000),
        restarts,
        connections: worker?.figures?.connections ?? 0,
        requests: worker?.figures?.requests ?? 0,
        rssBytes: worker?.figures?.residentBytes ?? 0,
      })),
      transform: {
        slot: 0,
        pid: this.#transform.pid,
        state: this.#transform.isServing ? "serving" : "waiting",
        uptimeSeconds: this.#transform.uptimeSeconds,
        restarts: this.#transform.restarts,
        connections: 0,
        requests: this.#transformFigures?.done ?? 0,
        rssBytes: this.#transformFigures?.residentBytes ?? 0,
      },
      objects,
      bodyBytes: bytes,
      listening: this.#listeners.names,
    };
  }

  async metrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    const asking = [...this.#workers.living()].map(async (worker) => {
      if (worker.state === "starting") return;
      const figures = await worker.channel.call("figures", null).catch(() => undefined);
      if (figures === undefined) return;
      worker.figures = figures;
      this.#aggregate.accept(sourceOf(worker), worker.id, figures.counters);
    });
    this.#transformFigures = await this.#transform.figures();
    await Promise.all(asking);
    return { contentType: this.#metrics.contentType, text: await this.#metrics.text() };
  }

  /** Drains the workers, writes everything, ends the process. */
  async stop(exitCode: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const { log } = this.#parts;
    log.notice(exitCode === EXIT_RESTART ? "restart begins" : "stop begins");
    await this.#workers.stop(this.#drainMs());
    this.#transform.stop();
    this.#listeners.close();
    await this.#management.close();
    await this.#bodies.close();
    await this.#index.flush();
    this.#index.close();
    log.notice("stopped");
    await log.close();
    this.#parts.exit(exitCode);
  }

  async #reload(): Promise<ReloadOutcome> {
    const { home, log } = this.#parts;
    const outcome = await loadConfig(home, this.#config.generation + 1);
    if (!outcome.ok) {
      for (const problem of outcome.problems) log.error(formatProblem(problem));
      log.error("reload refused: the configuration in service stays");
      return { kind: "refused", problems: outcome.problems };
    }
    const changes = diffConfigs(this.#config, outcome.config);
    // What is tied to system resources keeps its value until the next start (CFG-31).
    const config = keepingResources(this.#config, outcome.config);
    const refusal = await this.#takePorts(config);
    if (refusal.kind === "refused") {
      log.error(`reload refused: ${refusal.problem.message}`);
      return { kind: "refused", problems: [refusal.problem] };
    }
    const { added, removed } = refusal;
    for (const warning of outcome.warnings) log.warning(formatProblem(warning));
    for (const change of changes) {
      const note = change.effect === "restart" ? " (in force after a restart)" : "";
      log.notice(`changed ${change.element}: ${change.from} -> ${change.to}${note}`);
    }
    const configuration = this.#workerConfiguration();
    await Promise.all(
      [...this.#workers.living()].map(async (worker) => {
        if (worker.state === "starting") return;
        await worker.configure(configuration).catch(() => null);
        if (worker.state === "draining") return;
        for (const place of added) worker.listen(place);
        for (const place of removed) worker.unlisten(place);
      }),
    );
    this.#aggregate.setVhosts(this.vhostNames());
    log.notice(`configuration ${config.generation} in service, ${changes.length} changes`);
    return { kind: "applied", generation: config.generation, changes: changes.length, warnings: outcome.warnings };
  }

  /** Takes every port that a configuration needs, or none; puts it in service when all could be had. */
  async #takePorts(
    config: EdgeConfig,
  ): Promise<
    | { readonly kind: "taken"; readonly added: readonly ListeningPlace[]; readonly removed: readonly string[] }
    | { readonly kind: "refused"; readonly problem: Problem }
  > {
    const previous = this.#config;
    let listening: ReturnType<Listeners["prepare"]>;
    try {
      listening = this.#listeners.prepare(config);
    } catch (cause) {
      return { kind: "refused", problem: portProblem("vhosts.xml", "Vhosts/Vhost/Listen", cause) };
    }
    this.#config = config;
    try {
      await this.#management.applySettings();
    } catch (cause) {
      this.#config = previous;
      listening.abandon();
      return { kind: "refused", problem: portProblem("server.xml", "Server/Host/Manager@Port", cause) };
    }
    return { kind: "taken", ...listening.commit() };
  }

  /** A reload may have come while the worker was starting. */
  #catchUp(worker: WorkerProcess): void {
    if (worker.generation !== this.#config.generation) {
      void worker.configure(this.#workerConfiguration()).catch(() => null);
    }
    for (const place of this.#listeners.places) if (!worker.isListening(place.place)) worker.listen(place);
  }

  #workerCalls(worker: WorkerProcess): CallHandlers<PrimaryService> {
    return {
      acquire: (request) => this.#coordinator.acquire(worker.id, request),
      nextSegment: ({ disk }) => this.#space.grantSegment(sourceOf(worker), disk),
      nextFile: () => this.#index.nextFileId(),
      derive: (request) => this.#coordinator.derive(request),
      purge: (call) => this.#purgeMethod(call),
      drained: (figures) => {
        worker.figures = figures;
        return null;
      },
    };
  }

  #workerEvents(worker: WorkerProcess): Omit<EventHandlers<PrimaryService>, "ready" | "figures"> {
    const { log } = this.#parts;
    return {
      fillShared: ({ fillId, shared }) => {
        this.#space.noteGrowing(shared.disk, shared.file, shared.availableBytes);
        this.#coordinator.fillShared(fillId, shared);
      },
      fillProgress: ({ fillId, availableBytes }) => this.#coordinator.fillProgress(fillId, availableBytes),
      fillEnd: (end) => {
        if (end.kind === "stored" && end.row.location.file !== 0) {
          this.#space.noteGrowing(end.row.location.disk, end.row.location.file, 0);
        }
        this.#coordinator.fillEnd(end);
      },
      touched: ({ keys, atMs }) => this.#coordinator.touched(keys, epochMs(atMs)),
      damaged: ({ key, location }) => this.#coordinator.damaged(key, location),
      log: ({ level, text }: { level: LogLevel; text: string }) => log[level](`worker ${worker.slot}: ${text}`),
    };
  }

  #workerGone(worker: WorkerProcess, code: number | null): void {
    this.#coordinator.removeWorker(worker.id);
    this.#space.writerGone(sourceOf(worker));
    const { figures } = worker;
    if (figures !== undefined) this.#aggregate.accept(sourceOf(worker), worker.id, figures.counters);
    this.#aggregate.end(sourceOf(worker));
    if (worker.slot >= 0 && worker.state !== "draining" && !this.#isStopping && code !== 0) {
      this.#parts.log.warning(
        `worker ${worker.slot} (pid ${worker.pid}) ended unexpectedly, exit code ${code ?? "none"}`,
      );
    }
  }

  /** PURGE and its kind on a service port: the caller is checked against the manager's list (PRG-26, PRG-27). */
  async #purgeMethod(call: PurgeCall): Promise<PurgeAnswer> {
    const { manager } = this.#config.server.host;
    if (manager.httpMethod) {
      const access = decideAccess(manager, call.clientIp);
      if (access.kind === "refused" || access.role !== "Admin") return { status: 401, body: "" };
    }
    const outcome = await this.purge({
      verb: call.verb,
      targets: call.target.replaceAll("|", "%7C"),
      seconds: call.expireAfterSeconds ?? 86_400,
    });
    const envelope = { version: PRODUCT_VERSION, method: call.verb };
    switch (outcome.kind) {
      case "done": {
        this.#parts.log.notice(`${call.verb} ${call.target} from ${call.clientIp}: ${outcome.count} objects`);
        const result = { Count: outcome.count, Size: outcome.bytes, Time: outcome.elapsedMs };
        return { status: outcome.status, body: JSON.stringify({ ...envelope, status: "OK", result }) };
      }
      case "unknownVhost":
        return { status: 502, body: JSON.stringify({ ...envelope, status: "Fail", result: "unknown virtual host" }) };
      case "malformed":
        return { status: 400, body: JSON.stringify({ ...envelope, status: "Fail", result: outcome.reason }) };
    }
  }

  #workerConfiguration(): WorkerConfiguration {
    const { home, clock } = this.#parts;
    return {
      config: this.#config,
      indexPath: indexPathOf(this.#config, home),
      memoryTierBytes: memoryTierBytes(this.#config, Math.max(this.#workers.size, this.#config.server.cache.workers)),
      clockOffsetMs: clock.offsetMs,
    };
  }

  #processFigures(): readonly ProcessFigures[] {
    const figures: ProcessFigures[] = [{ process: "primary", ...ownFigures() }];
    for (const { worker } of this.#workers.slots) {
      if (worker?.figures === undefined) continue;
      const { residentBytes, cpuSeconds, eventLoopLagSeconds } = worker.figures;
      figures.push({ process: `worker-${worker.slot}`, residentBytes, cpuSeconds, eventLoopLagSeconds });
    }
    if (this.#transformFigures !== undefined) figures.push({ process: "transform", ...this.#transformFigures });
    return figures;
  }

  async #advanceClock(advanceMs: number): Promise<void> {
    const { clock } = this.#parts;
    clock.setOffset(milliseconds(clock.offsetMs + advanceMs));
    const { offsetMs } = clock;
    const workers = [...this.#workers.living()];
    await Promise.all(workers.map((worker) => worker.channel.call("setClock", { offsetMs }).catch(() => null)));
  }

  async #keepSpace(): Promise<void> {
    try {
      await this.#space.check();
    } catch (cause) {
      this.#parts.log.error(`space could not be checked: ${EdgeError.from(cause).detail}`);
    }
  }

  /** Body files of fills that a crash cut off. */
  async #removeOrphans(): Promise<void> {
    const modifiedBefore = epochMs(Date.now() - Math.ceil(performance.now()));
    try {
      const isLive = await this.#index.collectLiveFiles();
      const count = await this.#bodies.removeOrphanFiles(isLive, {
        modifiedBefore,
        filesPerSecond: ORPHAN_FILES_PER_SECOND,
      });
      if (count > 0) this.#parts.log.notice(`removed ${count} body files without an object`);
    } catch (cause) {
      this.#parts.log.warning(`orphan files could not be removed: ${EdgeError.from(cause).detail}`);
    }
  }

  #drainMs(): number {
    return this.#config.server.cache.drainSeconds * 1000;
  }

  #exclusively<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changing.then(change);
    this.#changing = result.catch(() => undefined);
    return result;
  }
}

const portProblem = (file: string, element: string, cause: unknown): Problem => {
  const message = EdgeError.from(cause).detail;
  return { severity: "error", file, line: 0, column: 0, element, message };
};

const sourceOf = (worker: WorkerProcess): string => `worker-${worker.id}`;

/** Disks, memory folder and thread counts are taken at start; a reload carries the rest. */
const keepingResources = (current: EdgeConfig, next: EdgeConfig): EdgeConfig => ({
  ...next,
  server: {
    ...next.server,
    cache: {
      ...next.server.cache,
      storage: { ...next.server.cache.storage, disks: current.server.cache.storage.disks },
      memoryPath: current.server.cache.memoryPath,
      systemMemoryRatio: current.server.cache.systemMemoryRatio,
      contentMemoryRatio: current.server.cache.contentMemoryRatio,
      systemFreeMemoryRatio: current.server.cache.systemFreeMemoryRatio,
      workers: current.server.cache.workers,
      transformThreads: current.server.cache.transformThreads,
    },
  },
});
