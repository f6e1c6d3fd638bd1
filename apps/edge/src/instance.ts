import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { type EmergencyChange, EmergencyState, ObjectCoordinator } from "@basalt/cache";
import { type ConfigSources, type EdgeConfig, encryptPassword, type Provenance } from "@basalt/config";
import {
  type AlarmReport,
  type CacheResourceReport,
  type CipherSuiteReport,
  type CleanupReport,
  type ColdFileReport,
  type Control,
  controlSocketPath,
  createManagementServer,
  type DiskOutcome,
  type ExplainOutcome,
  type ExplainQuestion,
  type FileInfo,
  type GeoIpReport,
  type GraphOutcome,
  type GraphQuestion,
  type HardwareReport,
  type InvalidationJob,
  type InvalidationPage,
  type InvalidationPageQuestion,
  type LogQueryOutcome,
  type LogQueryQuestion,
  type ManagementServer,
  type OriginMonitoring,
  type ProcessorReport,
  type PurgeOutcome,
  type PurgeRequest,
  type ReloadOutcome,
  type ResolvedDomain,
  type SigningOutcome,
  type SigningRequest,
  type StatisticsAnswer,
  type StatisticsQuestion,
  type StatusReport,
  type TerminationPlan,
  type TracedLog,
} from "@basalt/management";
import { describeSuite, readCipherString } from "@basalt/server";
import {
  CounterBlock,
  type HistoryPoint,
  type HistoryQuestion,
  type InfoLogFile,
  LogMetricAggregate,
  type MetricReport,
  PROCESS_SLOT,
  reportJson,
  reportXml,
  type ServiceMap,
} from "@basalt/telemetry";
import { createMetrics, type Metrics } from "@basalt/telemetry/prometheus";
import {
  type AdjustableClock,
  EdgeError,
  formatProblem,
  milliseconds,
  PRODUCT_NAME,
  PRODUCT_VERSION,
} from "@basalt/types";
import { AcmeKeeper } from "./acme/acmeKeeper.ts";
import { describeAes } from "./aesInstructions.ts";
import { Alarms, postJson } from "./alarms.ts";
import { ColdFiles } from "./coldFiles.ts";
import { ConfigHistory } from "./configHistory.ts";
import { ConfigHistoryList } from "./configHistoryList.ts";
import { packConfig } from "./configTransfer.ts";
import { countedDerive, countedInvalidations } from "./contentCounting.ts";
import { hasDetailedMetrics } from "./detailedMetrics.ts";
import { GRAPH_THREAD_ENTRY } from "./entries.ts";
import { explainUrl } from "./explaining.ts";
import { describeStoredFiles } from "./fileInfo.ts";
import { MountKeeper } from "./fileSystem/mountKeeper.ts";
import { CountryFolder } from "./geo/countryFolder.ts";
import { GraphKeeper } from "./graphs/graphKeeper.ts";
import { GraphThread } from "./graphs/graphWork.ts";
import { HostStore, type StoreDisks } from "./hostStore.ts";
import { InvalidationJobs } from "./invalidationJobs.ts";
import type { LauncherLink, TakenOver } from "./launcherLink.ts";
import { Listeners } from "./listeners.ts";
import { loadConfig } from "./loadConfig.ts";
import { HostLogs } from "./logs/hostLogs.ts";
import { LogQueries } from "./logs/logQueries.ts";
import { LogSubscriptions } from "./logs/logSubscriptions.ts";
import { LogUploads } from "./logs/logUploads.ts";
import { logMetricDefinitions } from "./logs/metricFilters.ts";
import { queryLogs } from "./logs/queryLogs.ts";
import { Machine } from "./machine.ts";
import { memoryTierBytes } from "./memoryPlan.ts";
import { MetricHistory } from "./metricHistory.ts";
import { OcspKeeper } from "./ocsp/ocspKeeper.ts";
import { OriginServers } from "./originServers.ts";
import { type OrphanWorkers, orphanSocketPath } from "./orphanWorkers.ts";
import type { TransformFigures, WorkerConfiguration, WorkerShare } from "./protocol.ts";
import { Purging } from "./purging.ts";
import { SearchKnowledge } from "./searchKnowledge.ts";
import { type ListeningChange, ServedConfiguration } from "./servedConfiguration.ts";
import { servingVhosts } from "./servingVhosts.ts";
import { signUrl } from "./signing.ts";
import { SnmpKeeper } from "./snmp/snmpKeeper.ts";
import { StatisticsKeeper } from "./statisticsKeeper.ts";
import { describeProcesses, figuresOfProcesses } from "./statusReport.ts";
import { configuredDisksOf, indexPathOf } from "./storeDisks.ts";
import { Termination } from "./termination.ts";
import { TlsKeeper } from "./tlsKeeper.ts";
import { TrafficShares } from "./trafficShares.ts";
import { TransformCounting } from "./transformCounting.ts";
import { TransformProcess } from "./transformProcess.ts";
import { withinTime } from "./withinTime.ts";
import { configureWorkers } from "./workerConfiguring.ts";
import { WorkerConversation } from "./workerConversation.ts";
import { WorkerPool } from "./workerPool.ts";
import { type PreparedConfiguration, sourceOf, type WorkerProcess } from "./workerProcess.ts";

/** The launcher starts the primary again at once. */
export const EXIT_RESTART = 75;

/** Lets the answer to the call leave first. */
const RESTART_DELAY_MS = 200;
/** What workers are storing when the primary is replaced has so long to arrive on the disk. */
const LEAVE_MS = 1_000;
const STORE_KEEPING_MS = 1_000;
/** For a scrape: what a process has not told by then is missing in it. */
const FIGURES_LIMIT_MS = 2_500;

export interface InstanceParts {
  readonly home: string;
  readonly config: EdgeConfig;
  readonly provenance: Provenance;
  /** What `config` was compiled from. */
  readonly sources: ConfigSources;
  readonly clock: AdjustableClock;
  readonly log: InfoLogFile;
  /** Undefined where no launcher has started this process. */
  readonly launched: { readonly link: LauncherLink; readonly taken: TakenOver } | undefined;
  /** Workers of the last primary. */
  readonly orphans: OrphanWorkers;
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
  readonly #alarms: Alarms;
  readonly #snmp: SnmpKeeper;
  readonly #statistics: StatisticsKeeper;
  readonly #metricHistory: MetricHistory;
  readonly #graphs: GraphKeeper;
  readonly #metrics: Metrics;
  readonly #listeners: Listeners;
  readonly #termination: Termination;
  readonly #tls: TlsKeeper;
  readonly #acme: AcmeKeeper;
  readonly #ocsp: OcspKeeper;
  readonly #served: ServedConfiguration;
  readonly configuration: ConfigHistory;
  readonly #store: HostStore;
  readonly #counters: CounterBlock;
  readonly #emergency: EmergencyState;
  readonly #coordinator: ObjectCoordinator;
  readonly #logs: HostLogs;
  readonly #uploads: LogUploads;
  readonly #subscriptions: LogSubscriptions;
  readonly #logQueries = new LogQueries();
  readonly #logMetrics = new LogMetricAggregate();
  readonly #origins: OriginServers;
  readonly #searchKnowledge: SearchKnowledge;
  readonly #invalidationJobs: InvalidationJobs;
  readonly #purging: Purging;
  readonly #traffic: TrafficShares;
  readonly #conversation: WorkerConversation;
  readonly #workers: WorkerPool;
  readonly #mount: MountKeeper<WorkerProcess>;
  readonly #transform: TransformProcess;
  readonly #management: ManagementServer;
  readonly #machine = new Machine();
  readonly #coldFiles: ColdFiles;
  readonly #countries: CountryFolder;
  #transformFigures: TransformFigures | undefined;
  readonly #transformCounting: TransformCounting;
  /** Reloads, rolling restarts and scaling exclude one another. */
  #changing: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  /** Its workers have been told to end. */
  #isDraining = false;
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
      onCleanup: () => void instance?.configuration.prune(instance.config.server.cache.configHistoryDays),
      keepsFile: (file) => instance?.keepsFile(file) ?? false,
      onTerminate: () => {
        parts.log.error("all disks are excluded: the server ends (OnCrash selfkill)");
        if (instance === undefined) parts.exit(0);
        else instance.terminate();
      },
    });
    const history = await ConfigHistoryList.open(parts.home);
    instance = new Instance(parts, store, counters, history, await LogUploads.open(parts));
    const invalidations = await store.staleLog.readAll();
    await instance.#coordinator.replay(invalidations);
    if (invalidations.length > 0) parts.log.notice(`${invalidations.length} purge calls were repeated from stale.log`);
    await instance.#invalidationJobs.resume();
    await parts.orphans.gather({
      coordinator: instance.#coordinator,
      purge: (call) => instance.#conversation.purge(call),
    });
    return instance;
  }

  private constructor(
    parts: InstanceParts,
    store: HostStore,
    counters: CounterBlock,
    history: ConfigHistoryList,
    uploads: LogUploads,
  ) {
    this.#parts = parts;
    this.#uploads = uploads;
    this.#store = store;
    this.#counters = counters;
    this.#emergency = new EmergencyState(parts.config.server.cache.emergencyMode);
    if (parts.hasTestClock) this.advanceClock = (advanceMs) => this.#advanceClock(advanceMs);
    const { clock, log, home, launched } = parts;
    this.#termination = new Termination({
      kept: launched?.taken.termination,
      keep: (termination) => launched?.link.keepTermination(termination),
      stop: (drainMs) => void this.stop(0, drainMs),
    });
    this.#listeners = new Listeners(launched?.link, (place) => {
      for (const worker of this.#workers.living()) if (worker.isListening(place)) worker.unlisten(place);
    });
    this.#acme = new AcmeKeeper({
      clock,
      config: () => this.config,
      show: async (challenges) => {
        const workers = this.#configuredWorkers();
        await Promise.all(workers.map(({ channel }) => channel.call("challenges", challenges).catch(() => null)));
      },
      onRenewed: () => this.#exclusively(() => this.#served.certificatesChanged()),
      log,
    });
    this.#ocsp = new OcspKeeper({
      clock,
      home,
      wishes: () => this.#tls.loaded.stapled,
      dnsServers: () => this.config.server.cache.dnsServers,
      onStaples: (staples) => {
        for (const worker of this.#informedWorkers()) worker.channel.tell("staples", { staples });
      },
      log,
    });
    this.#tls = new TlsKeeper({
      clock,
      config: () => this.config,
      challenges: () => this.#acme.challenges,
      staples: () => this.#ocsp.staples,
      onTicketKeys: (keys) => {
        for (const worker of this.#configuredWorkers()) worker.channel.tell("ticketKeys", { keys });
      },
      kept: launched?.taken.ticketKeys,
      keep: (kept) => launched?.link.keepTicketKeys(kept),
    });
    this.#served = new ServedConfiguration({
      ...parts,
      listeners: this.#listeners,
      tls: this.#tls,
      applyManager: () => this.#management.applySettings(),
      apply: (previous, listen) => this.#applyConfiguration(previous, listen),
      restore: (refused) => this.#restoreConfiguration(refused),
    });
    this.configuration = new ConfigHistory(
      {
        home,
        clock,
        log,
        generation: () => this.#served.latestGeneration,
        putInService: (outcome) => this.#served.putInService(outcome),
        exclusively: (change) => this.#exclusively(change),
      },
      history,
    );
    this.#transformCounting = new TransformCounting(counters);
    this.#transform = new TransformProcess({
      config: () => this.config,
      store: () => store.storeDisks,
      nextSegment: (writer, disk) => store.space.grantSegment(writer, disk),
      nextFile: () => store.index.nextFileId(),
      onDiskFailed: (disk) => store.noteFailure(disk),
      onDiskFull: (disk) => void store.noteFull(disk),
      log: (level, text) => log[level](text),
      onGone: (writer) => store.space.writerGone(writer),
    });
    this.#coordinator = new ObjectCoordinator({
      clock,
      journal: store.staleLog,
      index: store.index,
      hasDisk: (disk) => store.bodies.hasDisk(disk),
      onGrowing: ({ disk, file }, bytes) => store.space.noteGrowing(disk, file, bytes),
      derive: countedDerive((request) => this.#transform.derive(request), counters),
      abandonDerivation: (id) => this.#transform.abandon(id),
      onDefect: (error) => log.error(`unexpected: ${EdgeError.from(error).detail}`),
    });
    this.#coordinator.setVhosts(contentNamesOf(this.config));
    this.#logs = new HostLogs(
      {
        home,
        clock,
        log,
        workers: () => [...this.#workers.living()].map(({ id }) => id),
        tellNotices: (notices) => {
          for (const worker of this.#informedWorkers()) worker.channel.tell("logFiles", { notices });
        },
        tellTraced: (logs) => {
          for (const worker of this.#informedWorkers()) worker.channel.tell("logTraces", { logs });
        },
        onDropped: (lines) => counters.add(PROCESS_SLOT.logLinesDropped, lines),
        onRotated: (file) => uploads.noteRotated(file),
        isAwaited: (plan, file) => uploads.awaits(plan, file),
        onWritten: (id) => this.#subscriptions.noteWritten(id),
      },
      parts.config,
    );
    this.#subscriptions = new LogSubscriptions({
      home,
      clock,
      log,
      mayGrow: (path) => this.#logs.mayGrow(path),
      onCounts: ({ delivered, dropped, failedCalls, spoolBytes }) => {
        counters.add(PROCESS_SLOT.logEventsDelivered, delivered);
        counters.add(PROCESS_SLOT.logEventsDropped, dropped);
        counters.add(PROCESS_SLOT.logDeliveriesFailed, failedCalls);
        counters.set(PROCESS_SLOT.logSpoolBytes, spoolBytes);
      },
    });
    this.#origins = new OriginServers({
      clock,
      log,
      logs: this.#logs,
      counters,
      onView: (change) => {
        for (const worker of this.#informedWorkers()) worker.channel.tell("originView", change);
      },
    });
    this.#searchKnowledge = new SearchKnowledge({
      path: join(dirname(indexPathOf(parts.config, home)), "search-rules.log"),
      onProblem: (cause) => log.warning(`what No-Vary-Search says cannot be kept: ${EdgeError.from(cause).detail}`),
    });
    this.#invalidationJobs = new InvalidationJobs({
      clock,
      path: join(dirname(indexPathOf(parts.config, home)), "invalidations.log"),
      coordinator: this.#coordinator,
      onProblem: (cause) => log.warning(`jobs of purges cannot be kept: ${EdgeError.from(cause).detail}`),
    });
    this.#purging = new Purging({
      config: () => this.config,
      jobs: this.#invalidationJobs,
      coordinator: countedInvalidations(this.#coordinator, counters),
      clock,
      areOriginsExcluded: (vhost) => this.#origins.areAllExcluded(vhost),
      aliasesOf: (vhost, url) => this.#searchKnowledge.aliasesOf(vhost, url),
    });
    this.#traffic = new TrafficShares({
      config: () => this.config,
      workers: () =>
        this.#configuredWorkers().map(({ id, channel }) => ({
          id,
          tellShares: (fractions) => channel.tell("trafficShares", { fractions }),
        })),
    });
    this.#conversation = new WorkerConversation({
      coordinator: this.#coordinator,
      store,
      origins: this.#origins,
      log,
      logs: this.#logs,
      config: () => this.config,
      purge: (request) => this.purge(request),
      onSearchRule: (news) => this.#searchKnowledge.note(news),
      onUnmounted: (worker) => {
        if (worker.state === "serving") this.#mount.lost(worker.id);
        else this.#mount.left(worker.id);
      },
      countryOf: (address) => this.#countries.countryOf(address),
      traffic: this.#traffic,
      onAdmitted: (worker, report) => {
        for (const other of this.#configuredWorkers()) if (other !== worker) other.channel.tell("admitted", report);
      },
      onCounted: (worker, counts) => this.#statistics.accept(sourceOf(worker), counts),
      onLogMetrics: (counts) => this.#logMetrics.accept(counts, clock.now()),
      onMemory: (worker, use) => this.#applyEmergency(this.#emergency.accept(worker.id, use)),
    });
    this.#workers = new WorkerPool({
      calls: (worker) => this.#conversation.calls(worker),
      events: (worker) => this.#conversation.events(worker),
      configuration: (worker) => this.#workerConfiguration(worker),
      places: () => this.#listeners.places,
      onEntering: async (worker) => {
        this.#coordinator.addWorker(worker.id, worker.channel);
        await launched?.link.enlist(worker.identity);
      },
      onServing: (worker) => {
        this.#catchUp(worker);
        log.notice(`worker ${worker.slot} serves, pid ${worker.pid}`);
        this.#mount.settle();
      },
      onGone: (worker, code) => this.#workerGone(worker, code),
    });
    this.#mount = new MountKeeper<WorkerProcess>({
      settings: parts.config.server.cache.fileSystem,
      workers: () => [...this.#workers.living()].filter(({ state }) => state === "serving"),
      mount: async (worker, settings) => (await worker.channel.call("mount", settings)).problem,
      log,
    });
    this.#alarms = new Alarms({ log, post: postJson, hostName: () => this.config.server.host.name || hostname() });
    this.#alarms.configure(parts.config.server.host.alarms, clock.now());
    this.#metricHistory = new MetricHistory({
      path: join(dirname(indexPathOf(parts.config, home)), "metrics.sqlite"),
      clock,
      log,
      isDetailed: (vhost) => hasDetailedMetrics(this.config, vhost),
    });
    this.#statistics = this.#createStatistics();
    this.#graphs = new GraphKeeper({
      ...{ clock, log },
      work: new GraphThread({
        entry: GRAPH_THREAD_ENTRY,
        path: join(home, "data", "graphs.sqlite"),
        log,
      }),
      vhostNames: () => this.vhostNames(),
      vhost: (name) => this.#statistics.vhost(name),
    });
    this.#snmp = new SnmpKeeper({
      ...{ home, clock, log, counters },
      config: () => this.config,
      windows: this.#statistics.statistics.windows,
      uptimeMs: () => performance.now() - this.#startedMs,
      state: () => this.#emergency.hostState,
      vhost: (name) => this.#statistics.vhost(name),
      countSizes: () => this.#statistics.countSizes(),
      diskStatus: () => store.diskStatus(),
      history: () => this.configuration.history(),
      countryOf: (address) => this.#countries.countryOf(address),
    });
    this.#metrics = createMetrics(
      this.#statistics.statistics.aggregate,
      () => figuresOfProcesses(this.#workers, this.#transformFigures),
      () => store.diskStatus(),
      () => this.#machine.sample(this.#pids(), this.#diskFolders()),
      () => this.#logMetrics.series(clock.now()),
      (vhost) => hasDetailedMetrics(this.config, vhost),
    );
    this.#coldFiles = new ColdFiles({
      scan: (filter, visit) => store.index.scan(filter, visit),
      nowMs: () => clock.now(),
    });
    this.#countries = new CountryFolder({
      notice: (text) => log.notice(text),
      warning: (text) => log.warning(text),
    });
    this.#countries.setFolder(this.config.server.host.serviceAccess.geoIp);
    this.#management = createManagementServer({
      control: this,
      countryOf: this.#countries.countryOf,
      settings: () => this.config.server.host.manager,
      productVersion: PRODUCT_VERSION,
      log,
      socketPath: controlSocketPath(home),
    });
  }

  /** Binds, starts everything, resolves when all workers serve. Throws when a port cannot be had. */
  async start(): Promise<void> {
    const { log, sources, launched, orphans } = this.#parts;
    const recorded = this.configuration.started(sources);
    const sockets = launched?.taken.sockets ?? [];
    const tls = await this.#tls.load(this.config);
    this.#tls.putInService(tls);
    for (const note of tls.notes) log.warning(note);
    await this.#ocsp.recall();
    const aes = await describeAes(this.config.server.cache.aesNi);
    if (aes !== undefined) log.notice(aes);
    await this.#listeners.takeOver(sockets, this.config, (places) => orphans.unlisten(places), tls.places);
    this.#listeners.prepare(this.config, tls.places).commit();
    await this.#management.start();
    this.#statistics.start();
    await this.#snmp.configured();
    this.#origins.configure(this.config);
    this.#configureLogUses();
    this.#subscriptions.configure(this.config);
    await this.#workers.scale(this.config.server.cache.workers, this.#drainMs());
    this.#workers.enterService();
    // Those of the last primary serve on where none of this one's can. They may still read body files that no row names.
    const drained = this.#workers.serving.then(() => orphans.drain(this.#termination.drainMs ?? this.#drainMs()));
    void drained.then(() => {
      this.#logs.orphansGone();
      this.#subscriptions.lookAtAll();
      return this.#store.removeOrphans();
    });
    this.#keepStore();
    await recorded;
    void this.#snmp.writeMib();
    const took = Math.round(performance.now() - this.#startedMs);
    log.notice(
      `Basalt ${PRODUCT_VERSION} serves ${this.#listeners.names.join(", ") || "no port"}, started in ${took} ms`,
    );
    this.#acme.configured();
    this.#ocsp.configured();
    this.#termination.resume();
  }

  get config(): EdgeConfig {
    return this.#served.config;
  }

  /** The disks in use have changed: every process that reads or writes them is told. */
  tellDisks(store: StoreDisks): void {
    this.#transform.setStore(store);
    for (const worker of this.#workers.living()) {
      if (worker.state !== "starting") worker.channel.tell("store", store);
    }
  }

  async cleanup(ageDays: number | undefined): Promise<CleanupReport> {
    await this.configuration.prune(this.config.server.cache.configHistoryDays);
    return this.#store.cleanup(ageDays ?? this.config.server.cache.cleanup.ageDays);
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
    const vhost = this.config.vhosts.find((each) => each.name === name);
    const content = vhost?.facadeOf ?? name;
    if (vhost === undefined || !contentNamesOf(this.config).has(content)) return false;
    await this.#coordinator.invalidate(content, { kind: "pattern", pattern: "*" }, { kind: "hardpurge" });
    await this.#exclusively(() => this.#served.vhostCleared(content));
    return true;
  }

  keepsFile(file: number): boolean {
    return this.#coordinator.keepsFile(file);
  }

  vhostNames(): readonly string[] {
    return this.config.vhosts.map((vhost) => vhost.name);
  }

  purge(request: PurgeRequest): Promise<PurgeOutcome> {
    return this.#purging.run(request);
  }

  invalidations(question: InvalidationPageQuestion): InvalidationPage {
    return this.#invalidationJobs.list(question);
  }

  invalidation(id: string): InvalidationJob | undefined {
    return this.#invalidationJobs.find(id);
  }

  fileInfo(url: string): Promise<readonly FileInfo[]> {
    return describeStoredFiles(url, {
      config: this.config,
      variantsOf: (vhost, path) => this.#coordinator.variantsOf(vhost, path),
      underWay: (row) => this.#coordinator.underWay(row),
      bodies: this.#store.bodies,
      diskFolders: this.#diskFolders(),
      disks: this.#store.storeDisks.disks,
      nowMs: this.#parts.clock.now(),
    });
  }

  explain(question: ExplainQuestion): Promise<ExplainOutcome> {
    return explainUrl(question, {
      config: this.config,
      provenance: this.#served.provenance,
      nowMs: this.#parts.clock.now(),
      product: { name: PRODUCT_NAME, version: PRODUCT_VERSION },
      store: this.#store.storeDisks,
      isEmergency: this.#emergency.isActive,
      countryOf: this.#countries.countryOf,
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

  traceLog(log: TracedLog, vhost: string | undefined): Readable | undefined {
    return this.#logs.trace(vhost === undefined ? log : `${log} ${vhost}`);
  }

  queryLogs(question: LogQueryQuestion): Promise<LogQueryOutcome> {
    return queryLogs(question, this.config, this.#parts.home, this.#logQueries);
  }

  dnsList(): readonly ResolvedDomain[] {
    return this.#origins.dnsList();
  }

  reload(): Promise<ReloadOutcome> {
    return this.configuration.reload();
  }

  encryptPassword(plain: string): Promise<string> {
    return encryptPassword(this.#parts.home, plain);
  }

  restart(how: "rolling" | "full"): Promise<void> {
    if (how === "full") return this.#exclusively(() => this.#restartFully());
    return this.#exclusively(async () => {
      this.#parts.log.notice("rolling restart begins");
      await this.#workers.replaceAll(this.#drainMs());
      this.#parts.log.notice("rolling restart done");
    });
  }

  terminate(plan: TerminationPlan = { leaveSeconds: 0, drainSeconds: undefined }): void {
    this.#termination.begin(plan);
  }

  get isReady(): boolean {
    return !this.#termination.isUnderWay && !this.#isStopping;
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
      generation: this.config.generation,
      ...describeProcesses(this.#workers, this.#transform, this.#transformFigures),
      objects,
      bodyBytes: bytes,
      listening: this.#listeners.names,
    };
  }

  hardware(): Promise<HardwareReport> {
    return this.#machine.hardware();
  }

  processors(): ProcessorReport {
    return this.#machine.processors();
  }

  cacheResource(): CacheResourceReport {
    const memory = this.#machine.memory();
    const counted = this.#statistics.statistics.aggregate.processTotals();
    const { objects, bytes } = this.#store.index.totals;
    return {
      memory: {
        totalBytes: memory.totalBytes,
        freeBytes: memory.freeBytes,
        contentLimitBytes: counted[PROCESS_SLOT.contentMemoryLimitBytes] ?? 0,
        contentUsedBytes: counted[PROCESS_SLOT.contentMemoryUsedBytes] ?? 0,
        tierBytes: counted[PROCESS_SLOT.memoryTierBytes] ?? 0,
        tierObjects: counted[PROCESS_SLOT.memoryTierObjects] ?? 0,
      },
      disks: this.#store.diskStatus(),
      objects,
      bodyBytes: bytes,
    };
  }

  async geoIpFiles(): Promise<GeoIpReport | undefined> {
    if (!this.#countries.isConfigured) return undefined;
    return { folder: this.#countries.folder, files: await this.#countries.list() };
  }

  async cipherSuites(cipherString: string): Promise<CipherSuiteReport> {
    const outcome = await readCipherString(cipherString);
    return outcome.ok ? { ok: true, suites: outcome.suites.map(describeSuite) } : outcome;
  }

  signUrl(request: SigningRequest): SigningOutcome {
    return signUrl(request, this.config, this.#parts.clock.now());
  }

  coldFiles(vhost: string | undefined): Promise<ColdFileReport> {
    return this.#coldFiles.report(vhost);
  }

  async metrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    const asking = this.#configuredWorkers().map(async (worker) => {
      const figures = await worker.channel.call("figures", null).catch(() => undefined);
      if (figures !== undefined) worker.figures = figures;
    });
    // A process that hangs is to be seen in the figures: it must not keep them back.
    await withinTime(FIGURES_LIMIT_MS, Promise.all([...asking, this.#statistics.collectNow(), this.#askTransform()]));
    return { contentType: this.#metrics.contentType, text: await this.#metrics.text() };
  }

  statistics({ span, vhosts }: StatisticsQuestion): StatisticsAnswer {
    this.#statistics.countSizes();
    const report = this.#statistics.statistics.report(span, vhosts === undefined ? undefined : new Set(vhosts));
    return { json: () => reportJson(report), xml: () => reportXml(report) };
  }

  serviceMap(minutes: number, vhost: string | undefined): ServiceMap | undefined {
    if (vhost !== undefined && !this.vhostNames().includes(vhost)) return undefined;
    return this.#statistics.statistics.serviceMap(minutes, vhost);
  }

  alarms(): readonly AlarmReport[] {
    return this.#alarms.report();
  }

  metricStatistics(periodSeconds: number, vhost: string | undefined): MetricReport | undefined {
    if (vhost !== undefined && !this.vhostNames().includes(vhost)) return undefined;
    return this.#statistics.statistics.metrics(periodSeconds, vhost);
  }

  async metricHistory(
    vhost: string | undefined,
    question: HistoryQuestion,
  ): Promise<readonly (HistoryPoint | undefined)[] | undefined> {
    if (vhost !== undefined && !this.vhostNames().includes(vhost)) return undefined;
    return this.#metricHistory.points(vhost, question);
  }

  graph(question: GraphQuestion): Promise<GraphOutcome> {
    return this.#graphs.picture(question);
  }

  nowMs(): number {
    return this.#parts.clock.now();
  }

  /** Drains the workers, writes everything, ends the process. Another call may shorten the drain. */
  async stop(exitCode: number, drainMs = this.#drainMs()): Promise<void> {
    if (this.#isDraining) void this.#drain(drainMs);
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#isDraining = true;
    const { log } = this.#parts;
    log.notice(exitCode === EXIT_RESTART ? "restart begins" : "stop begins");
    this.#mount.stop();
    if (exitCode !== EXIT_RESTART) this.#listeners.leaveAll();
    await this.#drain(drainMs);
    this.#origins.close();
    this.#acme.stop();
    this.#ocsp.stop();
    this.#traffic.stop();
    this.#transform.stop();
    this.#listeners.close();
    this.#logs.endTraces();
    await Promise.all([this.#management.close(), this.#snmp.close()]);
    await this.#end("stopped", exitCode);
  }

  /** Resolves when no worker is left. */
  async #drain(drainMs: number): Promise<void> {
    await Promise.all([this.#workers.stop(drainMs), this.#parts.orphans.drain(drainMs)]);
  }

  /** Resolves when the next primary is sure to have a configuration; the workers serve until its workers do. */
  async #restartFully(): Promise<void> {
    const { home, log } = this.#parts;
    const outcome = await loadConfig(home, this.config.generation + 1);
    if (!outcome.ok) {
      for (const problem of outcome.problems) log.error(formatProblem(problem));
      throw new EdgeError("INTERNAL", { detail: "restart refused: the configuration on disk has errors" });
    }
    // Lets the answer to the call leave first.
    setImmediate(() => void this.#handOver());
  }

  /** Leaves the sockets and the workers to the next primary (decision 0015). */
  async #handOver(): Promise<void> {
    const { log, launched, orphans } = this.#parts;
    if (launched?.link.isOpen !== true) return this.stop(EXIT_RESTART);
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#mount.stop();
    log.notice("restart begins; the workers serve on meanwhile");
    this.#logs.endTraces();
    await Promise.all([this.#management.close(), this.#snmp.close()]);
    orphans.leave();
    await this.#workers.leave(LEAVE_MS);
    this.#origins.close();
    this.#acme.stop();
    this.#ocsp.stop();
    this.#traffic.stop();
    this.#transform.stop();
    await this.#end("handed over", EXIT_RESTART);
  }

  /** Writes what is left, then ends the process: nobody asks anything of it any more. */
  async #end(lastWord: string, exitCode: number): Promise<void> {
    const { log, exit } = this.#parts;
    this.#statistics.stop();
    await Promise.all([this.#metricHistory.close(), this.#graphs.close(this.#statistics.statistics)]);
    clearTimeout(this.#keeping);
    await this.#endSweeps();
    await this.#store.close(this.#coordinator.forgettableVersion);
    await this.#logs.close();
    await this.#uploads.close();
    await this.#subscriptions.close();
    log.notice(lastWord);
    await log.close();
    exit(exitCode);
  }

  /** Purges that rows do not show yet stay in the stale log for the next start; without one they are waited for. */
  async #endSweeps(): Promise<void> {
    if (!this.config.server.cache.syncStale) await this.#coordinator.finishSweeps();
    this.#coordinator.stop();
    await this.#searchKnowledge.close();
    await this.#invalidationJobs.close();
  }

  /** Until every worker knows the new configuration, both old and new hosts have objects. */
  async #applyConfiguration(previous: EdgeConfig, listen: () => ListeningChange): Promise<void> {
    const { config } = this;
    this.#configureOwnParts(previous);
    const workers = this.#workers.living();
    const [refusal] = await configureWorkers(workers, (worker) => this.#workerConfiguration(worker));
    if (refusal !== undefined) throw new EdgeError("INTERNAL", { detail: refusal.reason });
    const { added, removed } = listen();
    for (const worker of this.#workers.living()) {
      if (worker.state !== "serving") continue;
      for (const place of added) if (!worker.isListening(place.place)) worker.listen(place);
      for (const place of removed) worker.unlisten(place);
    }
    this.#logs.tellChanges();
    this.#statistics.configure();
    await this.#snmp.configured();
    this.#alarms.configure(config.server.host.alarms, this.#parts.clock.now());
    this.#subscriptions.configure(config);
    this.#coordinator.setVhosts(contentNamesOf(this.config));
    this.#store.configure(config);
    // Content of hosts that are gone is gone for every worker when the reload is answered (CFG-56).
    await this.#store.index.flush().catch(() => undefined);
    this.#applyEmergency(this.#emergency.setOn(config.server.cache.emergencyMode));
    if (previous.server.cache.syncStale && !config.server.cache.syncStale) this.#hurrySweeps();
    this.#acme.configured();
    this.#ocsp.configured();
  }

  /** A worker that cannot go back either is replaced. */
  async #restoreConfiguration(refused: EdgeConfig): Promise<void> {
    this.#configureOwnParts(refused);
    const workers = this.#workers.living();
    for (const { worker, reason } of await configureWorkers(workers, (each) => this.#workerConfiguration(each))) {
      this.#parts.log.error(`${reason}; it is replaced`);
      worker.kill();
    }
    this.#logs.tellChanges();
    this.#coordinator.setVhosts(contentNamesOf(this.config));
  }

  /** What workers start with. `other`: the configuration whose hosts still have objects. */
  #configureOwnParts(other: EdgeConfig): void {
    const { config } = this;
    this.#countries.setFolder(config.server.host.serviceAccess.geoIp);
    this.#coordinator.setVhosts(contentNamesOf(config, other));
    this.#origins.configure(config);
    this.#logs.configure(config);
    this.#transform.applySettings();
    this.#configureLogUses();
  }

  /** From now on the stale log is ignored: what was promised by it is brought into the index without rests (OPT-82). */
  #hurrySweeps(): void {
    this.#coordinator.finishSweeps().catch((cause: unknown) => {
      this.#parts.log.error(`purges could not be brought into the index: ${EdgeError.from(cause).detail}`);
    });
  }

  /** A reload may have come while the worker was starting. */
  #catchUp(worker: WorkerProcess): void {
    if (worker.generation !== this.config.generation) {
      void configureWorkers([worker], (each) => this.#workerConfiguration(each)).then(([refusal]) => {
        if (refusal === undefined) return;
        this.#parts.log.error(`${refusal.reason}; it is replaced`);
        worker.kill();
      });
    }
    worker.channel.tell("share", this.#shareOf(worker));
    worker.channel.tell("store", this.#store.storeDisks);
    worker.channel.tell("emergency", { isActive: this.#emergency.isActive });
    worker.channel.tell("logFiles", { notices: this.#logs.closingFor(worker.id) });
    worker.channel.tell("logTraces", { logs: this.#logs.traced });
    const { places } = this.#listeners;
    for (const place of places) if (!worker.isListening(place.place)) worker.listen(place);
    for (const place of worker.listeningPlaces) {
      if (!places.some((known) => known.place === place)) worker.unlisten(place);
    }
  }

  #configureLogUses(): void {
    this.#logMetrics.configure(logMetricDefinitions(this.config));
    this.#uploads.configure(this.config);
    void this.#logs.rotatedForUpload().then((files) => this.#uploads.catchUp(files));
  }

  #workerGone(worker: WorkerProcess, code: number | null): void {
    this.#parts.launched?.link.dismiss(worker.pid);
    this.#coordinator.removeWorker(worker.id);
    this.#logs.workerGone(worker.id);
    this.#origins.workerGone(worker.id);
    this.#traffic.workerGone(worker.id);
    this.#mount.left(worker.id);
    this.#store.space.writerGone(sourceOf(worker));
    this.#applyEmergency(this.#emergency.forget(worker.id));
    this.#statistics.ended(sourceOf(worker));
    if (worker.slot >= 0 && worker.state !== "draining" && !this.#isStopping && code !== 0) {
      this.#parts.log.warning(
        `worker ${worker.slot} (pid ${worker.pid}) ended unexpectedly, exit code ${code ?? "none"}`,
      );
    }
  }

  async #askTransform(): Promise<void> {
    const { pid } = this.#transform;
    const figures = await this.#transform.figures();
    const { restarts, replacements, overloaded } = this.#transform;
    this.#transformFigures = this.#transformCounting.take(figures, { pid, restarts, replacements, overloaded });
  }

  /** Where the disks lie, in the order of the configuration. */
  #diskFolders(): readonly string[] {
    return configuredDisksOf(this.config).map(({ path }) => resolve(this.#parts.home, path));
  }

  #pids(): readonly number[] {
    const workers = [...this.#workers.living()].map(({ pid }) => pid);
    return [process.pid, ...workers, this.#transform.pid].filter((pid) => pid > 0);
  }

  #createStatistics(): StatisticsKeeper {
    const { clock, log } = this.#parts;
    const store = this.#store;
    return new StatisticsKeeper({
      clock,
      config: () => this.config,
      processes: () =>
        this.#configuredWorkers().map((worker) => ({
          source: sourceOf(worker),
          counts: (endsInterval) => worker.channel.call("counts", { endsInterval }),
        })),
      counters: this.#counters,
      bringUpToDate: () => {
        this.#origins.count();
        void this.#askTransform();
      },
      sampleSystem: () => this.#machine.sample(this.#pids(), this.#diskFolders()),
      host: () => ({
        version: PRODUCT_VERSION,
        name: this.config.server.host.name || hostname(),
        state: this.#emergency.hostState,
        uptimeSeconds: Math.floor((performance.now() - this.#startedMs) / 1000),
        waitingEvents: this.#transformFigures?.waiting ?? 0,
      }),
      disks: () => store.diskStatus(),
      objectsOf: (vhost) => store.index.objectsOf(vhost),
      scan: (visit) => store.index.scan({}, ({ vhost, location }) => visit(vhost, location.bodyBytes)),
      onMinute: (statistics) => {
        this.#alarms.minuteEnded(statistics, clock.now());
        this.#metricHistory.minuteEnded(statistics);
      },
      onWindow: (statistics) => {
        this.#graphs.windowEnded(statistics);
        this.#logs
          .logMonitoring((formOf) => statistics.monitoringRecords(formOf))
          .catch((cause: unknown) => log.error(`monitoring log: ${EdgeError.from(cause).detail}`));
      },
      onStuck: (source) => {
        const stuck = [...this.#workers.living()].find((worker) => sourceOf(worker) === source);
        if (stuck === undefined) return;
        log.error(`worker ${stuck.slot}, pid ${stuck.pid}, does not answer and is killed`);
        stuck.kill();
      },
      onDefect: (error) => log.error(`statistics: ${EdgeError.from(error).detail}`),
    });
  }

  #shareOf(worker: WorkerProcess): WorkerShare {
    return { place: Math.max(0, worker.slot), workers: Math.max(1, this.#workers.size) };
  }

  #workerConfiguration(worker: WorkerProcess): PreparedConfiguration {
    const { home, clock, launched } = this.#parts;
    const { config } = this;
    const base = worker.baseOf(config);
    const transfer = packConfig(config, base);
    const sent = transfer.vhosts.flatMap((vhost) => (typeof vhost === "number" ? [] : [vhost.name]));
    const message: WorkerConfiguration = {
      config: transfer,
      indexPath: indexPathOf(this.config, home),
      store: this.#store.storeDisks,
      isEmergency: this.#emergency.isActive,
      memoryTierBytes: memoryTierBytes(this.config, Math.max(this.#workers.size, this.config.server.cache.workers)),
      clockOffsetMs: clock.offsetMs,
      originViews: this.#origins.viewsOf(sent),
      share: this.#shareOf(worker),
      tls: this.#tls.plan,
      logs: base === undefined ? this.#logs.workerState : this.#logs.workerChanges,
      survival: {
        launcher: launched?.link.isOpen === true ? launched.taken.launcher : undefined,
        socketPath: orphanSocketPath(home),
        drainMs: this.#drainMs(),
      },
    };
    return { config, message };
  }

  async #advanceClock(advanceMs: number): Promise<void> {
    const { clock } = this.#parts;
    clock.setOffset(milliseconds(clock.offsetMs + advanceMs));
    const { offsetMs } = clock;
    const workers = [...this.#workers.living()];
    await Promise.all(workers.map((worker) => worker.channel.call("setClock", { offsetMs }).catch(() => null)));
    this.#ocsp.configured();
  }

  /** Each second, and never twice at a time. */
  #keepStore(): void {
    this.#keeping = setTimeout(() => {
      const settled = this.#coordinator.settledVersion;
      this.#coordinator.dropUnused();
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

  /** Those that have been told of a configuration, if they have confirmed it or not. */
  #informedWorkers(): readonly WorkerProcess[] {
    return [...this.#workers.living()].filter(({ isInformed }) => isInformed);
  }

  #configuredWorkers(): readonly WorkerProcess[] {
    return [...this.#workers.living()].filter(({ state }) => state !== "starting");
  }

  #drainMs(): number {
    return this.config.server.cache.drainSeconds * 1000;
  }

  #exclusively<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changing.then(change);
    this.#changing = result.catch(() => undefined);
    return result;
  }
}

/** Hosts whose objects the store knows. */
const contentNamesOf = (...configs: readonly EdgeConfig[]): ReadonlySet<string> =>
  new Set(configs.flatMap((config) => servingVhosts(config).map(({ name }) => name)));
