import { resolve } from "node:path";
import { type EmergencyChange, EmergencyState, ObjectCoordinator } from "@basalt/cache";
import { diffConfigs, type EdgeConfig, type Provenance } from "@basalt/config";
import type { CallHandlers, EventHandlers } from "@basalt/ipc";
import {
  type CleanupReport,
  type Control,
  controlSocketPath,
  createManagementServer,
  type DiskOutcome,
  decideAccess,
  type ExplainOutcome,
  type ExplainQuestion,
  type FileInfo,
  type ManagementServer,
  type OriginMonitoring,
  type PurgeOutcome,
  type PurgeRequest,
  type ReloadOutcome,
  type ResolvedDomain,
  type StatusReport,
} from "@basalt/management";
import type { PurgeAnswer, PurgeCall } from "@basalt/server";
import { CounterAggregate, CounterBlock, type InfoLog, PROCESS_SLOT, type ProcessFigures } from "@basalt/telemetry";
import { createMetrics, type Metrics } from "@basalt/telemetry/prometheus";
import {
  type AdjustableClock,
  EdgeError,
  epochMs,
  formatProblem,
  milliseconds,
  PRODUCT_NAME,
  PRODUCT_VERSION,
  type Problem,
} from "@basalt/types";
import { explainUrl } from "./explaining.ts";
import { describeStoredFiles } from "./fileInfo.ts";
import { HostStore, type StoreDisks } from "./hostStore.ts";
import { Listeners } from "./listeners.ts";
import { loadConfig } from "./loadConfig.ts";
import { memoryTierBytes } from "./memoryPlan.ts";
import { OriginServers } from "./originServers.ts";
import { ownFigures } from "./processFigures.ts";
import type { LogLevel, PrimaryService, TransformFigures, WorkerConfiguration, WorkerShare } from "./protocol.ts";
import { runPurge } from "./purging.ts";
import { indexPathOf } from "./storeDisks.ts";
import { TransformProcess } from "./transformProcess.ts";
import { WorkerPool } from "./workerPool.ts";
import type { ListeningPlace, WorkerProcess } from "./workerProcess.ts";

/** The launcher starts the primary again at once. */
export const EXIT_RESTART = 75;

/** Lets the answer to the call leave first. */
const RESTART_DELAY_MS = 200;
const STORE_KEEPING_MS = 1_000;
const TRANSFORM_WRITER = "transform";

export interface InstanceParts {
  readonly home: string;
  readonly config: EdgeConfig;
  readonly provenance: Provenance;
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
  readonly #store: HostStore;
  readonly #counters: CounterBlock;
  readonly #emergency: EmergencyState;
  readonly #coordinator: ObjectCoordinator;
  readonly #origins: OriginServers;
  readonly #workers: WorkerPool;
  readonly #transform: TransformProcess;
  readonly #management: ManagementServer;
  #transformFigures: TransformFigures | undefined;
  #config: EdgeConfig;
  #provenance: Provenance;
  /** Reloads, rolling restarts and scaling exclude one another. */
  #changing: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  #keeping: NodeJS.Timeout | undefined;

  /** Opens the store and brings it to the state in which a crash left it; nothing is served yet. */
  static async open(parts: InstanceParts): Promise<Instance> {
    let instance: Instance | undefined;
    const counters = new CounterBlock();
    const store = await HostStore.open({
      home: parts.home,
      config: () => instance?.config ?? parts.config,
      clock: parts.clock,
      log: parts.log,
      counters,
      onChange: (disks) => instance?.tellDisks(disks),
      keepsFile: (file) => instance !== undefined && instance.#coordinator.keepsFile(file),
      onTerminate: () => {
        parts.log.error("all disks are excluded: the server ends (OnCrash selfkill)");
        if (instance === undefined) parts.exit(0);
        else instance.terminate();
      },
    });
    instance = new Instance(parts, store, counters);
    const invalidations = await store.staleLog.readAll();
    await instance.#coordinator.replay(invalidations);
    if (invalidations.length > 0) parts.log.notice(`${invalidations.length} purge calls were repeated from stale.log`);
    return instance;
  }

  private constructor(parts: InstanceParts, store: HostStore, counters: CounterBlock) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#provenance = parts.provenance;
    this.#store = store;
    this.#counters = counters;
    this.#emergency = new EmergencyState(parts.config.server.cache.emergencyMode);
    if (parts.hasTestClock) this.advanceClock = (advanceMs) => this.#advanceClock(advanceMs);
    const { clock, log, home } = parts;
    this.#transform = new TransformProcess({
      config: () => this.#config,
      store: () => store.storeDisks,
      nextSegment: (disk) => store.space.grantSegment(TRANSFORM_WRITER, disk),
      nextFile: () => store.index.nextFileId(),
      onDiskFailed: (disk) => store.noteFailure(disk),
      onDiskFull: (disk) => void store.noteFull(disk),
      log: (level, text) => log[level](text),
      onGone: () => store.space.writerGone(TRANSFORM_WRITER),
    });
    this.#coordinator = new ObjectCoordinator({
      clock,
      journal: store.staleLog,
      index: store.index,
      hasDisk: (disk) => store.bodies.hasDisk(disk),
      onGrowing: ({ disk, file }, bytes) => store.space.noteGrowing(disk, file, bytes),
      derive: (request) => this.#transform.derive(request),
      onDefect: (error) => log.error(`unexpected: ${EdgeError.from(error).detail}`),
    });
    this.#coordinator.setVhosts(new Set(this.vhostNames()));
    this.#origins = new OriginServers({
      clock,
      log,
      counters,
      onView: (change) => {
        for (const worker of this.#workers.living()) {
          if (worker.state !== "starting") worker.channel.tell("originView", change);
        }
      },
    });
    this.#workers = new WorkerPool({
      calls: (worker) => this.#workerCalls(worker),
      events: (worker) => this.#workerEvents(worker),
      configuration: (worker) => this.#workerConfiguration(worker),
      places: () => this.#listeners.places,
      onEntering: (worker) => this.#coordinator.addWorker(worker.id, worker.channel),
      onServing: (worker) => {
        this.#catchUp(worker);
        log.notice(`worker ${worker.slot} serves, pid ${worker.pid}`);
      },
      onGone: (worker, code) => this.#workerGone(worker, code),
    });
    this.#metrics = createMetrics(
      this.#aggregate,
      () => this.#processFigures(),
      () => store.diskStatus(),
    );
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
    this.#origins.configure(this.#config);
    await this.#workers.scale(this.#config.server.cache.workers, this.#drainMs());
    this.#keepStore();
    void this.#store.removeOrphans();
    const took = Math.round(performance.now() - this.#startedMs);
    log.notice(
      `Basalt ${PRODUCT_VERSION} serves ${this.#listeners.names.join(", ") || "no port"}, started in ${took} ms`,
    );
  }

  get config(): EdgeConfig {
    return this.#config;
  }

  /** The disks in use have changed: every process that reads or writes them is told. */
  tellDisks(store: StoreDisks): void {
    this.#transform.setStore(store);
    for (const worker of this.#workers.living()) {
      if (worker.state !== "starting") worker.channel.tell("store", store);
    }
  }

  cleanup(ageDays: number | undefined): Promise<CleanupReport> {
    return this.#store.cleanup(ageDays ?? this.#config.server.cache.cleanup.ageDays);
  }

  mount(disk: string): Promise<DiskOutcome> {
    return this.#store.mount(resolve(this.#parts.home, disk));
  }

  unmount(disk: string): Promise<DiskOutcome> {
    return Promise.resolve(this.#store.unmount(resolve(this.#parts.home, disk)));
  }

  async clearCache(): Promise<void> {
    this.#parts.log.notice("the cache is cleared, and the server restarts");
    await this.#store.clear();
    setTimeout(() => void this.stop(EXIT_RESTART), RESTART_DELAY_MS);
  }

  async clearVhost(name: string): Promise<boolean> {
    if (!this.vhostNames().includes(name)) return false;
    await this.#coordinator.invalidate(name, { kind: "pattern", pattern: "*" }, { kind: "hardpurge" });
    return true;
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
      bodies: this.#store.bodies,
      nowMs: this.#parts.clock.now(),
    });
  }

  explain(question: ExplainQuestion): Promise<ExplainOutcome> {
    return explainUrl(question, {
      config: this.#config,
      provenance: this.#provenance,
      nowMs: this.#parts.clock.now(),
      product: { name: PRODUCT_NAME, version: PRODUCT_VERSION },
      store: this.#store.storeDisks,
      isEmergency: this.#emergency.isActive,
      variantsOf: (vhost, path) => this.#coordinator.variantsOf(vhost, path),
      bodies: this.#store.bodies,
      addressesOf: (vhost) => this.#origins.addressesOf(vhost),
      probe: async (probe) => {
        const asking = this.#workers.slots.map(async ({ worker }, slot) => {
          const sight = await worker?.channel.call("explain", probe).catch(() => undefined);
          return sight === undefined ? undefined : { slot, sight };
        });
        return (await Promise.all(asking)).filter((sighting) => sighting !== undefined);
      },
    });
  }

  originMonitoring(vhost: string | undefined): OriginMonitoring | undefined {
    return this.#origins.monitoring(vhost);
  }

  resetOrigin(vhost: string | undefined): boolean {
    return this.#origins.reset(vhost);
  }

  dnsList(): readonly ResolvedDomain[] {
    return this.#origins.dnsList();
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
      for (const worker of this.#workers.living()) {
        if (worker.state !== "starting") worker.channel.tell("share", this.#shareOf(worker));
      }
      this.#parts.log.notice(`scaled to ${workers} workers`);
    });
  }

  status(): StatusReport {
    const { objects, bytes } = this.#store.index.totals;
    return {
      state: this.#emergency.hostState,
      disks: this.#store.diskStatus(),
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
    this.#origins.count();
    this.#aggregate.accept("primary", 1, this.#counters.snapshot());
    return { contentType: this.#metrics.contentType, text: await this.#metrics.text() };
  }

  /** Drains the workers, writes everything, ends the process. */
  async stop(exitCode: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const { log } = this.#parts;
    log.notice(exitCode === EXIT_RESTART ? "restart begins" : "stop begins");
    await this.#workers.stop(this.#drainMs());
    this.#origins.close();
    this.#transform.stop();
    this.#listeners.close();
    await this.#management.close();
    clearTimeout(this.#keeping);
    await this.#store.close(this.#coordinator.appliedVersion);
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
    const previousNames = this.vhostNames();
    const refusal = await this.#takePorts(config);
    if (refusal.kind === "refused") {
      log.error(`reload refused: ${refusal.problem.message}`);
      return { kind: "refused", problems: [refusal.problem] };
    }
    this.#provenance = outcome.provenance;
    const { added, removed } = refusal;
    for (const warning of outcome.warnings) log.warning(formatProblem(warning));
    for (const change of changes) {
      const note = change.effect === "restart" ? " (in force after a restart)" : "";
      log.notice(`changed ${change.element}: ${change.from} -> ${change.to}${note}`);
    }
    // Until every worker knows the new configuration, both old and new hosts have objects.
    this.#coordinator.setVhosts(new Set([...this.vhostNames(), ...previousNames]));
    this.#origins.configure(config);
    await Promise.all(
      [...this.#workers.living()].map(async (worker) => {
        if (worker.state === "starting") return;
        await worker.configure(this.#workerConfiguration(worker)).catch(() => null);
        if (worker.state === "draining") return;
        for (const place of added) worker.listen(place);
        for (const place of removed) worker.unlisten(place);
      }),
    );
    this.#aggregate.setVhosts(this.vhostNames());
    this.#coordinator.setVhosts(new Set(this.vhostNames()));
    this.#store.configure(config);
    this.#applyEmergency(this.#emergency.setOn(config.server.cache.emergencyMode));
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
      void worker.configure(this.#workerConfiguration(worker)).catch(() => null);
    }
    // Views that changed while the worker was starting.
    const { generation, views } = this.#origins;
    for (const view of views) worker.channel.tell("originView", { generation, view });
    worker.channel.tell("share", this.#shareOf(worker));
    worker.channel.tell("store", this.#store.storeDisks);
    worker.channel.tell("emergency", { isActive: this.#emergency.isActive });
    for (const place of this.#listeners.places) if (!worker.isListening(place.place)) worker.listen(place);
  }

  #workerCalls(worker: WorkerProcess): CallHandlers<PrimaryService> {
    return {
      acquire: (request) => this.#coordinator.acquire(worker.id, request),
      acquirePart: (request) => this.#coordinator.acquirePart(worker.id, request),
      fallBack: (request) => this.#coordinator.fallBack(request) ?? null,
      nextSegment: ({ disk }) => {
        if (worker.state === "gone") throw new EdgeError("SHUTTING_DOWN", { detail: `worker ${worker.id} is gone` });
        return this.#store.space.grantSegment(sourceOf(worker), disk);
      },
      nextFile: () => this.#store.index.nextFileId(),
      derive: (request) => this.#coordinator.derive(request),
      outdated: ({ vhost, urls }) => this.#coordinator.outdated(vhost, urls),
      purge: (call) => this.#purgeMethod(call),
      drained: (figures) => {
        worker.figures = figures;
        return null;
      },
    };
  }

  #workerEvents(worker: WorkerProcess): Omit<EventHandlers<PrimaryService>, "ready" | "figures"> {
    const { log } = this.#parts;
    const { space } = this.#store;
    return {
      fillShared: ({ fillId, shared }) => this.#coordinator.fillShared(fillId, shared),
      fillProgress: ({ fillId, progress }) => this.#coordinator.fillProgress(fillId, progress),
      fillEnd: (end) => {
        this.#coordinator.fillEnd(end);
        if (end.kind === "stored" && end.row.location.file !== 0) space.noteWritten();
      },
      partProgress: ({ partId, progress }) => {
        this.#coordinator.partProgress(partId, progress);
        space.noteWritten();
      },
      partEnd: ({ partId, missingBytes }) => {
        this.#coordinator.partEnd(partId, missingBytes);
        space.noteWritten();
      },
      memory: (use) => {
        // What comes behind the end of a worker would count for ever.
        if (worker.state !== "gone") this.#applyEmergency(this.#emergency.accept(worker.id, use));
      },
      diskFailed: ({ disk }) => this.#store.noteFailure(disk),
      diskFull: ({ disk }) => void this.#store.noteFull(disk),
      originOutcomes: ({ outcomes }) => this.#origins.report(outcomes),
      originTransactions: ({ byVhost }) => {
        // What comes behind the end of a worker would count for ever.
        if (worker.state !== "gone") this.#origins.reportTransactions(worker.id, byVhost);
      },
      touched: ({ keys, atMs }) => this.#coordinator.touched(keys, epochMs(atMs)),
      damaged: ({ key, location }) => this.#coordinator.damaged(key, location),
      lost: ({ key, file }) => this.#coordinator.lost(key, file),
      log: ({ level, text }: { level: LogLevel; text: string }) => log[level](`worker ${worker.slot}: ${text}`),
    };
  }

  #workerGone(worker: WorkerProcess, code: number | null): void {
    this.#coordinator.removeWorker(worker.id);
    this.#origins.workerGone(worker.id);
    this.#store.space.writerGone(sourceOf(worker));
    this.#applyEmergency(this.#emergency.forget(worker.id));
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

  #shareOf(worker: WorkerProcess): WorkerShare {
    return { place: Math.max(0, worker.slot), workers: Math.max(1, this.#workers.size) };
  }

  #workerConfiguration(worker: WorkerProcess): WorkerConfiguration {
    const { home, clock } = this.#parts;
    return {
      config: this.#config,
      indexPath: indexPathOf(this.#config, home),
      store: this.#store.storeDisks,
      isEmergency: this.#emergency.isActive,
      memoryTierBytes: memoryTierBytes(this.#config, Math.max(this.#workers.size, this.#config.server.cache.workers)),
      clockOffsetMs: clock.offsetMs,
      originViews: this.#origins.views,
      share: this.#shareOf(worker),
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

  /** Each second, and never twice at a time. */
  #keepStore(): void {
    this.#keeping = setTimeout(() => {
      const settled = this.#coordinator.settledVersion;
      void this.#store
        .keep(settled)
        .catch((cause: unknown) => this.#parts.log.error(`the store: ${EdgeError.from(cause).detail}`))
        .finally(() => {
          if (!this.#isStopping) this.#keepStore();
        });
    }, STORE_KEEPING_MS);
  }

  #applyEmergency(change: EmergencyChange | undefined): void {
    if (change === undefined) return;
    this.#parts.log[change.level](change.text);
    this.#counters.set(PROCESS_SLOT.emergencyMode, change.isActive ? 1 : 0);
    for (const worker of this.#workers.living()) {
      if (worker.state !== "starting") worker.channel.tell("emergency", { isActive: change.isActive });
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

/** Disks, memory folder and thread counts are taken at start; a reload carries the rest, quotas of the same disks too. */
const keepingResources = (current: EdgeConfig, next: EdgeConfig): EdgeConfig => {
  const quotas = new Map(next.server.cache.storage.disks.map((disk) => [disk.path, disk.quotaBytes]));
  const disks = current.server.cache.storage.disks.map(({ path, quotaBytes }) => ({
    path,
    quotaBytes: quotas.has(path) ? quotas.get(path) : quotaBytes,
  }));
  return {
    ...next,
    server: {
      ...next.server,
      cache: {
        ...next.server.cache,
        storage: { ...next.server.cache.storage, disks },
        memoryPath: current.server.cache.memoryPath,
        indexing: current.server.cache.indexing,
        httpClientSession: current.server.cache.httpClientSession,
        systemMemoryRatio: current.server.cache.systemMemoryRatio,
        contentMemoryRatio: current.server.cache.contentMemoryRatio,
        systemFreeMemoryRatio: current.server.cache.systemFreeMemoryRatio,
        workers: current.server.cache.workers,
        transformThreads: current.server.cache.transformThreads,
      },
    },
  };
};
